"""Songs as the objects of other libraries and back, for notebooks that live there.

Each library is imported when it is asked for: `pip install 'arranger[interchange]'`. What comes from a library has no
source, so it is written new. Bars stand as in the song; call `arranger.playing.played_out` first to hear repeats.
"""

from __future__ import annotations

import io
from dataclasses import replace
from importlib import import_module
from typing import Any

from arranger.errors import ArrangerError
from arranger.song import KeySignature, Marker, Note, Song, Tempo, TimeSignature, Track

DRUM_CHANNEL = 9


def library(name: str) -> Any:
    """A library of the `interchange` extra.

    Raises
    ------
    ArrangerError
        saying how to install it.
    """
    try:
        return import_module(name)
    except ImportError as err:
        way_out = "install it with pip install 'arranger[interchange]'"
        raise ArrangerError(f"This needs {name}, which can't be imported ({err}); {way_out}.") from err


# --- pretty_midi: seconds, so tempo changes are played out into the times of the notes


def to_pretty_midi(song: Song) -> Any:
    """A `pretty_midi.PrettyMIDI` with one instrument a track, silent ones too; ticks and tempo map are exact."""
    from arranger.formats.midi_write import write_midi

    pretty_midi = library("pretty_midi")
    made = pretty_midi.PrettyMIDI(io.BytesIO(write_midi(_bare(song, ()))))
    made.instruments = []
    for track in song.tracks:
        instrument = pretty_midi.Instrument(track.program, track.is_drum, track.name)
        instrument.notes = [
            pretty_midi.Note(note.velocity, note.pitch, made.tick_to_time(note.start), made.tick_to_time(note.end))
            for note in track.notes
        ]
        made.instruments.append(instrument)
    return made


def from_pretty_midi(pretty: Any) -> Song:
    """The song in a `pretty_midi.PrettyMIDI`; notes go to the ticks that its tempo map gives their times."""
    tracks = []
    for instrument in pretty.instruments:
        notes = []
        for note in instrument.notes:
            start, end = (int(pretty.time_to_tick(seconds)) for seconds in (note.start, note.end))
            notes.append(Note(start, max(1, end - start), int(note.pitch), min(127, max(1, int(note.velocity)))))
        tracks.append(_track(instrument.name, instrument.program, instrument.is_drum, notes))
    times, tempos = pretty.get_tempo_changes()
    tick = pretty.time_to_tick
    return Song(
        int(pretty.resolution),
        tuple(tracks),
        tempos=_from_start({int(tick(at)): float(qpm) for at, qpm in zip(times, tempos, strict=True)}),
        time_signatures=_metres(
            (int(tick(one.time)), one.numerator, one.denominator) for one in pretty.time_signature_changes
        ),
        keys=tuple(
            _key_of_number(int(tick(one.time)), one.key_number % 12, one.key_number >= 12)
            for one in pretty.key_signature_changes
        ),
    )


# --- symusic: ticks


def to_symusic(song: Song) -> Any:
    """A `symusic.Score` in ticks with one track a track."""
    symusic = library("symusic")
    score = symusic.Score(song.ticks_per_quarter)
    for track in song.tracks:
        made = symusic.Track(track.name, track.program, track.is_drum)
        made.notes.extend([symusic.Note(n.start, n.duration, n.pitch, n.velocity) for n in track.notes])
        score.tracks.append(made)
    score.tempos.extend([symusic.Tempo(one.tick, one.qpm) for one in song.tempos])
    score.time_signatures.extend(
        [symusic.TimeSignature(one.tick, one.numerator, one.denominator) for one in song.time_signatures]
    )
    score.key_signatures.extend([symusic.KeySignature(one.tick, one.sharps, int(one.minor)) for one in song.keys])
    score.markers.extend([symusic.TextMeta(one.tick, one.text) for one in song.markers])
    return score


def from_symusic(score: Any) -> Song:
    """The song in a `symusic.Score` of any time unit; times in seconds or quarters are turned into its ticks."""
    score = score.to("tick")
    tracks = [
        _track(
            track.name,
            track.program,
            track.is_drum,
            [
                Note(int(n.time), max(1, int(n.duration)), int(n.pitch), min(127, max(1, int(n.velocity))))
                for n in track.notes
            ],
        )
        for track in score.tracks
    ]
    return Song(
        int(score.ticks_per_quarter),
        tuple(tracks),
        tempos=_from_start({int(one.time): float(one.qpm) for one in score.tempos}),
        time_signatures=_metres((int(one.time), one.numerator, one.denominator) for one in score.time_signatures),
        keys=tuple(KeySignature(int(one.time), int(one.key), bool(one.tonality)) for one in score.key_signatures),
        markers=tuple(Marker(int(one.time), one.text) for one in score.markers),
    )


# --- music21: quarters


def to_music21(song: Song) -> Any:
    """A `music21.stream.Score` with measures, chords, ties and tuplets, spelled as a musician reads it.

    It is what music21 makes of the song's MusicXML: recorded notes stand on the nearest written place.
    """
    from arranger.formats.musicxml_write import write_musicxml

    library("music21")
    converter = library("music21.converter")
    return converter.parseData(write_musicxml(song), format="musicxml")


def from_music21(score: Any) -> Song:
    """The song in a music21 stream; repeats are kept as playing order, pitches as they sound."""
    from arranger.formats.musicxml import read_musicxml

    exporter = library("music21.musicxml.m21ToXml")
    data = exporter.GeneralObjectExporter(score).parse()
    song = replace(read_musicxml(data, "music21 stream"), source=None)
    return song.with_tracks(replace(track, source_id=None) for track in song.tracks)


def _bare(song: Song, tracks: tuple[Track, ...]) -> Song:
    """The song's maps with other tracks and without its source."""
    return replace(song, tracks=tracks, length=song.end, order=(), feels=(), source=None)


def _track(name: str, program: int, is_drum: bool, notes: list[Note]) -> Track:
    return Track(name, int(program), bool(is_drum), tuple(sorted(notes)), DRUM_CHANNEL if is_drum else None)


def _from_start(changes: dict[int, float]) -> tuple[Tempo, ...]:
    """Tempos with one at tick 0, none said twice."""
    tempos: list[Tempo] = []
    for tick, qpm in sorted(({0: 120.0} | changes).items()):
        if not tempos or tempos[-1].qpm != qpm:
            tempos.append(Tempo(tick, qpm))
    return tuple(tempos)


def _metres(changes: Any) -> tuple[TimeSignature, ...]:
    metres = {int(tick): (int(numerator), int(denominator)) for tick, numerator, denominator in changes}
    return tuple(TimeSignature(tick, *metre) for tick, metre in sorted(({0: (4, 4)} | metres).items()))


def _key_of_number(tick: int, tonic: int, minor: bool) -> KeySignature:
    """Key signature of a tonic's pitch class, with six flats or sharps at most."""
    sharps = (7 * (tonic + (3 if minor else 0)) + 5) % 12 - 5
    return KeySignature(tick, sharps, minor)
