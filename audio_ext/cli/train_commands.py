"""`arranger-audio train codec|vocoder|latents|base|subtractive|stem-latents|msg-ld`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

train = typer.Typer(
    name="train",
    help="Train one of the models; a run that was stopped goes on. In this order: codec, vocoder (from windows, which "
    "python -m datasets.stems.rendered makes), latents, base, subtractive (from latents), stem-latents, msg-ld (from "
    "these). See docs/audio.md.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Config = Annotated[
    Path, typer.Argument(metavar="CONFIG", help="Config of the run, JSON, as in configs/audio.", show_default=False)
]
WindowFolder = Annotated[Path, typer.Argument(metavar="WINDOWS", help="Folder of windows.", show_default=False)]
LatentFolder = Annotated[Path, typer.Argument(metavar="LATENTS", help="Folder of latents.", show_default=False)]
Run = Annotated[Path, typer.Option("-o", "--run", metavar="RUN", help="Folder of the run.", show_default=False)]
Held = Annotated[Path | None, typer.Option(metavar="DATA", help="Folder of the same kind to measure with.")]
Begin = Annotated[Path | None, typer.Option(metavar="MODEL", help="Model whose weights a new run begins with.")]


def _part(module: str) -> Any:
    """A module of the latent models; AudioError if what it needs is not installed."""
    from audio_ext.errors import AudioError
    from audio_ext.latent.models import missing_latent

    if problem := missing_latent():
        raise AudioError("", problem.rstrip("."))
    return import_module(f"audio_ext.latent.{module}")


def _read(config: Path, kind: Any) -> Any:
    from audio_ext.latent.settings import read_config

    return read_config(config, kind)


@train.command("codec")
def codec_command(config: Config, data: WindowFolder, run: Run, held: Held = None) -> None:
    """Train the mel codec: log-mel to latent and back."""
    part = _part("train_codec")
    typer.echo(f"Wrote {part.train(_read(config, part.CodecTraining), data, run, held)}.")


@train.command("vocoder")
def vocoder_command(config: Config, data: WindowFolder, run: Run, held: Held = None) -> None:
    """Train the vocoder: log-mel to sound."""
    part = _part("train_vocoder")
    typer.echo(f"Wrote {part.train(_read(config, part.VocoderTraining), data, run, held)}.")


@train.command("latents")
def latents_command(
    data: WindowFolder,
    codec: Annotated[Path, typer.Argument(metavar="CODEC", help="The codec's checkpoint.", show_default=False)],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="OUT", help="Folder to write.", show_default=False)],
    most: Annotated[int | None, typer.Option(min=1, metavar="N", help="Shards of windows at most.")] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of gains, parts and wordings.")] = 0,
) -> None:
    """Encode windows once: what the base and the subtractive model learn from."""
    part = _part("latents")
    from audio_ext.latent.text import MiniLm

    written = part.make_latents(data, codec, out, MiniLm(), most, seed)
    typer.echo(f"Wrote {written} examples to {out}.")


@train.command("base")
def base_command(config: Config, data: LatentFolder, run: Run, held: Held = None, begin: Begin = None) -> None:
    """Train the base model: text to mix."""
    _diffusion(config, data, run, held, begin, conditional=False)


@train.command("subtractive")
def subtractive_command(config: Config, data: LatentFolder, run: Run, held: Held = None, begin: Begin = None) -> None:
    """Train the subtractive model: submix and instruction to mix; --begin with the base model."""
    _diffusion(config, data, run, held, begin, conditional=True)


@train.command("stem-latents")
def stem_latents_command(
    data: WindowFolder,
    codec: Annotated[Path, typer.Argument(metavar="CODEC", help="The codec's checkpoint.", show_default=False)],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="OUT", help="Folder to write.", show_default=False)],
    most: Annotated[int | None, typer.Option(min=1, metavar="N", help="Windows at most.")] = None,
    takes: Annotated[int, typer.Option(min=1, metavar="N", help="How often each window is drawn.")] = 1,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of the gains.")] = 0,
) -> None:
    """Encode the stems of windows once: what msg-ld learns from."""
    written = _part("stem_latents").make_stem_latents(data, codec, out, most, seed, takes)
    typer.echo(f"Wrote {written} windows to {out}.")


@train.command("msg-ld")
def msg_command(config: Config, data: LatentFolder, run: Run, held: Held = None, begin: Begin = None) -> None:
    """Train the model of all stems: mixture to stems, nothing to stems, stems to stems."""
    part = _part("train_msg")
    typer.echo(f"Wrote {part.train(_read(config, part.StemsTraining), data, run, held, begin)}.")


def _diffusion(
    config: Path, data: Path, run: Path, held: Path | None, begin: Path | None, *, conditional: bool
) -> None:
    from audio_ext.errors import AudioError

    part = _part("train_diffusion")
    asked = _read(config, part.DiffusionTraining)
    if asked.unet.conditional != conditional:
        problem = f"its unet.conditional is {str(not conditional).lower()}, as the other model's is"
        raise AudioError(config.name, problem, None, "Give the config of this model.")
    typer.echo(f"Wrote {part.train(asked, data, run, held, begin)}.")
