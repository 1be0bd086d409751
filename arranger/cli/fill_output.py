"""What `arranger fill` leaves behind: the song with the fill, every take, the sound of them, and what is told of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from arranger.fills import Fill
    from arranger.song import Song


def write_fill(source: Song, best: Fill, target: Path, part_only: bool, force: bool) -> list[str]:
    """Write the song with a fill in it, or the fill's part alone; sentences on what couldn't be written as it is."""
    from dataclasses import replace

    from arranger.files import save_song
    from arranger.fills import apply_fill
    from arranger.formats.midi_write import part_only_song

    if not part_only:
        return list(save_song(apply_fill(source, best), target, overwrite=force))
    alone = replace(best, parts=tuple(replace(one, into_track=None, removed_tracks=()) for one in best.parts))
    own = range(len(source.tracks), len(source.tracks) + len(best.parts))
    return list(save_song(part_only_song(apply_fill(source, alone), own), target, overwrite=force))


def write_takes(
    source: Song, fills: list[Fill], target: Path, folder: Path, part_only: bool, force: bool
) -> list[Path]:
    from arranger.errors import SongFileError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        problem = f"the folder can't be made ({err.strerror or err})"
        raise SongFileError(str(folder), problem, None, "Name another one with --takes-dir.") from err
    written = []
    for rank, one in enumerate(fills, 1):
        path = folder / f"{target.stem}.{rank}{target.suffix}"
        write_fill(source, one, path, part_only, force)
        written.append(path)
    return written


def check_render(path: Path, force: bool) -> None:
    """Refuse before anything is filled what can't be written or heard afterwards.

    Raises
    ------
    AudioError
        if the file's kind is unknown, it is there already, or what writes sound is not installed.
    """
    from audio_ext.writing import check_target, sound_library

    sound_library()
    check_target(path, force)


def render_fills(source: Song, fills: list[Fill], paths: list[Path], force: bool) -> list[Path]:
    """Each fill heard in its song, as an audio file of its path.

    Raises
    ------
    AudioError
        if nothing can be rendered; ArrangerError where the extra is missing.
    """
    from arranger.fills import apply_fill
    from audio_ext.render import render_song

    for one, path in zip(fills, paths, strict=True):
        for note in dict.fromkeys(render_song(apply_fill(source, one), path, overwrite=force).notes):
            typer.echo(f"Note: {note}", err=True)
    return paths


def told_of(fill: Fill) -> dict[str, Any]:
    return {
        "take": fill.take,
        "seed": fill.seed,
        "source": fill.source,
        "score": round(fill.score, 4),
        "bars": [fill.bars[0] + 1, fill.bars[1]],
        "notes": {filled.part: len(filled.notes) for filled in fill.parts},
        **({} if fill.distance is None else {"distance": round(fill.distance, 3)}),
        "card": fill.card,
    }


_LINES = {
    "density": ("onsets a bar", "{:.1f}"),
    "key_fit": ("in key", "{:.0%}"),
    "chord_fit": ("fits the chords", "{:.0%}"),
    "lock": ("rhythm lock", "{:.0%}"),
    "variety": ("different bars", "{:.0%}"),
    "steadiness": ("steadiness", "{:.0%}"),
    "coverage": ("bars played", "{:.0%}"),
}


def render_card(best: Fill, fills: list[Fill], takes: int) -> str:
    """Score card of the best take, part by part, beside the rule's."""
    lines = []
    for filled in best.parts:
        card = best.card[filled.part]
        origin = "rule of thumb" if best.source == "rule" else f"take {best.take + 1} of {takes}"
        lines.append(f"{filled.part}: {len(filled.notes)} notes, {origin}, bars {best.bars[0] + 1}-{best.bars[1]}")
        lines.append(f"  {'':<16}{'fill':>8}{'rule':>8}")
        for name, (label, form) in _LINES.items():
            pair = [card[column].get(name) for column in ("measures", "rule")]
            if any(value is not None for value in pair):
                shown = ["-" if value is None else form.format(value) for value in pair]
                lines.append(f"  {label:<16}{shown[0]:>8}{shown[1]:>8}")
        human, rule, judged = card["in_human_range"], card["rule_in_human_range"], card["judged"]
        lines.append(f"  {'as human parts':<16}{f'{human}/{judged}':>8}{f'{rule}/{judged}':>8}")
        if best.source == "model" and rule > human:
            lines.append("  More of the rule's measures are in the range of human parts; --rule writes it.")
        if card["notes_changed_to_be_playable"]:
            lines.append(f"  {card['notes_changed_to_be_playable']} notes were changed to be playable.")
    return "\n".join(lines)
