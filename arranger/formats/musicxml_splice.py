"""A song back into the MusicXML file that it was read from: new parts are put in, nothing else is written anew.

A part whose notes were changed is written anew as a whole; every other one stays letter by letter.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import replace

from arranger.formats.musicxml import read_musicxml
from arranger.formats.musicxml_text import decoded, unpack_mxl
from arranger.formats.musicxml_write import part_text, plan_of, score_part, write_musicxml
from arranger.song import Song, Track

_ZIP = b"PK\x03\x04"
_PART = re.compile(r"<part\s[^>]*>.*?</part\s*>|<part\s[^>]*/>", re.DOTALL)
_SCORE_PART = re.compile(r"<score-part\s[^>]*>.*?</score-part\s*>", re.DOTALL)
_ID = re.compile(r"<(?:score-)?part\s[^>]*?\bid\s*=\s*[\"']([^\"']*)[\"']")


def splice_musicxml(song: Song) -> bytes:
    """Plain text of the source with the song's new and changed parts in it.

    A file in which the parts can't be found, or that would say something else than the song, is written anew.
    """
    assert song.source is not None
    data = song.source.data
    score = unpack_mxl(data, song.source.name) if data.startswith(_ZIP) else data
    before = read_musicxml(score, song.source.name)
    if before.tracks == song.tracks:
        return score
    spliced = _spliced(song, before, decoded(score, song.source.name))
    if spliced is not None:
        coded = _encoded(spliced, score)
        if _same_notes(read_musicxml(coded, song.source.name), song, before):
            return coded
    return write_musicxml(song).encode()


def _spliced(song: Song, before: Song, text: str) -> str | None:
    """The new text; None where the old one isn't laid out as parts of which each is one of the tracks."""
    parts, listed = list(_PART.finditer(text)), list(_SCORE_PART.finditer(text))
    if len(parts) != len(before.tracks) or not listed or len(song.bars) != len(before.bars):
        return None
    measures = [len(re.findall(r"<measure[\s>]", match[0])) for match in parts]
    if max(measures) != len(before.bars):
        return None
    plan = plan_of(song)
    kept: dict[tuple[int, ...] | None, Track] = {track.source_id: track for track in song.tracks if track.source_id}
    edits: list[tuple[int, int, str]] = []
    for index, (match, old) in enumerate(zip(parts, before.tracks, strict=True)):
        now = kept.get(old.source_id)
        found = _ID.match(match[0])
        if now is None or found is None:
            return None
        if now.notes != old.notes:
            edits.append((match.start(), match.end(), part_text(song, now, found[1], plan, first=index == 0).rstrip()))
            if now.is_drum:  # its list of keys may be another
                home = next((entry for entry in listed if (at := _ID.match(entry[0])) and at[1] == found[1]), None)
                if home is None:
                    return None
                edits.append((home.start(), home.end(), score_part(now, found[1], 9).rstrip()))
    taken = {found[1] for match in (*parts, *listed) if (found := _ID.match(match[0]))}
    new = [track for track in song.tracks if track.source_id is None]
    for track, ident in zip(new, _free_ids(taken, len(new)), strict=True):
        edits.append(
            (listed[-1].end(), listed[-1].end(), "\n" + score_part(track, ident, _channel(track, song)).rstrip())
        )
        edits.append(
            (parts[-1].end(), parts[-1].end(), "\n" + part_text(song, track, ident, plan, first=False).rstrip())
        )
    for start, end, put in sorted(edits, key=lambda edit: edit[0], reverse=True):
        text = text[:start] + put + text[end:]
    return text


def _free_ids(taken: set[str], count: int) -> list[str]:
    """The part ids that come after those that are there."""
    found: list[str] = []
    number = 1
    while len(found) < count:
        if f"P{number}" not in taken:
            found.append(f"P{number}")
        number += 1
    return found


def _channel(track: Track, song: Song) -> int:
    if track.is_drum:
        return 9
    used = {other.channel for other in song.tracks if other is not track}
    if track.channel is not None and track.channel not in (9, *used):
        return track.channel
    return next((channel for channel in range(16) if channel != 9 and channel not in used), 0)


def _encoded(text: str, source: bytes) -> bytes:
    """The text in the coding of its source."""
    if source.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return text.encode("utf-16")
    start = codecs.BOM_UTF8 if source.startswith(codecs.BOM_UTF8) else b""
    try:
        decoded_plainly = source.decode("utf-8-sig") is not None
    except UnicodeDecodeError:
        decoded_plainly = False
    return start + text.encode("utf-8" if decoded_plainly else "latin-1", "xmlcharrefreplace")


def _same_notes(back: Song, song: Song, before: Song) -> bool:
    """True if every untouched track is as it was, and there are as many tracks and bars as there should be."""
    if len(back.tracks) != len(song.tracks) or [bar.start for bar in back.bars] != _scaled(before, back):
        return False
    old = {track.source_id: track for track in before.tracks}
    factor = back.ticks_per_quarter // before.ticks_per_quarter
    pairs: Sequence[tuple[Track, Track]] = list(zip(back.tracks, before.tracks, strict=False))
    changed = {t.source_id for t in song.tracks if t.source_id in old and t.notes != old[t.source_id].notes}
    return all(
        track.notes == tuple(replace(n, start=n.start * factor, duration=n.duration * factor) for n in was.notes)
        for track, was in pairs
        if was.source_id not in changed
    )


def _scaled(before: Song, back: Song) -> list[int]:
    """Starts of the bars in the resolution of the new file, whose divisions may have a larger common multiple."""
    factor = back.ticks_per_quarter / before.ticks_per_quarter
    return [round(bar.start * factor) for bar in before.bars]
