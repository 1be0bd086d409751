"""A `Song` back into the Guitar Pro 6, 7 or 8 file that it came from; .gpx comes out as .gp.

Nothing that the score holds is changed: its elements are shared between places that look the same. New tracks, bars,
voices, beats and notes go to the ends of their lists under new ids, and only the lists that say what stands where are
longer or name another bar. All else of the text stays byte for byte.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from arranger.errors import SongFileError
from arranger.formats.gpif_bars import NO_KIT, Pool, StaffStyle, write_voices
from arranger.formats.gpif_container import Container, open_container, pack_container, parse_score
from arranger.formats.gpif_drums import Articulations, articulations_of
from arranger.formats.gpif_kit import STANDARD_KIT, index_of
from arranger.formats.gpif_layout import new_views, shown_entries, track_views
from arranger.formats.gpif_model import Score, read_score
from arranger.formats.gpif_read import read_gpif
from arranger.formats.gpif_staff import VOICES, edited_bars
from arranger.formats.gpif_text import SECTIONS, Edit, ScoreText, appended, id_list, scan, spliced
from arranger.formats.gpif_track import (
    DRUM_TUNING,
    clef,
    free_channels,
    instrument_of,
    shown,
    track_element,
    used_channels,
)
from arranger.formats.score_voice import fingered
from arranger.fretboard import BASS_4, GUITAR_6
from arranger.parts import BASS_PROGRAMS
from arranger.song import Bar, Song, Track

FORMATS = ("gp", "gpx")
_OTHER_FORMAT = "Write a MIDI file instead (-o NAME.mid)."


@dataclass(frozen=True)
class _Source:
    """The file that a song came from, in all the ways in which it is needed here."""

    name: str
    container: Container
    root: ET.Element
    text: ScoreText
    score: Score
    song: Song

    @property
    def old(self) -> bool:
        return self.container.format == "gpx"

    @property
    def elements(self) -> list[ET.Element]:
        """The Track elements in the order of the score."""
        found = {element.get("id", ""): element for element in self.root.iterfind("Tracks/Track")}
        order = [key for key in self.root.findtext("MasterTrack/Tracks", "").split() if key in found]
        return [found[key] for key in order or list(found)]

    @property
    def bars(self) -> tuple[Bar, ...]:
        return self.song.bars[: len(self.score.master_bars)]

    def column(self, track: int, staff: int) -> int:
        """Place of a staff among the bars that each master bar names."""
        return sum(len(other.staves) for other in self.score.tracks[:track]) + staff


@dataclass(frozen=True, slots=True)
class _NewTrack:
    element: str
    bars: tuple[int, ...]
    name: str
    flags: int


def write_gpif(song: Song) -> bytes:
    """The song as a .gp file, made from the .gp or .gpx file that it was read from.

    Tracks with a `source_id` go where they came from: of those whose notes differ, the bars that do are written anew.
    Tracks without are put at the end. Tracks of the source that the song has no more are left out.

    Raises
    ------
    SongFileError
        if the song has no such source, or the format can't hold what is in it.
    """
    if song.source is None or song.source.format not in FORMATS:
        raise SongFileError("song", "it wasn't read from a Guitar Pro 6, 7 or 8 file, so it can't be written as one")
    source = _opened(song.source.data, song.source.name)
    bars, name = source.bars, source.name
    if any(note.start >= bars[-1].end for track in song.tracks for note in track.notes):
        raise SongFileError(name, f"there are notes after its last bar ({len(bars)})", None, "Add bars to it first.")
    staves = sum(len(track.staves) for track in source.score.tracks)
    for at, master in enumerate(source.score.master_bars, 1):
        if len(master.bars) != staves:
            problem = f"it names {len(master.bars)} staves, but the tracks have {staves}"
            raise SongFileError(name, problem, f"bar {at}", "Open it in Guitar Pro and save it again.")
    if len(source.text.all("MasterBars", "MasterBar", "Bars")) != len(source.score.master_bars):
        raise SongFileError(name, "a bar names its staves twice", None, "Open it in Guitar Pro and save it again.")
    pool = Pool({section: source.text.next_id(section) for section in SECTIONS})
    swapped = _edited(source, song, pool)
    new = _new_tracks(source, [track for track in song.tracks if track.source_id is None], pool)
    kept = sorted({track.source_id[0] for track in song.tracks if track.source_id is not None})
    if not kept and not new:
        raise SongFileError(name, "no track is left to write")
    score = spliced(source.text, _edits(source, pool, swapped, kept, new))
    entries = shown_entries(
        source.container.entries,
        old=[1 if track.is_drum else 3 for track in source.score.tracks],
        kept=kept,
        new=[(track.name, track.flags) for track in new],
        views=[span.key for span in source.text.all("ScoreViews", "ScoreView")],
    )
    out = pack_container(replace(source.container, score=score, entries=entries))
    _check(out, song, source)
    return out


def _opened(data: bytes, name: str) -> _Source:
    container = open_container(data, name)
    root = parse_score(container, name)
    return _Source(name, container, root, scan(container.score, name), read_score(root, name), read_gpif(data, name))


def _check(out: bytes, song: Song, source: _Source) -> None:
    """Read what was written: an odd file must be refused, not come back with other notes."""
    try:
        again = read_gpif(out, source.name)
    except SongFileError as err:
        problem = "it holds something that can't be written back"
        raise SongFileError(source.name, problem, err.place, _OTHER_FORMAT) from err
    before = {track.source_id: track for track in source.song.tracks}
    same = [track for track in song.tracks if track.source_id is not None]
    for meant, written in zip(sorted(same, key=_place), again.tracks, strict=False):
        old = before[meant.source_id]
        if meant.notes == old.notes and written.notes != old.notes:
            raise SongFileError(source.name, "its notes can't be written back as they are", meant.name, _OTHER_FORMAT)


def _place(track: Track) -> tuple[int, ...]:
    return track.source_id or ()


# --- the text


def _edits(
    source: _Source, pool: Pool, swapped: dict[int, dict[int, int]], kept: Sequence[int], new: Sequence[_NewTrack]
) -> Iterable[Edit]:
    """All that changes in the text of the score.

    Parameters
    ----------
    swapped : new bar ids by staff and bar index.
    kept : indices of the source's tracks that stay.
    """
    text, tracks = source.text, source.score.tracks
    gone = [at for at in range(len(tracks)) if at not in kept]
    first = text.next_id("Tracks")
    numbers = [str(first + at) for at in range(len(new))]
    order = [element.get("id", "") for element in source.elements]
    mapping = text.all("MasterTrack", "Tracks")
    if mapping:
        yield id_list(text, mapping[0], [*(order[at] for at in kept), *numbers], "Tracks")
    dropped = {order[at] for at in gone}
    yield from (Edit(span.start, span.end, "") for span in text.all("Tracks", "Track") if span.key in dropped)
    columns = {source.column(at, staff) for at in gone for staff in range(len(tracks[at].staves))}
    for at, (span, master) in enumerate(
        zip(text.all("MasterBars", "MasterBar", "Bars"), source.score.master_bars, strict=True)
    ):
        ids = [
            str(swapped.get(column, {}).get(at, old)) for column, old in enumerate(master.bars) if column not in columns
        ]
        ids += [str(track.bars[at]) for track in new]
        if ids != list(master.bars):
            yield id_list(text, span, ids, "Bars")
    pool.elements["Tracks"] = [track.element for track in new]
    for section in SECTIONS:
        edit = appended(text, section, pool.elements.get(section, ())) if section != "MasterBars" else None
        if edit is not None:
            yield edit
    views = text.all("ScoreViews", "ScoreView")
    if text.all("ScoreViews"):
        added = new_views([view.key for view in views], len(new))
        edit = appended(text, "ScoreViews", [f'<ScoreView id="{number}"/>' for number in added])
        if edit is not None:
            yield edit
    dead = set(track_views([view.key for view in views], len(tracks), gone))
    yield from (Edit(view.start, view.end, "") for view in views if view.key in dead)


# --- old tracks


def _edited(source: _Source, song: Song, pool: Pool) -> dict[int, dict[int, int]]:
    """New bar ids of the source's staves, by staff and bar index."""
    staves = {track.source_id: track for track in song.tracks if track.source_id is not None}
    alive = {source_id[0] for source_id in staves}
    swapped: dict[int, dict[int, int]] = {}
    for before in source.song.tracks:
        assert before.source_id is not None
        track, staff = before.source_id
        if track not in alive:
            continue
        # A staff can't go alone; one that the song has no more falls silent.
        after = staves.get(before.source_id, replace(before, notes=()))
        column = source.column(track, staff)
        try:
            swapped[column] = edited_bars(
                source.text,
                pool,
                _style(source, before),
                source.score,
                column,
                before.notes,
                after.notes,
                source.bars,
                source.song.ticks_per_quarter,
                _flats(source),
                clef(before, before.tuning or GUITAR_6),
            )
        except ValueError as err:
            raise SongFileError(source.name, f"track “{before.name}” can't be written: {err}") from err
    return swapped


def _style(source: _Source, track: Track) -> StaffStyle:
    assert track.source_id is not None
    element = source.elements[track.source_id[0]]
    try:
        octave, chromatic = (int(element.findtext(f"Transpose/{tag}", "0")) for tag in ("Octave", "Chromatic"))
    except ValueError:
        octave = chromatic = 0
    kit = articulations_of(element) if track.is_drum else NO_KIT
    return StaffStyle(track.tuning or (), track.capo, track.is_drum, 12 * octave + chromatic, kit, source.old)


def _flats(source: _Source) -> list[bool]:
    """Of each bar, whether its key has flats."""
    flats, flat = [], False
    for master in source.score.master_bars:
        flat = master.key[0] < 0 if master.key is not None else flat
        flats.append(flat)
    return flats


# --- new tracks


def _new_tracks(source: _Source, tracks: Sequence[Track], pool: Pool) -> list[_NewTrack]:
    used = used_channels(source.elements)
    made = []
    for at, track in enumerate(tracks):
        channels = free_channels(track.is_drum, used)
        used |= {channels[:2], (channels[0], channels[2])}
        try:
            made.append(_new_track(source, track, source.text.next_id("Tracks") + at, channels, pool))
        except ValueError as err:
            raise SongFileError(source.name, f"track “{track.name}” can't be written: {err}") from err
    return made


def _new_track(source: _Source, track: Track, number: int, channels: tuple[int, int, int], pool: Pool) -> _NewTrack:
    tuning = DRUM_TUNING if track.is_drum else track.tuning or usual_tuning(track)
    drum_set, kit = _kit(source, track) if track.is_drum else (None, NO_KIT)
    octave = instrument_of(track).octave
    staff = StaffStyle(tuning, track.capo, track.is_drum, 12 * octave, kit, source.old)
    notes = track.notes if track.is_drum else fingered(track.notes, tuning, track.capo)
    bars = source.bars
    voices = write_voices(pool, staff, notes, bars, range(len(bars)), source.song.ticks_per_quarter, _flats(source))
    head = f"<Clef>{clef(track, tuning)}</Clef>\n"
    empty = " -1" * (VOICES - 1)
    ids = tuple(pool.bar(f"{head}<Voices>{voices[bar.index].number}{empty}</Voices>\n") for bar in bars)
    element = track_element(number, track, tuning, channels, drum_set, source.old)
    return _NewTrack(element, ids, track.name, shown(track))


def usual_tuning(track: Track) -> tuple[int, ...]:
    """Tuning of a new track that says none."""
    return BASS_4 if track.program in BASS_PROGRAMS else GUITAR_6


def _kit(source: _Source, track: Track) -> tuple[str | None, Articulations]:
    """(InstrumentSet, articulations) for a new drum track: those of a drum track in the file that has all that is
    needed, else the standard ones."""
    keys = {note.pitch for note in track.notes}
    for number, element in enumerate(source.elements):
        instruments = element.find("InstrumentSet")
        if not source.score.tracks[number].is_drum or instruments is None:
            continue
        kit = articulations_of(element)
        if all(index_of(key, kit, exact=True) is not None for key in keys):
            return ET.tostring(instruments, encoding="unicode", short_empty_elements=False).strip(), kit
    return None, STANDARD_KIT
