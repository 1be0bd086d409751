"""A song as the browser gets it: in a format that alphaTab reads, with its tracks counted as alphaTab counts them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import lru_cache

from arranger.files import song_from_bytes
from arranger.song import Song

REMEMBERED = 8
"""Songs kept as they were handed over: a page is run again at every click."""
READ_BY_ALPHATAB = frozenset({"gp3", "gp4", "gp5", "gpx", "gp", "musicxml"})
_BYTE_TEXT = frozenset({"gp3", "gp4", "gp5"})


@dataclass(frozen=True, slots=True)
class Handover:
    """What the browser is given.

    data : a file that alphaTab reads. encoding : of the text in it, by its name on the web.
    columns : for each track of the song, which one of the file's it is; staves of a track are tracks of a Song.
    bars : how many the song has. digest : names the data.
    """

    data: bytes = field(repr=False)
    encoding: str
    columns: tuple[int, ...]
    bars: int
    digest: str


@lru_cache(maxsize=REMEMBERED)
def handover(data: bytes, suffix: str) -> Handover:
    """The content of a song file for alphaTab; it is read first, so that no browser meets what we refuse.

    Guitar Pro and MusicXML go as they are, all else as Guitar Pro 7: alphaTab reads no MIDI, and that has strings.

    Parameters
    ----------
    suffix : the file's extension, for messages; what the file is, its content says.

    Raises
    ------
    SongFileError
        if it can't be read, or holds nothing that could be written as a score.
    """
    return hand_over(song_from_bytes(data, f"song{suffix}"))


def hand_over(song: Song) -> Handover:
    """As `handover`, for a song that was read and not changed, or made in memory. SongFileError likewise."""
    kind = song.source.format if song.source else ""
    if song.source is not None and kind in READ_BY_ALPHATAB:
        data = song.source.data
        columns = tuple(track.source_id[0] if track.source_id else at for at, track in enumerate(song.tracks))
    else:
        from arranger.formats.gpif_new import new_gpif  # only songs that are converted need it

        # Without the check of what the format loses that `arranger convert` makes, which takes as long again.
        kind, data = "gp", new_gpif(replace(song, source=None))
        columns = tuple(range(len(song.tracks)))
    encoding = "windows-1252" if kind in _BYTE_TEXT else "utf-8"
    return Handover(data, encoding, columns, len(song.bars), hashlib.sha256(data).hexdigest()[:16])
