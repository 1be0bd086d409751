"""`arranger render`."""

from __future__ import annotations

import json as json_module
import sys
import time
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arranger.cli.options import parse_tracks

if TYPE_CHECKING:
    from collections.abc import Callable

    from arranger.song import Song
    from audio_ext.band import Settings
    from audio_ext.render import Rendering

EXAMPLES = """\b
Examples:
  arranger render song.gp5 -o song.wav                            repeats played out, techniques played
  arranger render song.mid --stems stems                          drums.wav, bass.wav, guitar.wav, other.wav
  arranger render song.mid -o mix.mp3 --gain bass=-3 --pan guitar=0.3 --mute drums
  arranger render song.mid -o bass.wav --only bass --soundfont FluidR3_GM.sf2
  arranger render song.mid -o mix.wav --only bass --over demo.wav       the bass over your own recording
"""


def render_command(
    song: Annotated[
        Path,
        typer.Argument(metavar="SONG", help="Any song file: MIDI, Guitar Pro, MusicXML, DadaGP.", show_default=False),
    ],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="OUT", help="The mix: .wav, .flac, .ogg, .mp3; NAME.wav beside the song."),
    ] = None,
    stems: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for one file a stem.")] = None,
    by: Annotated[str, typer.Option(metavar="part|track", help="What a stem is.")] = "part",
    soundfont: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A .sf2 or .sf3; else $ARRANGER_SOUNDFONT or TimGM6mb.")
    ] = None,
    gain: Annotated[
        list[str] | None, typer.Option(metavar="NAME=DB", help="Decibels of a part or track: --gain bass=-3.")
    ] = None,
    pan: Annotated[
        list[str] | None, typer.Option(metavar="NAME=P", help="-1 left to 1 right: --pan guitar=0.3.")
    ] = None,
    mute: Annotated[list[str] | None, typer.Option(metavar="NAME", help="A part or track to leave out.")] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Parts or tracks to hear alone.")] = None,
    track: Annotated[
        list[str] | None, typer.Option(metavar="NAME=PART", help='What a track is: --track "Rhythm Gtr"=guitar.')
    ] = None,
    rate: Annotated[int, typer.Option(metavar="44100|48000", help="Frames a second.")] = 44100,
    lufs: Annotated[float, typer.Option(min=-70, max=0, help="Loudness of the mix.")] = -14.0,
    raw: Annotated[bool, typer.Option("--raw", help="Leave the loudness as it comes.")] = False,
    dry: Annotated[bool, typer.Option("--dry", help="No reverb, for mixing elsewhere.")] = False,
    engine: Annotated[
        str | None, typer.Option(metavar="fluidsynth|built-in", help="Renderer; FluidSynth where it is there.")
    ] = None,
    over: Annotated[
        Path | None, typer.Option(metavar="RECORDING", help="Your own recording to lay the song's tracks over.")
    ] = None,
    offset: Annotated[
        float | None, typer.Option(metavar="S", help="Where the song begins in the recording; found by itself.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the output if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Play a song into an audio file: the mix, its stems, or both."""
    if offset is not None and over is None:
        raise typer.BadParameter("--offset says where the song begins in the recording of --over.")
    gains, pans = _numbers(gain, "--gain bass=-3"), _numbers(pan, "--pan guitar=0.3")
    tracks = parse_tracks(track)
    started = time.monotonic()
    from arranger.files import load_song
    from audio_ext.band import Settings
    from audio_ext.mix import Desk

    source = load_song(song)
    settings = Settings(
        desk=Desk(gains, pans, tuple(mute or ()), tuple(only or ())),
        by=by,
        rate=rate,
        soundfont=str(soundfont) if soundfont else None,
        engine=engine,
        reverb=not dry,
        lufs=None if raw else lufs,
        roles=tracks,
    )
    if over is not None and stems is not None:
        raise typer.BadParameter("--over writes one file; --stems can't be had with it.")
    target = out if out is not None or stems is not None else song.with_suffix(".wav")
    _not_the_song(song, target)
    if not json:
        for warning in source.warnings:
            typer.echo(f"Note: {warning}", err=True)
    with typer.progressbar(length=100, label="Rendering", file=sys.stderr) as shown:

        def progress(share: float) -> None:
            shown.update(max(0, round(100 * share) - shown.pos))

        if over is not None:
            assert target is not None
            _over(source, over, target, settings, offset, force, progress, json)
            return
        from audio_ext.render import render_song

        found = render_song(source, target, stems=stems, settings=settings, overwrite=force, progress=progress)
    seconds = time.monotonic() - started
    if json:
        typer.echo(json_module.dumps(_document(found, seconds), indent=1, ensure_ascii=False))
        return
    for note in found.notes:
        typer.echo(f"Note: {note}", err=True)
    for path in [*found.stems.values(), *([found.mix] if found.mix else [])]:
        typer.echo(f"Wrote {path}.")
    typer.echo(
        f"{found.seconds / 60:.1f} minutes at {found.lufs:.1f} LUFS, true peak {found.true_peak_db:.1f} dB; "
        f"{found.engine} with {found.soundfont}, {seconds:.1f} s."
    )


render_command.__doc__ = f"{render_command.__doc__}\n\n{EXAMPLES}"


def _over(
    song: Song,
    recording: Path,
    target: Path,
    settings: Settings,
    offset: float | None,
    force: bool,
    progress: Callable[[float], None],
    json: bool,
) -> None:
    """Lay what is heard of the song over a recording, and say where it was found."""
    from audio_ext.overlay import render_over

    laid = render_over(song, recording, target, settings, seconds=offset, overwrite=force, progress=progress)
    found = laid.offset
    if json:
        where = {"seconds": round(found.seconds, 4), "confidence": round(found.confidence, 3), "drift": found.drift}
        document = {"output": str(target), "offset": where, "gain_db": round(laid.gain_db, 3), "notes": laid.notes}
        typer.echo(json_module.dumps(document, indent=1, ensure_ascii=False))
        return
    for note in laid.notes:
        typer.echo(f"Note: {note}", err=True)
    if offset is None:
        pace = (
            f", {abs(found.drift):.2%} {'slower' if found.drift > 0 else 'faster'}" if abs(found.drift) >= 1e-4 else ""
        )
        typer.echo(f"The song begins at {found.seconds:.3f} s of the recording{pace} ({found.confidence:.0%} sure).")
    typer.echo(f"Wrote {target}.")


def _numbers(entries: list[str] | None, example: str) -> dict[str, float]:
    """`NAME=NUMBER` entries as a mapping; wrong spelling is a usage error."""
    numbers = {}
    for entry in entries or []:
        name, sign, text = entry.rpartition("=")
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if not sign or not name.strip() or not isfinite(number):
            raise typer.BadParameter(f"“{entry}” should be a part or track and a number, as in {example}.")
        numbers[name.strip().strip('"')] = number
    return numbers


def _not_the_song(song: Path, target: Path | None) -> None:
    from audio_ext.errors import AudioError

    if target is not None and target.exists() and target.samefile(song):
        raise AudioError(target.name, "it is the song that was read", None, "Choose another name with -o.")


def _document(found: Rendering, seconds: float) -> dict[str, Any]:
    """A rendering as plain values; what has no number (the loudness of silence) is null."""
    plain = asdict(found)
    for name in ("lufs", "true_peak_db", "gain_db"):
        plain[name] = round(plain[name], 3) if isfinite(plain[name]) else None
    plain["mix"] = str(found.mix) if found.mix else None
    plain["stems"] = {name: str(path) for name, path in found.stems.items()}
    return {**plain, "render_seconds": round(seconds, 2)}
