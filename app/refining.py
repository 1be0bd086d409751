"""Refining on the page: a part's stem, or a part that a recording lacks, made by a latent model. No streamlit.

All sound comes from `audio_ext`; one call of `audio_ext.latent.refine.refine` does the work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from arranger.errors import ArrangerError, FillRequestError
from arranger.pictures.canvas import THEMES, to_files
from arranger.song import Song
from audio_ext.errors import AudioError

from .calls import with_take
from .session import Session

if TYPE_CHECKING:
    from audio_ext.recordings import Recording

Progress = Callable[[float], None]
MOST_PROMPT = 400
MOST_MINUTES = 10
RENDER_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page asks for.

    Parameters
    ----------
    part : that is refined or put in. led : whether the song's own part leads the model.
    begin : second where to begin. seconds : how much of it; 0 for all there is.
    """

    part: str
    prompt: str = ""
    strength: float = 0.5
    led: bool = True
    align: bool = False
    begin: float = 0.0
    seconds: float = 20.0
    steps: int = 20
    seed: int = 0


@dataclass(frozen=True)
class Refining:
    """Sound as FLAC and spectrograms as PNG, before and after; the stem alone; what is to be said."""

    before: bytes = field(repr=False)
    after: bytes = field(repr=False)
    stem: bytes = field(repr=False)
    pictures: tuple[bytes, bytes] = field(repr=False)
    notes: tuple[str, ...]
    part: str


def why_unrefined() -> str | None:
    """None if a model can be run here, else a sentence with the way out."""
    from audio_ext.latent.models import DEFAULT, beside, find_model, missing_latent, own_folder

    try:
        if problem := missing_latent():
            return problem
        find_model(own_folder(), DEFAULT)
        if beside(own_folder(), "codec") is None:
            find_model(own_folder(), "codec")
    except ArrangerError as err:
        return str(err)
    return None


def honesty() -> str | None:
    """What the model's card says against it, or of its limits; None if nothing or if there is no model."""
    from audio_ext.latent.models import DEFAULT, find_model, own_folder

    try:
        card = find_model(own_folder(), DEFAULT)
    except ArrangerError:
        return None
    told = [f"Too weak to be useful: {card.too_weak}"] if card.too_weak else []
    told += [str(card.card[key]) for key in ("limits",) if card.card.get(key)]
    return " ".join(told) or None


def refined(
    session: Session, asked: Asked, recording: tuple[str, bytes] | None, dark: bool, progress: Progress
) -> Refining:
    """Make the stem and lay it over the rest of the song, or over a recording.

    Parameters
    ----------
    recording : name and content of a file that lacks the part; None to take the song as it is rendered here.

    Raises
    ------
    AudioError, FillRequestError
        if it can't be made; the message says what could.
    """
    from audio_ext.latent.insert import Wish
    from audio_ext.latent.refine import refine
    from audio_ext.recordings import Recording

    wish = Wish(asked.part, asked.prompt.strip() or None, asked.strength, asked.steps, seed=asked.seed)
    under, guide = _recorded(session, asked, *recording) if recording else _rendered(session, asked)
    span = _span(under, asked)
    under = Recording(under.frames[:, span], under.rate, under.name)
    guide = None if guide is None else guide[:, span]
    progress(RENDER_SHARE)
    laid, _ = refine(under, wish, guide, tell=lambda share: progress(RENDER_SHARE + (0.95 - RENDER_SHARE) * share))
    gain = np.float32(10 ** (laid.gain_db / 20))
    before = under.frames if guide is None else under.frames + guide
    sounds = [Recording(frames * gain, under.rate) for frames in (before, laid.mix, laid.inserted.stem)]
    pictures = (_picture(sounds[0], "Before", dark), _picture(sounds[1], "After", dark))
    progress(0.98)
    files = [_flac(sound) for sound in sounds]
    return Refining(files[0], files[1], files[2], pictures, laid.notes, asked.part)


def _rendered(session: Session, asked: Asked) -> tuple[Recording, np.ndarray | None]:
    """(the rest of the song, the part or None), as they sound here."""
    from audio_ext.band import Settings
    from audio_ext.recordings import Recording
    from audio_ext.render import render_frames

    song, roles = _song_now(session)
    stems = render_frames(song, Settings(roles=roles))
    part = stems.pop(asked.part, None)
    if not stems:
        raise FillRequestError(f"Nothing but {asked.part} plays in this song; take a recording of the band instead.")
    if asked.led and part is None:
        raise FillRequestError(f"The song has no {asked.part} that could lead; write it first, or let the model alone.")
    rest = np.asarray(np.sum(list(stems.values()), axis=0), dtype=np.float32)
    return Recording(rest, Settings().rate, session.name), part if asked.led else None


def _recorded(session: Session, asked: Asked, name: str, data: bytes) -> tuple[Recording, np.ndarray | None]:
    """(a recording that lacks the part, the song's part as long as it or None)."""
    from audio_ext.band import Settings
    from audio_ext.latent.guide import song_guide
    from audio_ext.recordings import read_recording

    with TemporaryDirectory(prefix="arranger-") as folder:
        path = Path(folder, f"recording{PurePath(name).suffix[:8]}")
        path.write_bytes(data)
        try:
            under = read_recording(path, 60 * MOST_MINUTES)
        except AudioError as err:  # where on the server it was written is nobody's business
            problem = err.problem.replace(str(path), PurePath(name).name)
            raise AudioError(PurePath(name).name, problem, None, err.remedy) from err
    if not asked.led:
        return under, None
    song, roles = _song_now(session)
    return under, song_guide(song, under, asked.part, align=asked.align, settings=Settings(roles=roles))


def _song_now(session: Session) -> tuple[Song, dict[str, str]]:
    """The song with the take that is shown, and what its tracks play."""
    song, roles = with_take(session, session.offer.fill if session.offer else None)
    return song, {str(role.track + 1): role.role for role in roles}


def _span(under: Recording, asked: Asked) -> slice:
    """Samples that are asked for."""
    first, length = round(asked.begin * under.rate), under.frames.shape[1]
    if first >= length:
        raise AudioError(under.name, f"it ends at {under.seconds:.0f} s", None, "Begin earlier.")
    last = first + round(asked.seconds * under.rate) if asked.seconds else length
    return slice(first, min(last, length))


def _picture(sound: Recording, title: str, dark: bool) -> bytes:
    from audio_ext.waveforms import spectrogram_figure

    (picture,) = to_files([spectrogram_figure(sound, THEMES["dark" if dark else "light"], title)], "png")
    return picture


def _flac(sound: Recording) -> bytes:
    """As a file of 24 bits."""
    from audio_ext.mix import quantised
    from audio_ext.writing import AudioWriter

    with TemporaryDirectory(prefix="arranger-") as folder:
        path = Path(folder, "sound.flac")
        with AudioWriter(path, sound.rate, sound.frames.shape[1], False, len(sound.frames)) as writer:
            writer.write(quantised(sound.frames, 1.0, writer.kind.bits))
        return path.read_bytes()
