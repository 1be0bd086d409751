"""Sound of a song: what is heard on the page, and the files to take home. All sound comes from `audio_ext`."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from arranger.errors import ArrangerError
from arranger.excerpt import excerpt
from arranger.fills import Fill
from arranger.song import Song

from .calls import with_take
from .session import Session

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Heard:
    """What can be listened to, as FLAC, which is written far faster than MP3: the whole band, and parts alone."""

    mix: bytes = field(repr=False)
    stems: dict[str, bytes] = field(repr=False)


def missing_sound() -> str | None:
    """None if sound can be made here, else a sentence on what to install."""
    try:
        from audio_ext.engine import find_engine
        from audio_ext.soundfonts import find_soundfont
        from audio_ext.writing import sound_library

        sound_library()
        find_engine()
        find_soundfont()
    except ImportError as err:
        return f"Sound needs the package {err.name}: pip install 'arranger[audio]'."
    except ArrangerError as err:
        return str(err)
    return None


def listen(session: Session, take: Fill, bars: tuple[int, int] | None, progress: Progress) -> Heard:
    """Some bars of the song with a take in it, or all of it, repeats played out, as sound.

    Raises
    ------
    AudioError
        if it can't be made.
    """
    song, roles = with_take(session, take)
    named = {str(role.track + 1): role.role for role in roles}
    files = _rendered(excerpt(song, bars) if bars else song, named, ".flac", progress)
    mix = files.pop("mix")
    own = {one.part for one in take.parts}
    return Heard(mix, {name: data for name, data in files.items() if name in own})


def stems_and_mix(session: Session, progress: Progress) -> bytes:
    """A ZIP of the mix and of each part's stem, as WAV. AudioError if they can't be made."""
    song, roles = with_take(session, None)
    files = _rendered(song, {str(role.track + 1): role.role for role in roles}, ".wav", progress)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.wav", (1980, 1, 1, 0, 0, 0)), data)
    return out.getvalue()


def _rendered(song: Song, roles: dict[str, str], suffix: str, progress: Progress) -> dict[str, bytes]:
    """Name -> content of the mix and the stems."""
    from audio_ext.band import Settings
    from audio_ext.errors import AudioError
    from audio_ext.render import render_song

    with TemporaryDirectory(prefix="arranger-") as folder:
        out, stems = Path(folder, f"mix{suffix}"), Path(folder, "stems")
        try:
            made = render_song(song, out, stems=stems, settings=Settings(roles=roles), progress=progress)
        except AudioError as err:  # where on the server it was written is nobody's business
            raise AudioError(err.file, err.problem, None, err.remedy) from err
        return {"mix": out.read_bytes(), **{name: path.read_bytes() for name, path in made.stems.items()}}
