"""Which kinds of file a song can be written as, and the bytes of each.

A song goes back into the kind of file that it came from by splicing: nothing that was there is written anew. Every
other kind is written new, from the Song alone, and what it can't hold is told in sentences.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

from arranger.errors import SongFileError
from arranger.song import Song

KIND_OF_SUFFIX = {
    ".mid": "mid",
    ".midi": "mid",
    ".gp3": "gp3",
    ".gp4": "gp4",
    ".gp5": "gp5",
    ".gp": "gp",
    ".musicxml": "musicxml",
    ".xml": "musicxml",
    ".mxl": "mxl",
    ".txt": "txt",
}
"""Extension -> kind; `.tokens.txt` ends in `.txt`."""

SUFFIX_OF_KIND = {"gpx": ".gp", "musicxml": ".musicxml", "txt": ".txt"} | {
    kind: f".{kind}" for kind in ("mid", "gp3", "gp4", "gp5", "gp")
}
"""Kind that was read -> extension of what is written from it; Guitar Pro 6 files are read, and written as .gp."""

READ_ONLY = {".gpx": "Guitar Pro 6 files (.gpx) are read, not written", ".ptb": "PowerTab files can't be written"}
_WRITABLE = "Write .mid, .gp3, .gp4, .gp5, .gp, .musicxml, .mxl or .txt (DadaGP tokens)."
_SAME_KIND = {("gpx", "gp"), ("musicxml", "mxl")}
"""(what was read, what is asked) that hold the same score in another wrapping."""


@dataclass(frozen=True, slots=True)
class Written:
    """Bytes of a file, and what of the song they don't hold, in sentences."""

    data: bytes
    notes: tuple[str, ...] = ()


def target_kind(path: Path) -> str:
    """The kind of file that a path's extension names; SongFileError for one that can't be written."""
    suffix = path.suffix.lower()
    if suffix in KIND_OF_SUFFIX:
        return KIND_OF_SUFFIX[suffix]
    name = path.name or str(path)
    if suffix in READ_ONLY:
        raise SongFileError(name, READ_ONLY[suffix], None, "Write .gp, which Guitar Pro 7 and 8 open.")
    problem = f"files of the kind “{suffix}” can't be written" if suffix else "the name has no extension"
    raise SongFileError(name, problem, None, _WRITABLE)


def is_spliced(song: Song, kind: str) -> bool:
    """True if the file that the song was read from is kept, and only what is new is written into it."""
    read = song.source.format if song.source else None
    return read is not None and (read == kind or (read, kind) in _SAME_KIND)


def serialised(song: Song, kind: str) -> Written:
    """The song as a file of one kind.

    Raises
    ------
    SongFileError
        if that kind of file can't hold the song.
    """
    if is_spliced(song, kind):
        return Written(_spliced(song, kind), _crowded(song) if kind == "mid" else ())
    if kind == "mid":
        played = _played(song)
        written = _written(song, played, kind)
        return replace(written, notes=(*written.notes, *_crowded(played)))
    written = _written(song, song, kind)
    if song.order and _read(written.data).order != song.order:
        # The repeats of this song are none that we can write there; it is written bar by bar as it is played.
        written = _written(song, _played(song), kind)
        told = "Repeats and jumps are written out, every bar as often as it is played."
        written = replace(written, notes=(told, *written.notes))
    return written


def _crowded(song: Song) -> tuple[str, ...]:
    from arranger.formats.midi_write import crowded_tracks

    return crowded_tracks(song)


def _played(song: Song) -> Song:
    from arranger.playing import played_out

    return replace(played_out(song), source=None)


def _spliced(song: Song, kind: str) -> bytes:
    if kind == "mid":
        from arranger.formats.midi_write import write_midi

        return write_midi(song)
    if kind == "gp":
        from arranger.formats.gpif_write import write_gpif

        return write_gpif(song)
    if kind == "txt":
        from arranger.formats.dadagp_splice import splice_tokens

        return splice_tokens(song)
    if kind in ("musicxml", "mxl"):
        from arranger.formats.musicxml_splice import splice_musicxml

        return as_mxl(splice_musicxml(song)) if kind == "mxl" else splice_musicxml(song)
    from arranger.formats.guitarpro_write import write_guitarpro

    return write_guitarpro(song)


def _new(song: Song, kind: str, told: list[str]) -> bytes:
    """A file written new; `told` gets what its writer says of it."""
    if kind == "mid":
        from arranger.formats.midi_write import write_midi

        return write_midi(replace(song, source=None))
    if kind == "gp":
        from arranger.formats.gpif_new import new_gpif

        return new_gpif(song, told)
    if kind == "txt":
        from arranger.formats.dadagp_write import write_tokens

        return write_tokens(song).encode()
    if kind in ("musicxml", "mxl"):
        from arranger.formats.musicxml_write import write_musicxml

        text = write_musicxml(song).encode()
        return as_mxl(text) if kind == "mxl" else text
    from arranger.formats.guitarpro_new import new_guitarpro

    return new_guitarpro(song, kind, told)


def _written(song: Song, shown: Song, kind: str) -> Written:
    """The song as it is to be shown in a new file, with what its writer says and what reading it back shows."""
    from arranger.losses import losses

    told: list[str] = []
    data = _new(shown, kind, told)
    source = replace(shown, source=song.source, feels=() if kind == "mid" else shown.feels)
    return Written(data, tuple(dict.fromkeys([*told, *losses(source, _read(data), kind)])))


def _read(data: bytes) -> Song:
    from arranger.files import song_from_bytes

    return song_from_bytes(data, "what was written")


def as_mxl(score: bytes) -> bytes:
    """A compressed MusicXML file of one score; the same score gives the same bytes."""
    container = (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<container><rootfiles>'
        b'<rootfile full-path="score.musicxml" media-type="application/vnd.recordare.musicxml+xml"/>'
        b"</rootfiles></container>\n"
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (("META-INF/container.xml", container), ("score.musicxml", score)):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()
