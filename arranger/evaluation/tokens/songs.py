"""Songs as the token model reads them: notes on the grid, by bar; from a packed training song or from a `Song`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arranger.diffusion.shards import BASS_LINE, DRUMS_LINE, FIRST_GUITAR_LINE, OTHER_LINE, Piece
from arranger.grid import bar_step_table, ticks_to_steps
from arranger.harmony import estimate_key
from arranger.parts import EFFECT_PROGRAMS, ROLES, Role
from arranger.song import Song
from arranger.voices import VOICE_OF_KEY

DRUMS = ROLES.index("drums")
_LONGEST = 255

_VOICES = np.array(VOICE_OF_KEY, dtype=np.int64)
_ROLE_OF_LINE = np.full(256, ROLES.index("guitar"), dtype=np.int64)
_ROLE_OF_LINE[[DRUMS_LINE, BASS_LINE, OTHER_LINE]] = [ROLES.index(name) for name in ("drums", "bass", "other")]
assert FIRST_GUITAR_LINE == 3


@dataclass(frozen=True, eq=False)
class TokenSong:
    """A song on the grid, its notes bar by bar.

    Parameters
    ----------
    bar_steps : int (bar,), length in steps. metre : int (bar, 2). tempo : int (bar,), quarters a minute.
    bar_note : int (bar + 1,), first note of each bar and the end.
    role, step, row, length : int (note,): index into `ROLES`, step in the bar, pitch or drum voice, steps it sounds.
    shift : semitones to C major or A minor.
    """

    bar_steps: np.ndarray
    metre: np.ndarray
    tempo: np.ndarray
    bar_note: np.ndarray
    role: np.ndarray
    step: np.ndarray
    row: np.ndarray
    length: np.ndarray
    shift: int

    def notes(self, first: int, last: int) -> np.ndarray:
        """Notes of the bars [first, last), int (note, 5): bar from `first`, role, step, row, length.

        Sorted by these; of several that begin at once on one row of a role the longest stays.
        """
        run = slice(self.bar_note[first], self.bar_note[last])
        bar = np.repeat(np.arange(last - first), np.diff(self.bar_note[first : last + 1]))
        columns = (bar, self.role[run], self.step[run], self.row[run], self.length[run])
        found = np.stack([column.astype(np.int64) for column in columns], axis=1)
        # Negated, so that the longest is the first of its kind.
        found = found[np.lexsort((-found[:, 4], *found.T[3::-1]))]
        kept = np.ones(len(found), dtype=bool)
        kept[1:] = (found[1:, :4] != found[:-1, :4]).any(axis=1)
        return found[kept]


def from_piece(piece: Piece) -> TokenSong:
    """A training song; all guitars are one part."""
    return TokenSong(
        piece.bar_steps,
        piece.bar_metre,
        piece.bar_tempo,
        np.concatenate([[0], np.cumsum(piece.bar_notes, dtype=np.int64)]),
        _ROLE_OF_LINE[piece.note_line].astype(np.uint8),
        piece.note_step,
        piece.note_row,
        piece.note_length,
        piece.shift,
    )


def from_song(song: Song, roles: Sequence[Role]) -> TokenSong:
    """A song as the evaluation gives it: the grid of training, without its limits."""
    table = bar_step_table(song.bars, song.ticks_per_quarter)
    columns = [np.zeros((0, 5), dtype=np.int64)]
    for role in roles:
        track = song.tracks[role.track]
        if not track.notes or (role.role == "other" and track.program in EFFECT_PROGRAMS):
            continue
        ticks = np.array([(note.start, note.end) for note in track.notes], dtype=np.int64)
        bar, step, length = ticks_to_steps(ticks, song.bars, song.ticks_per_quarter)
        index, row = ROLES.index(role.role), np.array([note.pitch for note in track.notes], dtype=np.int64)
        row = _VOICES[row] if index == DRUMS else row
        columns.append(np.stack([bar, np.full_like(row, index), step, row, np.minimum(length, _LONGEST)], axis=1))
    notes = np.concatenate(columns)
    notes = notes[np.lexsort(notes.T[::-1])]
    pitched = notes[notes[:, 1] != DRUMS]
    weights = np.bincount(pitched[:, 3] % 12, weights=pitched[:, 4], minlength=12)
    return TokenSong(
        np.diff(table),
        np.array([(bar.numerator, bar.denominator) for bar in song.bars]),
        np.array([round(song.tempo_at(bar.start)) for bar in song.bars]),
        np.searchsorted(notes[:, 0], np.arange(len(song.bars) + 1)),
        notes[:, 1],
        notes[:, 2],
        notes[:, 3],
        notes[:, 4],
        estimate_key(weights).shift,
    )
