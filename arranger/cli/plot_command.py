"""`arranger plot`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arranger.cli.options import parse_bars, parse_tracks, within

if TYPE_CHECKING:
    from arranger.fills import Fill
    from arranger.pictures.marks import Marks
    from arranger.song import Song

EXAMPLES = """\b
Examples:
  arranger plot song.mid -o roll.png
  arranger plot song.mid --fill bass -o roll.png              what fill would write, marked
  arranger plot song.bass.mid --before song.mid -o roll.pdf   what is new in it
  arranger plot tab.gp5 --bars 9-16 --part guitar --dark -o riff.svg
"""


def plot_command(
    song: Annotated[
        Path,
        typer.Argument(metavar="SONG", help="Any song file: MIDI, Guitar Pro, MusicXML, DadaGP.", show_default=False),
    ],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="OUT", help="A .png, .svg or .pdf file; NAME.png beside the song."),
    ] = None,
    fill: Annotated[
        list[str] | None,
        typer.Option("--fill", metavar="PART", help="Fill drums, bass or guitar, and mark its notes; writes no song."),
    ] = None,
    before: Annotated[
        Path | None, typer.Option(metavar="OLD", help="An older version of the song; what it lacks is marked.")
    ] = None,
    bars: Annotated[
        str | None, typer.Option(metavar="9-16", help="Only these bars, from 1; --fill fills these alone.")
    ] = None,
    part: Annotated[
        list[str] | None,
        typer.Option("--part", "-p", metavar="PART", help="Only drums, bass, guitar or other; all without it."),
    ] = None,
    takes: Annotated[int, typer.Option(metavar="N", help="Takes to draw with --fill; the best one is shown.")] = 8,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of --fill.")] = 0,
    add: Annotated[bool, typer.Option("--add", help="With --fill: a further track.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="With --fill: the part anew in these bars.")] = False,
    complete: Annotated[bool, typer.Option("--complete", help="With --fill: the part's silent bars.")] = False,
    track: Annotated[
        list[str] | None, typer.Option(metavar="NAME=PART", help='What a track is: --track "Rhythm Gtr"=guitar.')
    ] = None,
    dark: Annotated[bool, typer.Option("--dark", help="On a dark ground.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the picture if it exists.")] = False,
) -> None:
    """Draw a song as a piano roll by part, with bars, sections and chords; new notes are marked.

    Songs of more than 80 bars become several files (OUT-1.png, OUT-2.png) or a PDF of several pages.
    """
    modes = [name for name, said in (("add", add), ("replace", replace), ("complete", complete)) if said]
    if len(modes) > 1:
        raise typer.BadParameter(f"--{modes[0]} and --{modes[1]} exclude each other.")
    if modes and not fill:
        raise typer.BadParameter(f"--{modes[0]} says how to fill; name the part with --fill.")
    if fill and before:
        raise typer.BadParameter("--fill and --before exclude each other: both mark notes.")
    asked, tracks, parts = parse_bars(bars), parse_tracks(track), _parts(part)

    from arranger.files import load_song
    from arranger.fills import apply_fill
    from arranger.parts import Role, detect_parts
    from arranger.pictures.canvas import DARK, LIGHT
    from arranger.pictures.files import check_pictures, page_paths, picture_kind, save_pictures
    from arranger.pictures.marks import fill_marks, new_notes
    from arranger.pictures.plan import check_bars, pages_of
    from arranger.pictures.roll import roll_pages

    target = out or song.with_suffix(".png")
    picture_kind(target)
    source = load_song(song)
    region = check_bars(source, within(asked, len(source.bars)))
    check_pictures(page_paths(target, len(pages_of(source, region))), overwrite=force, source=song)
    marked: Marks = {}
    shown, roles = source, detect_parts(source, tracks)
    if fill:
        best = _filled(source, list(dict.fromkeys(fill)), region, takes, seed, modes, tracks)
        shown, marked = apply_fill(source, best), fill_marks(source, best)
        added = [one.part for one in best.parts if one.into_track is None]
        roles += tuple(Role(len(source.tracks) + at, name, "filled") for at, name in enumerate(added))
    elif before:
        marked = new_notes(source, load_song(before))
        if not marked:
            typer.echo(f"Note: {song.name} has no note that {before.name} lacks; none is marked.", err=True)
    figures = roll_pages(shown, roles, marked, region, parts, DARK if dark else LIGHT)
    for path in save_pictures(figures, target, overwrite=force):
        typer.echo(f"Wrote {path}.")


plot_command.__doc__ = f"{plot_command.__doc__}\n\n{EXAMPLES}"


def _parts(names: list[str] | None) -> tuple[str, ...]:
    from arranger.parts import ROLES

    unknown = [name for name in names or [] if name not in ROLES]
    if unknown:
        raise typer.BadParameter(f"“{unknown[0]}” is no part; say {', '.join(ROLES)}.")
    return tuple(names or ())


def _filled(
    song: Song,
    parts: list[str],
    bars: tuple[int, int],
    takes: int,
    seed: int,
    modes: list[str],
    tracks: dict[str, str],
) -> Fill:
    """The best take of what `arranger fill` would draw."""
    from arranger.filler import fill

    with typer.progressbar(length=100, label="Filling", file=typer.get_text_stream("stderr")) as told:
        return fill(
            song,
            parts,
            bars,
            takes,
            seed,
            mode=modes[0] if modes else "new",
            tracks=tracks,
            progress=lambda share: told.update(max(0, round(100 * share) - told.pos)),
        )[0]
