"""Drawing open bars: whatever the net says, bars come out that can be read; the same seed, the same bars."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from token_pieces import both, everything, small_net

from arranger.evaluation.tokens.decode import DrawSettings, draw_bars, draw_token
from arranger.evaluation.tokens.grammar import MAX_BAR_NOTES, MAX_CHORD, Open, read_notes
from arranger.evaluation.tokens.model import TokenNet
from arranger.evaluation.tokens.vocabulary import FILL_END, NAMES
from arranger.evaluation.tokens.windows import columns, encode_context, encode_fill

SONG = both(0)[1]
ASKED = np.zeros((8, 3), dtype=bool)
ASKED[4:6, :2] = True
CONTEXT = encode_context(SONG, 0, everything(SONG), ASKED, 10_000)
BARS = [Open(part, bar, 48) for part, bar in CONTEXT.open_bars]


def rngs(*seeds: int) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in seeds]


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 2), st.integers(1, 60), st.integers(-6, 5), st.floats(0, 1))
def test_any_walk_through_the_grammar_ends_in_a_readable_bar(
    seed: int, role: int, steps: int, shift: int, end: float
) -> None:
    rng, now, tokens = np.random.default_rng(seed), Open(role, 0, steps, shift), []
    while now is not None:
        allowed = np.flatnonzero(now.allowed())
        assert len(allowed)
        token = FILL_END if FILL_END in allowed and rng.random() < end / 10 else int(rng.choice(allowed))
        now, placed = now.after(token)
        assert placed[0] == token
        tokens.append(token)
    notes = read_notes(tokens[:-1])
    assert len(notes) <= MAX_BAR_NOTES
    assert all(0 <= step < steps for step, _, _ in notes)
    assert notes == sorted(notes)
    assert len({note[:2] for note in notes}) == len(notes)
    counts = np.bincount([step for step, _, _ in notes], minlength=1)
    assert counts.max() <= MAX_CHORD
    if role:
        assert all(0 <= row - shift <= 127 for _, row, _ in notes)


def test_the_grammar_takes_every_bar_of_a_song_that_is_not_too_dense() -> None:
    notes = everything(SONG)
    for part in range(3):
        for bar in range(8):
            now: Open | None = Open(part, bar, 48)
            for token in encode_fill(notes, part, bar)[1:]:
                assert now is not None
                now, placed = now.after(token[0])
                assert placed == token  # as training had it: role, bar and step
            assert now is None


def test_what_is_not_allowed_is_refused() -> None:
    position, pitch = NAMES.index("Position_4"), NAMES.index("Pitch_40")
    for wrong in (pitch, NAMES.index("Bar_None"), -1, len(NAMES)):
        with pytest.raises(ValueError, match="may not come"):
            Open(1, 0, 48).after(wrong)
    with pytest.raises(ValueError, match="may not come"):
        Open(1, 0, 4).after(position)  # the bar is over by then
    for tokens in ([pitch], [position, pitch], [position, NAMES.index("Duration_1.0.12")]):
        with pytest.raises(ValueError, match=r"no place|no length"):
            read_notes(tokens)


@torch.no_grad()
def reference(net: TokenNet, own: list, rng: np.random.Generator, how: DrawSettings) -> list:
    """One take, token by token, the whole sequence anew for each."""
    tokens, found = [*CONTEXT.shared, *own], []
    for bar in BARS:
        tokens.append(bar.start)
        now: Open | None = bar
        inside: list[int] = []
        while now is not None:
            logits = net(torch.from_numpy(columns(tokens))[None])[0, -1].numpy()
            token = draw_token(logits, now.allowed(), how, rng)
            now, placed = now.after(token)
            tokens.append(placed)
            inside.append(token)
        found.append(read_notes(inside[:-1]))
    return found


def test_takes_side_by_side_are_the_takes_one_by_one() -> None:
    """Contexts of different lengths, one cache: the same as without any of it."""
    net, how = small_net(3), DrawSettings(0.7, 0.9)
    owns = [list(CONTEXT.own), list(CONTEXT.own)[:-9], list(CONTEXT.own)[:5]]
    found = draw_bars(net, CONTEXT.shared, owns, BARS, rngs(1, 2, 3), how)
    for own, seed, take in zip(owns, (1, 2, 3), found, strict=True):
        assert take == reference(net, own, np.random.default_rng(seed), how)
    assert any(notes for take in found for notes in take)
    assert found[0] != found[1]


def test_takes_do_not_depend_on_each_other_and_nothing_need_be_shared() -> None:
    net = small_net(3)
    alone = draw_bars(net, CONTEXT.shared, [CONTEXT.own], BARS, rngs(2), DrawSettings())
    pair = draw_bars(net, CONTEXT.shared, [CONTEXT.own] * 2, BARS, rngs(1, 2), DrawSettings())
    assert pair[1] == alone[0]
    bare = draw_bars(net, (), [[*CONTEXT.shared, *CONTEXT.own]], BARS, rngs(2), DrawSettings())
    assert bare[0] == alone[0]


@given(st.integers(0, 1000))
def test_the_nucleus_is_the_likeliest_that_make_up_its_share(seed: int) -> None:
    logits = np.log(np.array([0.5, 0.05, 0.3, 0.1, 0.05]))
    every = np.ones(5, dtype=bool)
    rng = np.random.default_rng(seed)
    assert draw_token(logits, every, DrawSettings(1.0, 0.5), rng) == 0
    assert draw_token(logits, every, DrawSettings(1.0, 0.79), rng) in (0, 2)
    assert draw_token(logits, np.array([False, True, False, True, False]), DrawSettings(1.0, 0.6), rng) == 3


def test_draws_follow_the_chances() -> None:
    logits, rng = np.log(np.array([0.5, 0.3, 0.2])), np.random.default_rng(0)
    drawn = [draw_token(logits, np.ones(3, dtype=bool), DrawSettings(1.0, 1.0), rng) for _ in range(4000)]
    np.testing.assert_allclose(np.bincount(drawn) / 4000, [0.5, 0.3, 0.2], atol=0.03)
    hot = [draw_token(logits, np.ones(3, dtype=bool), DrawSettings(0.5, 1.0), rng) for _ in range(4000)]
    np.testing.assert_allclose(np.bincount(hot) / 4000, np.array([25, 9, 4]) / 38, atol=0.03)
