"""Texts of a MIDI file: names of tracks, title, section names, karaoke."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from arranger.formats.smf import META, Chunk, Event
from arranger.song import Marker

MAX_TEXT = 200
MAX_MARKERS = 2_000
_MAX_SECTION_TEXTS = 64
"""A chunk with more text events than this holds words or a log, not the names of sections."""

_TEXT, _NAME, _INSTRUMENT, _LYRIC, _MARKER, _CUE = 0x01, 0x03, 0x04, 0x05, 0x06, 0x07
_TITLE_TAG = "@T"
"""Begins the title in a karaoke file's text events; the artist follows with the same tag."""
_NO_TITLES = re.compile(
    r"(soft karaoke|words|lyrics?|untitled( sequence)?|unnamed|(tempo|conductor|control|master)( ?track| ?map)?)",
    re.IGNORECASE,
)
_SECTION = re.compile(
    r"[\[(<{]?\s*(pre-?\s?|post-?\s?|\d+(st|nd|rd|th)\s+)?"
    r"(intro(duction)?|verse?|chorus|refrain|bridge|solo|outro|coda|interlude|middle (8|eight)|strophe|instrumental)"
    r"(\s*[-#:]?\s*(\d{1,2}|[a-h]|i{1,3}|iv))?\s*[\])>}]?:?",
    re.IGNORECASE,
)


def clean_text(data: bytes) -> str:
    """Text of a meta event: UTF-8, else Windows-1252, else Latin-1; one line without control characters."""
    data = data[: 8 * MAX_TEXT]
    for encoding in ("utf-8", "cp1252", "latin-1"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    spaced = "".join(char if char.isprintable() else " " if char.isspace() else "" for char in text)
    return " ".join(spaced.split())[:MAX_TEXT]


def chunk_name(chunk: Chunk) -> str:
    """Name of a track chunk, else that of its instrument; empty for none."""
    found = {_NAME: "", _INSTRUMENT: ""}
    for event in chunk.events:
        if event.status == META and event.a in found and not found[event.a]:
            found[event.a] = clean_text(event.data)
            if found[_NAME]:
                break
    return found[_NAME] or found[_INSTRUMENT]


def is_words(chunk: Chunk) -> bool:
    """True if the chunk holds texts or lyrics and nothing that sounds, as those of karaoke files do."""
    return not any(event.status < 0xF0 for event in chunk.events) and any(
        event.status == META and event.a in (_TEXT, _LYRIC) for event in chunk.events
    )


def song_title(first_name: str, chunks: Iterable[Chunk]) -> str:
    """Title of the song: a karaoke title tag if there is one, else the name of the first chunk if it is one."""
    for chunk in chunks:
        for event in chunk.events:
            if event.status == META and event.a == _TEXT and event.data.startswith(_TITLE_TAG.encode()):
                return clean_text(event.data[len(_TITLE_TAG) :])
    return "" if _NO_TITLES.fullmatch(first_name) else first_name


def find_markers(chunks: Sequence[Chunk]) -> tuple[Marker, ...]:
    """Markers, cue points, and text events that name a section ("Verse 2", "[Chorus]"), sorted by tick."""
    found: dict[tuple[int, str], None] = {}
    for chunk in chunks:
        texts = [event for event in chunk.events if event.status == META and event.a in (_TEXT, _MARKER, _CUE)]
        sections = _names_sections(texts)
        for event in texts:
            if event.a != _TEXT or sections:
                text = clean_text(event.data)
                if text and (event.a != _TEXT or _SECTION.fullmatch(text)):
                    found.setdefault((event.tick, text))
    return tuple(Marker(*one) for one in sorted(found, key=lambda one: one[0])[:MAX_MARKERS])


def _names_sections(texts: Sequence[Event]) -> bool:
    plain = [event.data for event in texts if event.a == _TEXT]
    return len(plain) <= _MAX_SECTION_TEXTS and not any(data.startswith(b"@") for data in plain)
