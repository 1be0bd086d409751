"""Training windows: a run of whole bars of a song, one or two parts hidden, noise put on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arranger.diffusion.config import TrainConfig
from arranger.diffusion.layout import (
    BASS,
    CONTEXT_PLANES,
    DRUMS,
    FEATURES,
    GUITAR,
    LOWEST,
    MODES,
    OTHER,
    SOUNDS,
    STEPS,
    TARGET_PLANES,
    TARGETS,
    Bars,
    Planes,
    fold,
    lowest_planes,
    map_tokens,
    noise_features,
    song_features,
    static_features,
)
from arranger.diffusion.noise import add_noise
from arranger.diffusion.shards import BASS_LINE, DRUMS_LINE, FIRST_GUITAR_LINE, OTHER_LINE, Piece

ONE_PART, TWO_PARTS, ALL_PARTS = 0.62, 0.22, 0.06
"""Shares of masks that hide whole parts; the rest hides runs of bars of one part."""
ABSENT, NO_OTHER, NO_CONTEXT = 0.12, 0.12, 0.05
"""Chance that a given part is missing from the song, that the other tracks are, and that everything is."""
DENSITY_SAID = 0.3
SHARED_NOISE = 0.5
GUITAR_ALONE = 0.35
"""Chance that one of several guitars is the part and the others are context."""


@dataclass(frozen=True, eq=False)
class Batch:
    """What one training step sees; letters as in `layout`.

    noisy, truth : uint8 (B, T, S, P); given : uint8 (B, T, S, P + C); features : float32 (B, T, F);
    place : int64 (B, T, 3), bar, token in the bar, and 1 for tokens that exist; weight : uint8 (B, T, S, P), cells
    to learn; level : float32 (B, T, 3).
    """

    noisy: np.ndarray
    truth: np.ndarray
    given: np.ndarray
    features: np.ndarray
    place: np.ndarray
    weight: np.ndarray
    level: np.ndarray


def piece_bars(piece: Piece) -> Bars:
    return Bars(piece.bar_steps, piece.bar_metre[:, 0], piece.bar_metre[:, 1], piece.bar_tempo)


@dataclass(frozen=True, eq=False)
class IndexedPiece:
    """A song with what windows need at hand: first step and first note of each bar."""

    piece: Piece
    bars: Bars
    bar_step: np.ndarray
    bar_note: np.ndarray
    note_bar: np.ndarray
    lines: np.ndarray


def index_piece(piece: Piece) -> IndexedPiece:
    bar_step = np.concatenate([[0], np.cumsum(piece.bar_steps, dtype=np.int64)])
    bar_note = np.concatenate([[0], np.cumsum(piece.bar_notes, dtype=np.int64)])
    note_bar = np.repeat(np.arange(len(piece.bar_notes), dtype=np.int32), piece.bar_notes)
    return IndexedPiece(piece, piece_bars(piece), bar_step, bar_note, note_bar, np.unique(piece.note_line))


def window_end(bars: Bars, first: int, tokens: int) -> int:
    """Last bar (exclusive) of the longest run from `first` that has at most `tokens` tokens, and at least one bar."""
    ends = np.cumsum(bars.tokens[first : first + tokens])
    return first + max(1, int(np.searchsorted(ends, tokens, side="right")))


def draw_roll(
    roll: np.ndarray, planes: Planes, row: np.ndarray, first: np.ndarray, length: np.ndarray, shift: int
) -> None:
    """Write notes into a uint8 roll (plane, step); notes past its end are cut."""
    steps = roll.shape[1]
    row = fold(row.astype(np.int64) + shift, planes) if planes.sustained else row.astype(np.int64)
    roll[planes.onset.start + row, first] = 1
    if planes.sustained:
        edges = np.zeros((planes.rows, steps + 1), dtype=np.int16)
        np.add.at(edges, (row, first), 1)
        np.add.at(edges, (row, np.minimum(first + length, steps)), -1)
        roll[planes.sustain] = np.cumsum(edges[:, :-1], axis=1) > 0


def draw_window(
    song: IndexedPiece, first: int, last: int, shift: int, alone: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Target and context rolls of the bars [first, last), uint8 (P, step) and (C, step).

    `alone`: line of the one guitar that is the part, the others being context; None for all guitars together.
    """
    piece = song.piece
    run = slice(song.bar_note[first], song.bar_note[last])
    origin, steps = song.bar_step[first], int(song.bar_step[last] - song.bar_step[first])
    at = song.bar_step[song.note_bar[run]] + piece.note_step[run] - origin
    line, row, length = piece.note_line[run], piece.note_row[run], piece.note_length[run].astype(np.int64)
    target = np.zeros((TARGET_PLANES, steps), dtype=np.uint8)
    context = np.zeros((OTHER.all.stop, steps), dtype=np.uint8)
    guitar = line >= FIRST_GUITAR_LINE if alone is None else line == alone
    other = (line == OTHER_LINE) | ((line >= FIRST_GUITAR_LINE) & ~guitar)
    for roll, planes, chosen in (
        (target, DRUMS, line == DRUMS_LINE),
        (target, BASS, line == BASS_LINE),
        (target, GUITAR, guitar),
        (context, OTHER, other),
    ):
        draw_roll(roll, planes, row[chosen], at[chosen], length[chosen], shift)
    return target, context


def hide(parts: np.ndarray, bar: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Which (token, part) to hide, bool (T, 3); `parts` are the indices of the parts that the song has."""
    hidden = np.zeros((len(bar), 3), dtype=bool)
    draw = rng.random()
    count = 1 if draw < ONE_PART else 2 if draw < ONE_PART + TWO_PARTS else 3
    chosen = rng.permutation(parts)[: count if draw < ONE_PART + TWO_PARTS + ALL_PARTS else 1]
    hidden[:, chosen] = True
    if draw >= ONE_PART + TWO_PARTS + ALL_PARTS:
        first, last = bar[0], bar[-1] + 1
        if rng.random() < 0.5:
            asked = rng.random(last - first) < rng.uniform(0.2, 0.8)
        else:
            edge = np.sort(rng.integers(0, last - first + 1, 2))
            asked = (np.arange(last - first) >= edge[0]) & (np.arange(last - first) < max(edge[1], edge[0] + 1))
        hidden &= asked[bar - first][:, None]
        if not hidden.any():
            hidden[:, chosen] = True
    return hidden


@dataclass(frozen=True, slots=True)
class Trial:
    """A validation case: one whole part hidden at one noise level, everything else given, nothing dropped."""

    part: int
    level: float


def make_batch(
    songs: list[IndexedPiece],
    chance: np.ndarray,
    config: TrainConfig,
    prior: np.ndarray,
    rng: np.random.Generator,
    trial: Trial | None = None,
) -> Batch:
    """Random windows of random songs; `chance` is each song's share, `prior` the noise's density, float (P,)."""
    size, tokens = config.batch, config.net.window
    shape = (size, tokens, STEPS, TARGET_PLANES)
    truth, noisy, weight = (np.zeros(shape, dtype=np.uint8) for _ in range(3))
    given = np.zeros((size, tokens, STEPS, TARGET_PLANES + CONTEXT_PLANES), dtype=np.uint8)
    features = np.zeros((size, tokens, FEATURES), dtype=np.float32)
    place = np.zeros((size, tokens, 3), dtype=np.int64)
    level = np.zeros((size, tokens, 3), dtype=np.float32)
    for at, pick in enumerate(rng.choice(len(songs), size, p=chance)):
        window = Batch(*(array[at] for array in (noisy, truth, given, features, place, weight, level)))
        _fill_window(window, songs[pick], config, prior, rng, trial)
    return Batch(noisy, truth, given, features, place, weight, level)


def _fill_window(
    out: Batch,
    song: IndexedPiece,
    config: TrainConfig,
    prior: np.ndarray,
    rng: np.random.Generator,
    trial: Trial | None,
) -> None:
    """Write one window into a batch's views (each without the axis B)."""
    bars = song.bars
    first = int(rng.integers(0, max(1, len(bars.steps) - 2)))
    last = window_end(bars, first, config.net.window)
    guitars = song.lines[song.lines >= FIRST_GUITAR_LINE]
    alone = int(rng.choice(guitars)) if not trial and len(guitars) > 1 and rng.random() < GUITAR_ALONE else None
    shift = int(rng.integers(-6, 6)) if not trial and rng.random() < config.transpose else song.piece.shift
    target, context = draw_window(song, first, last, shift, alone)
    token_map = map_tokens(bars, first, last)
    count = min(len(token_map.bar), config.net.window)
    roll = np.zeros((len(token_map.bar) * STEPS, TARGET_PLANES + OTHER.all.stop), dtype=np.uint8)
    roll[token_map.slot] = np.concatenate([target, context]).T
    roll = roll.reshape(-1, STEPS, roll.shape[1])[:count]
    x0, other = roll[..., :TARGET_PLANES], roll[..., TARGET_PLANES:]

    has = np.array([DRUMS_LINE in song.lines, BASS_LINE in song.lines, len(guitars) > 0])
    hidden = hide(np.flatnonzero(has), token_map.bar[:count], rng)
    everything = rng.random() < NO_CONTEXT
    no_other = everything or rng.random() < NO_OTHER
    absent = (rng.random(3) < (1.0 if everything else ABSENT)) | ~has
    # The square root puts weight on high levels, where what is played is decided; low ones only polish.
    t = 1.0 if rng.random() < config.full_noise else float(np.sqrt(rng.random()))
    said = _said_density(x0, hidden, rng)
    if trial:
        hidden = np.broadcast_to(np.arange(3) == trial.part, hidden.shape)
        everything, no_other, absent, t, said = False, False, ~has, trial.level, np.full(hidden.shape, np.nan)
    mode = np.where(hidden, MODES["unknown"], np.where(absent, MODES["absent"], MODES["given"]))
    levels = np.where(hidden, t, 0.0)

    by_plane = np.repeat(np.arange(3), [p.all.stop - p.all.start for p in TARGETS])
    cells = hidden[:, by_plane][:, None, :] & token_map.valid[:count, :, None]
    known = (mode == MODES["given"])[:, by_plane][:, None, :]
    out.truth[:count] = x0
    out.weight[:count] = cells
    # The sampler gives all bars the same random numbers (`framing`), so half of the windows have such noise too.
    draw = rng.random((count, STEPS, TARGET_PLANES), dtype=np.float32)
    if rng.random() < SHARED_NOISE:
        draw = draw[np.minimum(token_map.place[:count], count - 1)]
    out.noisy[:count] = add_noise(x0, t, prior, draw) & cells
    out.given[:count, :, :TARGET_PLANES] = x0 * known
    if not no_other:
        out.given[:count, :, TARGET_PLANES : TARGET_PLANES + OTHER.all.stop] = other
    out.given[:count, :, -LOWEST.rows :] = lowest_planes(out.given[:count])
    # Where a part is to be found, even in a few bars, its own sound is not told: a new part has none yet.
    unknown = np.any(hidden, axis=0) | absent
    told = song_features(shift, np.zeros(SOUNDS) if everything else song.piece.sounds, unknown)
    static, noise = static_features(bars, token_map, told)[:count], noise_features(levels, mode, said)
    out.features[:count] = np.concatenate([static, noise], axis=1)
    out.place[:count] = np.stack(
        [token_map.bar[:count], token_map.place[:count], np.ones(count, dtype=np.int64)], axis=1
    )
    out.level[:count] = levels


def _said_density(x0: np.ndarray, hidden: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Onsets a beat of each hidden part over the tokens in which it sounds, NaN where not said; float (T, 3)."""
    density = np.full(hidden.shape, np.nan)
    for part, planes in enumerate(TARGETS):
        if hidden[:, part].any() and rng.random() < DENSITY_SAID:
            onsets = x0[hidden[:, part]][..., planes.onset].sum(axis=(1, 2))
            playing = x0[hidden[:, part]][..., planes.all].any(axis=(1, 2))
            if playing.any():
                density[:, part] = onsets[playing].mean()
    return density


def plane_density(songs: list[IndexedPiece], samples: int, rng: np.random.Generator) -> np.ndarray:
    """Share of ones of each plane where its part plays, float (P,): the marginal prior."""
    total = np.zeros(TARGET_PLANES)
    steps = np.zeros(3)
    for pick in rng.integers(0, len(songs), samples):
        song = songs[pick]
        first = int(rng.integers(0, max(1, len(song.bars.steps) - 8)))
        target, _ = draw_window(song, first, min(first + 8, len(song.bars.steps)), song.piece.shift, None)
        total += target.sum(axis=1)
        steps += target.shape[1]
    return total / np.maximum(1, np.repeat(steps, [p.all.stop - p.all.start for p in TARGETS]))
