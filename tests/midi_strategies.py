"""Random notes, maps and songs for property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from arranger.song import KeySignature, Marker, Note, Song, Tempo, TimeSignature, Track

notes_strategy = st.lists(
    st.builds(Note, st.integers(0, 2000), st.integers(1, 300), st.integers(0, 127), st.integers(1, 127)),
    min_size=1,
    max_size=40,
    unique_by=lambda note: (note.start, note.pitch),
)


def monophonic_by_pitch(notes: list[Note]) -> tuple[Note, ...]:
    kept: list[Note] = []
    ends: dict[int, int] = {}
    for note in sorted(notes):
        if note.start >= ends.get(note.pitch, 0):
            kept.append(note)
            ends[note.pitch] = note.end
    return tuple(kept)


def _maps(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[tuple[int, Any]]]:
    """(tick, value) from tick 0 on, no two values alike one after the other."""
    pairs = st.lists(st.tuples(st.integers(1, 1900), values), max_size=4, unique_by=lambda pair: pair[0])
    both = st.tuples(values, pairs).map(lambda drawn: [(0, drawn[0]), *sorted(drawn[1], key=lambda pair: pair[0])])
    return both.map(lambda all_: [one for at, one in enumerate(all_) if not at or one[1] != all_[at - 1][1]])


@st.composite
def songs(draw: st.DrawFn) -> Song:
    """A song that a MIDI file can hold as it is: up to 17 tracks, the last note behind the last change of metre."""
    programs = draw(st.lists(st.one_of(st.none(), st.integers(0, 127)), min_size=1, max_size=17))
    drums = [program is None for program in programs]
    tracks = [
        Track(
            f"T{at}",
            0 if program is None else program,
            program is None,
            monophonic_by_pitch([*draw(notes_strategy), Note(2000, 100, 60)]),
        )
        for at, program in enumerate(programs)
        if program is not None or not any(drums[:at])  # one kit
    ]
    metres = draw(_maps(st.tuples(st.integers(1, 13), st.sampled_from([1, 2, 4, 8, 16, 32]))))
    keys = draw(_maps(st.tuples(st.integers(-7, 7), st.booleans())))
    return Song(
        draw(st.integers(24, 960)),
        tuple(tracks),
        tempos=tuple(Tempo(tick, qpm) for tick, qpm in draw(_maps(st.integers(10, 400).map(float)))),
        time_signatures=tuple(TimeSignature(tick, *metre) for tick, metre in metres),
        keys=tuple(KeySignature(tick, *key) for tick, key in keys[draw(st.integers(0, 1)) :]),
        markers=tuple(Marker(tick, text) for tick, text in draw(_maps(st.sampled_from(["A", "Verse", "Ä – ü"])))),
    )
