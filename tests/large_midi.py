"""MIDI files as large as may be, each all of one thing: the limits must hold time and memory down."""

from __future__ import annotations

from collections.abc import Callable

from arranger.formats.midi_read import MAX_FILE_BYTES, MAX_NOTES
from arranger.formats.smf import MAX_EVENTS

_HEAD = b"MThd\0\0\0\6\0\1\0\1\0\x60"
_NOTES = b"\0\x90\x3c\x40\1\x3c\0" + b"\1\x3c\x40\1\x3c\0" * 10
_FULL = MAX_FILE_BYTES - 200


def _track(body: bytes) -> bytes:
    return b"MTrk" + len(body).to_bytes(4, "big") + body


LARGEST: dict[str, Callable[[], bytes]] = {
    "most notes": lambda: _HEAD + _track(b"\0\x90\x3c\x40" + b"\1\x3c\0\1\x3c\x40" * (MAX_NOTES - 1)),
    "most of all": lambda: (
        _HEAD
        + _track(
            b"".join(bytes((0, 0x90 | at % 16, at % 128, 64)) for at in range(MAX_NOTES))
            + b"\1\xff\x51\3\7\xa1\x20\1\xff\6\1A\0\xc0\1\0\xc0\2" * ((MAX_EVENTS - MAX_NOTES) // 4 - 2)
        )
    ),
    "notes": lambda: _HEAD + _track(b"\0\x90\x3c\x40" + b"\1\x3c\0\1\x3c\x40" * (_FULL // 6)),
    "hanging notes": lambda: _HEAD + _track(b"\0\x90\x3c\x40" + b"\1\x3c\x40" * (_FULL // 3)),
    "controllers": lambda: _HEAD + _track(_NOTES + b"\0\xb0\7\1" + b"\0\7\1" * (_FULL // 3)),
    "program changes": lambda: _HEAD + _track(_NOTES + b"\0\xc0\1" + b"\0\1" * (_FULL // 2)),
    "tempos": lambda: _HEAD + _track(_NOTES + (b"\1\xff\x51\3\7\xa1\x20" + b"\1\xff\x51\3\7\xa1\x21") * (_FULL // 14)),
    "time signatures": lambda: _HEAD + _track(_NOTES + b"\1\xff\x58\2\4\2\1\xff\x58\2\3\2" * (_FULL // 12)),
    "wrong time signatures": lambda: _HEAD + _track(_NOTES + b"\1\xff\x58\0" * (_FULL // 4)),
    "markers": lambda: _HEAD + _track(_NOTES + b"\1\xff\6\1A" * (_FULL // 5)),
    "one long text": lambda: _HEAD + _track(_NOTES + b"\0\xff\6\x84\xc4\xb3\0" + b"\xe9" * 10_000_000),
    "empty messages": lambda: _HEAD + _track(_NOTES + b"\0\xf8" * (_FULL // 2)),
    "data without a status": lambda: _HEAD + _track(b"\0" + b"\x40" * _FULL),
    "small chunks": lambda: _HEAD + _track(_NOTES) + b"XFIH\0\0\0\0" * (_FULL // 8),
    "chunks that are none": lambda: _HEAD + _track(_NOTES) + b"MTrk" * (_FULL // 4),
    "junk": lambda: _HEAD + b"\xff" * _FULL,
    "tracks": lambda: _HEAD + _track(_NOTES) * (_FULL // (len(_NOTES) + 8)),
    "long song": lambda: _HEAD + _track(_NOTES + b"\xff\xff\xff\x7f\xff\1\0" * (_FULL // 7)),
    "changes that repeat": lambda: _HEAD + _track(_NOTES + b"\xff\xff\xff\x7f\x90\x3c\x40" * (_FULL // 7)),
}
"""MIDI files just under the size limit, each all of one thing."""
