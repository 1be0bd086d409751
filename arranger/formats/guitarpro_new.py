"""New Guitar Pro 3, 4 and 5 files from any song: tablature that can be played, drums on the percussion channel."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import guitarpro as gp
from guitarpro.models import TripletFeel

from arranger.errors import SongFileError
from arranger.formats.gpif_bars import StaffStyle, on_grid
from arranger.formats.gpif_strings import strung
from arranger.formats.guitarpro_bars import MAX_KEY, split_graces
from arranger.formats.guitarpro_file import ENCODINGS, piece_bytes
from arranger.formats.guitarpro_write import MAX_STRINGS, free_channel, track_model
from arranger.formats.playing_marks import without_strokes
from arranger.formats.score_grid import SHORTEST, TICKS_PER_QUARTER, ScoreGrid, score_grid
from arranger.song import Note, Song, Track

VERSIONS = {"gp3": (3, 0, 0), "gp4": (4, 0, 6), "gp5": (5, 1, 0)}
_NAMES = {
    "gp3": "FICHIER GUITAR PRO v3.00",
    "gp4": "FICHIER GUITAR PRO v4.06",
    "gp5": "FICHIER GUITAR PRO v5.10",
}
_FEELS = {"triplet-eighths": TripletFeel.eighth, "triplet-sixteenths": TripletFeel.sixteenth}

MAX_BARS = 5_000
MAX_TEMPO = 999
_MIDI_INSTEAD = "Write a MIDI file instead (-o NAME.mid)."


def new_guitarpro(song: Song, version: str, warnings: list[str] | None = None) -> bytes:
    """The song as a new file.

    Parameters
    ----------
    song : from any source or none. Its bars stand as they are written; repeats are not marked.
    version : `gp3`, `gp4` or `gp5` (5.1).
    warnings : gets a sentence for everything that could not be written as it is.

    Raises
    ------
    SongFileError
        if the song has no tracks, or more bars, channels or strings than the format.
    """
    told = warnings if warnings is not None else []
    name = song.source.name if song.source else song.title or "song"
    if not song.tracks:
        raise SongFileError(name, "it has no tracks to write", None, "Choose a song in which something plays.")
    if len(song.bars) > MAX_BARS:
        problem = f"it has {len(song.bars)} bars, more than a .{version} file of ours may have ({MAX_BARS})"
        raise SongFileError(name, problem, None, _MIDI_INSTEAD)
    if song.order:
        told.append("Repeats and jumps are not marked; each bar stands once, as in the source.")
    grid = score_grid(song, told)
    model = gp.Song(versionTuple=VERSIONS[version], tracks=[], measureHeaders=[])
    model.version = _NAMES[version]
    model.title = _text(song.title)
    _headers(model, song, grid, version, told)
    for number, track in enumerate(song.tracks, 1):
        try:
            _add_track(model, track, grid, number, told)
        except ValueError as err:
            raise SongFileError(name, f"it can't be written: {err}", f"track {number}", _MIDI_INSTEAD) from err
    _tempos(model, song, grid, told)
    return piece_bytes(model, name, ENCODINGS[0], lambda file: file.writeSong(model))


# --- tracks


def _add_track(model: Any, track: Track, grid: ScoreGrid, number: int, told: list[str]) -> None:
    place = f"Track {number} (“{track.name or 'without a name'}”)"
    if track.tuning is not None and len(track.tuning) > MAX_STRINGS and not track.is_drum:
        # The highest strings go: what they play is found further up the others.
        told.append(f"{place}: it has {len(track.tuning)} strings; the lower {MAX_STRINGS} were kept.")
        bare = tuple(replace(note, string=None, fret=None) for note in track.notes)
        track = replace(track, tuning=track.tuning[-MAX_STRINGS:], notes=bare)
    notes, graces = split_graces(track.notes)
    ornaments = {(grid.tick(start), pitch): grace for (start, pitch), grace in graces.items()}
    exact = tuple(sorted(map(grid.note, notes)))
    if track.is_drum:  # those of drums without strings are still there
        exact = without_strokes(exact, TICKS_PER_QUARTER)
    places = _places(exact, grid, track.is_drum)
    placed = tuple(replace(note, start=places[note.start]) for note in exact)
    if track.is_drum:
        kept = tuple({(note.start, note.pitch): note for note in placed if note.pitch <= MAX_KEY}.values())
        dropped = len(placed) - len(kept)
    else:
        found = strung(replace(track, notes=placed), MAX_STRINGS)
        track, kept, dropped = replace(track, tuning=found.tuning), found.notes, found.dropped
        if found.moved:
            told.append(f"{place}: {found.moved} notes are out of reach of the strings and were moved by octaves.")
    # Back to where they were: a place that is rounded twice may end two steps away.
    origin = {place: start for start, place in sorted(places.items(), reverse=True)}
    fresh = replace(track, notes=tuple(sorted(replace(note, start=origin[note.start]) for note in kept)))
    new = track_model(model, fresh, grid.bars, free_channel(fresh, model.tracks), ENCODINGS[0], ornaments)
    model.tracks.append(new)
    beats = [beat for measure in new.measures for beat in measure.voices[0].beats]
    dropped += len(kept) - sum(note.type != gp.NoteType.tie for beat in beats for note in beat.notes)
    if dropped > 0:
        told.append(f"{place}: {dropped} notes could not be written and are left out.")
    lost = len(graces) - sum(note.effect.grace is not None for beat in beats for note in beat.notes)
    if lost > 0:
        told.append(f"{place}: {lost} grace notes could not be written and are left out.")


def _places(notes: Sequence[Note], grid: ScoreGrid, is_drum: bool) -> dict[int, int]:
    """Where each start will be written, so that what becomes one chord is fingered as one."""
    marks = [Note(start, 1, 0, 1) for start in sorted({note.start for note in notes})]
    moved = on_grid(StaffStyle((), is_drum=is_drum), marks, grid.bars, TICKS_PER_QUARTER)
    return {mark.start: place.start for mark, place in zip(marks, moved, strict=True)}


# --- the score


def _headers(model: Any, song: Song, grid: ScoreGrid, version: str, told: list[str]) -> None:
    keys = {song.bar_at(key.tick): gp.KeySignature((key.sharps, int(key.minor))) for key in song.keys}
    feels = {song.bar_at(feel.tick): feel.kind for feel in song.feels}
    texts: dict[int, list[str]] = {}
    for marker in song.markers:
        if marker.text.strip():
            texts.setdefault(song.bar_at(marker.tick), []).append(marker.text.strip())
    key, feel = gp.KeySignature((0, 0)), TripletFeel.none
    for bar in grid.bars:
        key = keys.get(bar.index, key)
        if bar.index in feels:
            feel = _FEELS.get(feels[bar.index], TripletFeel.none)
        header = gp.MeasureHeader(
            number=bar.index + 1,
            start=TICKS_PER_QUARTER + bar.start,
            keySignature=key,
            timeSignature=gp.TimeSignature(bar.numerator, gp.Duration(bar.denominator)),
            tripletFeel=feel,
        )
        if bar.index in texts:
            header.marker = gp.Marker(_text(" / ".join(texts[bar.index])))
        model.measureHeaders.append(header)
    model.key = model.measureHeaders[0].keySignature
    if any(kind not in (*_FEELS, "straight") for kind in feels.values()):
        told.append(f"Files of the kind .{version} know no dotted or Scottish swing; those bars are written straight.")
    if version != "gp5" and len({header.tripletFeel for header in model.measureHeaders} - {TripletFeel.none}) > 0:
        swung = model.measureHeaders[0].tripletFeel == TripletFeel.eighth
        if any((header.tripletFeel == TripletFeel.eighth) != swung for header in model.measureHeaders) or not swung:
            first = "with" if swung else "without"
            told.append(f"Files of the kind .{version} have one swing for the whole song; it is written {first} it.")
        for header in model.measureHeaders:
            header.tripletFeel = TripletFeel.eighth if swung else TripletFeel.none


def _tempos(model: Any, song: Song, grid: ScoreGrid, told: list[str]) -> None:
    """The first tempo into the header, the others onto the beats that are nearest to them, in any track."""
    first, *rest = song.tempos
    model.tempo = _tempo(first.qpm)
    beats = _beats(model, grid)
    places = [start for start, _ in beats]
    moved = rounded = lost = 0
    rounded += abs(model.tempo - first.qpm) > 0.5
    for tempo in rest:
        at = grid.tick(tempo.tick)
        index = _nearest(places, at)
        beat = beats[index][1]
        moved += abs(places[index] - at) >= SHORTEST
        rounded += abs(_tempo(tempo.qpm) - tempo.qpm) > 0.5
        lost += beat.effect.mixTableChange is not None
        beat.effect.mixTableChange = gp.MixTableChange(tempo=gp.MixTableItem(_tempo(tempo.qpm)))
    if moved:
        told.append(f"{moved} tempo changes stand where no note does and were moved to the nearest.")
    if lost:
        told.append(f"{lost} tempo changes stand too near to others and are left out.")
    if rounded:
        told.append(f"{rounded} tempos are outside of 1 to {MAX_TEMPO} and were changed.")


def _beats(model: Any, grid: ScoreGrid) -> list[tuple[int, Any]]:
    """(start, first beat there) of all tracks, by start."""
    found: dict[int, Any] = {}
    for track in model.tracks:
        for bar, measure in zip(grid.bars, track.measures, strict=True):
            for beat in measure.voices[0].beats:
                found.setdefault(bar.start + round(beat.start - measure.start), beat)
    return sorted(found.items(), key=lambda item: item[0])


def _nearest(places: Sequence[int], at: int) -> int:
    after = min(bisect_left(places, at), len(places) - 1)
    before = max(0, bisect_right(places, at) - 1)
    return min(before, after, key=lambda index: abs(places[index] - at))


def _tempo(qpm: float) -> int:
    return max(1, min(MAX_TEMPO, round(qpm)))


def _text(text: str) -> str:
    """Text that Guitar Pro's encoding has, one line."""
    return " ".join(text.split()).encode(ENCODINGS[0], "replace")[:255].decode(ENCODINGS[0])
