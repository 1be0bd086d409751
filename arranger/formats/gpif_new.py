"""New Guitar Pro 7 files from any song: every track in notation and tablature, drums as drums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from arranger.errors import SongFileError
from arranger.formats.gpif_bars import NO_KIT, Pool, StaffStyle, on_grid, one_voice, write_voices
from arranger.formats.gpif_container import SCORE_ENTRY, Container, pack_container
from arranger.formats.gpif_kit import STANDARD_KIT, index_of
from arranger.formats.gpif_layout import LAYOUT_NAME, PART_NAME, STANDARD, TABLATURE, layout_bytes, new_layout
from arranger.formats.gpif_strings import strung
from arranger.formats.gpif_text import SECTIONS, cdata
from arranger.formats.gpif_track import (
    DRUM_TUNING,
    clef,
    free_channels,
    instrument_of,
    is_fretted,
    track_element,
)
from arranger.formats.playing_marks import without_strokes
from arranger.formats.score_grid import ScoreGrid, score_grid
from arranger.song import Song, Track

TICKS_PER_QUARTER = 960
SHORTEST = TICKS_PER_QUARTER // 16
"""A 64th, of which every bar must have a whole number."""

LEGATO = TICKS_PER_QUARTER // 4
"""How far a note may reach into the next one before that is worth a word."""

MAX_BARS = 5_000


def new_gpif(song: Song, warnings: list[str] | None = None) -> bytes:
    """The song as a new .gp file.

    Parameters
    ----------
    song : from any source or none. Its bars stand as they are written; repeats are not marked.
    warnings : gets a sentence for everything that could not be written as it is: notes out of reach of their
        instrument, voices cut short, drums that Guitar Pro doesn't have.

    Raises
    ------
    SongFileError
        if there are no tracks, too many bars, or a bar that can't be written.
    """
    name = song.source.name if song.source else song.title or "song"
    told = warnings if warnings is not None else []
    if not song.tracks:
        raise SongFileError(name, "it has no tracks to write")
    if len(song.bars) > MAX_BARS:
        problem = f"it has {len(song.bars)} bars, more than a Guitar Pro file of ours may have ({MAX_BARS})"
        raise SongFileError(name, problem, None, "Write a MIDI file instead (-o NAME.mid).")
    grid = score_grid(song, told)
    if song.order:
        told.append("Repeats and jumps are not marked; each bar stands once, as in the source.")
    pool = Pool(dict.fromkeys(SECTIONS, 0))
    used: set[tuple[int, int]] = set()
    columns, flags = [], []
    for number, track in enumerate(song.tracks):
        channels = free_channels(track.is_drum, used)
        used |= {channels[:2], (channels[0], channels[2])}
        try:
            column, shown = _track(pool, grid, song, number, track, channels, told)
        except ValueError as err:
            raise SongFileError(name, f"it can't be written: {err}", f"track {number + 1}") from err
        columns.append(column)
        flags.append(shown)
    score = _score(song, grid, pool, columns)
    part, layout = layout_bytes(new_layout(flags))
    entries = (
        ("VERSION", b"7.0"),
        ("Content/", b""),
        (SCORE_ENTRY, score),
        (f"Content/{PART_NAME}", part),
        (f"Content/{LAYOUT_NAME}", layout),
        ("Content/BinaryStylesheet", bytes(4)),  # no style of its own: Guitar Pro's
    )
    return pack_container(Container("gp", score, entries))


# --- tracks


def _track(
    pool: Pool,
    grid: ScoreGrid,
    song: Song,
    number: int,
    track: Track,
    channels: tuple[int, int, int],
    told: list[str],
) -> tuple[list[int], int]:
    """Add a track and its bars; returns the ids of the bars, and how the track is shown (`gpif_layout`)."""
    playable = not track.is_drum
    place = f"Track {number + 1} (“{track.name or 'without a name'}”)"
    placed = tuple(sorted(grid.note(note) for note in track.notes))
    if track.is_drum:
        placed = without_strokes(placed, TICKS_PER_QUARTER)
    placed = on_grid(StaffStyle((), is_drum=track.is_drum), placed, grid.bars, TICKS_PER_QUARTER)
    if track.is_drum:
        tuning: tuple[int, ...] = DRUM_TUNING
        kit = STANDARD_KIT
        notes = tuple(
            {(note.start, note.pitch): note for note in placed if index_of(note.pitch, kit) is not None}.values()
        )
        dropped = len(placed) - len(notes)
        moved = sum(index_of(note.pitch, kit, exact=True) is None for note in notes)
        if moved:
            told.append(f"{place}: drums that Guitar Pro doesn't have were replaced by similar ones (hits: {moved}).")
    else:
        found = strung(replace(track, notes=placed))
        playable = found.playable
        tuning, kit, notes, dropped = found.tuning, NO_KIT, found.notes, found.dropped
        if is_fretted(track) and not playable:
            told.append(f"{place}: it is too wide for its instrument and stands in notation, not in tablature.")
        if found.moved:
            told.append(f"{place}: what no string reaches was moved by octaves (notes: {found.moved}).")
    track = replace(track, notes=notes)
    staff = StaffStyle(tuning, track.capo, track.is_drum, 12 * instrument_of(track).octave, kit)
    before = len(pool.lost)
    line = one_voice(notes, grid.bars, range(len(grid.bars)))
    cut = sum(full.duration - short.duration > LEGATO for full, short in zip(notes, line, strict=True))
    if cut and not track.is_drum:
        told.append(f"{place}: in one voice, long notes end where the next ones begin (notes: {cut}).")
    voices = write_voices(pool, staff, notes, grid.bars, range(len(grid.bars)), TICKS_PER_QUARTER, _flats(song))
    dropped += len(pool.lost) - before
    if dropped:
        told.append(f"{place}: what no hand can hold, or sounds twice, is left out (notes: {dropped}).")
    head = f"<Clef>{clef(track, tuning)}</Clef>\n"
    pool.elements.setdefault("Tracks", []).append(track_element(number, track, tuning, channels))
    flags = STANDARD | TABLATURE if playable else STANDARD
    return [pool.bar(f"{head}<Voices>{voices[bar.index].number} -1 -1 -1</Voices>\n") for bar in grid.bars], flags


# --- the score


def _score(song: Song, grid: ScoreGrid, pool: Pool, columns: Sequence[Sequence[int]]) -> bytes:
    ids = " ".join(str(number) for number in range(len(columns)))
    pool.elements["MasterBars"] = _master_bars(song, grid, columns)
    sections = "".join(
        f"<{section}>\n" + "".join(f"{element}\n" for element in pool.elements.get(section, ())) + f"</{section}>\n"
        for section in SECTIONS
    )
    blank = "".join(
        f"<{tag}><![CDATA[]]></{tag}>\n"
        for tag in (
            *("SubTitle", "Artist", "Album", "Words", "Music", "WordsAndMusic", "Copyright", "Tabber"),
            *("Instructions", "Notices", "FirstPageHeader", "FirstPageFooter", "PageHeader", "PageFooter"),
        )
    )
    text = (
        '<?xml version="1.0" encoding="utf-8"?>\n<GPIF>\n<GPVersion>7</GPVersion>\n'
        '<GPRevision required="12021" recommended="12023">12025</GPRevision>\n'
        "<Encoding>\n<EncodingDescription>GP7</EncodingDescription>\n</Encoding>\n"
        f"<Score>\n<Title>{cdata(song.title)}</Title>\n{blank}"
        "<ScoreSystemsDefaultLayout>4</ScoreSystemsDefaultLayout>\n<ScoreSystemsLayout></ScoreSystemsLayout>\n"
        "<ScoreZoomPolicy>Value</ScoreZoomPolicy>\n<ScoreZoom>1</ScoreZoom>\n<MultiVoice>0></MultiVoice>\n</Score>\n"
        f"<MasterTrack>\n<Tracks>{ids}</Tracks>\n<Automations>\n{_tempos(song, grid)}</Automations>\n</MasterTrack>\n"
        f"{sections}</GPIF>\n"
    )
    return text.encode("utf-8")


def _tempos(song: Song, grid: ScoreGrid) -> str:
    written: dict[tuple[int, float], float] = {}
    for tempo in song.tempos:
        at = song.bar_at(tempo.tick)
        bar = song.bars[at]
        place = min(1.0, max(0.0, (tempo.tick - bar.start) / bar.length))
        if place < 1:
            written[at, place] = tempo.qpm
    return "".join(
        "<Automation>\n<Type>Tempo</Type>\n<Linear>false</Linear>\n"
        f"<Bar>{bar}</Bar>\n<Position>{_plain(place)}</Position>\n<Visible>true</Visible>\n"
        f"<Value>{_plain(qpm)} 2</Value>\n</Automation>\n"
        for (bar, place), qpm in sorted(written.items())
    )


def _plain(value: float) -> str:
    """A decimal number without an exponent."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _master_bars(song: Song, grid: ScoreGrid, columns: Sequence[Sequence[int]]) -> list[str]:
    keys = _keys(song)
    texts: dict[int, list[str]] = {}
    for marker in song.markers:
        if marker.text.strip():
            texts.setdefault(song.bar_at(marker.tick), []).append(marker.text.strip())
    feels = {song.bar_at(feel.tick): feel.kind for feel in song.feels}
    made, feel = [], "straight"
    for bar in grid.bars:
        feel = feels.get(bar.index, feel)
        sharps, minor = keys[bar.index]
        body = (
            f"<Key>\n<AccidentalCount>{sharps}</AccidentalCount>\n<Mode>{'Minor' if minor else 'Major'}</Mode>\n"
            f"<TransposeAs>{'Flats' if sharps < 0 else 'Sharps'}</TransposeAs>\n</Key>\n"
            f"<Time>{bar.numerator}/{bar.denominator}</Time>\n"
        )
        if feel != "straight":
            body += f"<TripletFeel>{_feel(feel)}</TripletFeel>\n"
        if bar.index in texts:
            text = cdata(" / ".join(texts[bar.index]))
            body += f"<Section>\n<Letter><![CDATA[]]></Letter>\n<Text>{text}</Text>\n</Section>\n"
        body += f"<Bars>{' '.join(str(column[bar.index]) for column in columns)}</Bars>\n"
        made.append(f"<MasterBar>\n{body}</MasterBar>")
    return made


def _feel(kind: str) -> str:
    """`triplet-eighths` as Guitar Pro writes it: Triplet8th."""
    name, _, unit = kind.partition("-")
    return f"{name.title()}{'8th' if unit == 'eighths' else '16th'}"


def _keys(song: Song) -> list[tuple[int, bool]]:
    """(sharps, minor) of each bar."""
    changes = {song.bar_at(key.tick): (key.sharps, key.minor) for key in song.keys}
    keys: list[tuple[int, bool]] = []
    key = (0, False)
    for bar in song.bars:
        key = changes.get(bar.index, key)
        keys.append(key)
    return keys


def _flats(song: Song) -> list[bool]:
    return [sharps < 0 for sharps, _ in _keys(song)]
