"""Do controls do what they say? `python benchmarks/controls.py FOLDER [--songs 50]`.

Every control is asked of the same parts of the same songs (their first bars, the part taken out): what was asked, what
was obtained (mean and spread over songs), the share of songs in which it was met, and what it costs in note F1 against
the true part and in measures inside the human range, beside the fill with no control at all. Notes stand on the grid
(`human` is off): what is measured is what is played, not how loosely.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from arranger.amount import density_word, strokes_a_bar
from arranger.cli.eval_command import song_files
from arranger.controls import COMPLEXITIES, DENSITIES, Controls, PartControls
from arranger.errors import FillRequestError
from arranger.evaluation.examples import draw_songs
from arranger.evaluation.metrics_truth import note_f1
from arranger.evaluation.tasks import Case, Planes, make_case, notes_to_planes, part_notes
from arranger.filler import fill
from arranger.fills import Fill
from arranger.grid import DRUMS
from arranger.rules import bar_tempos
from arranger.steer import KICK, SNARE, off_beat
from arranger.styles import Setting, adherence, setting_of

BARS = 32
Measure = Callable[[Case, str, Planes, Setting], tuple[float, float]]
"""(case, part, planes, setting) -> what was obtained, and 1 if that was asked, 0 if not, nan if nobody can say."""


@dataclass(frozen=True, eq=False)
class Trial:
    """One control at one value, and how to see whether it was met; None for a style, which has its own measures."""

    part: str
    name: str
    value: str
    controls: Controls
    measure: Measure | None


def trials() -> list[Trial]:
    """Every control, at the values a person would try."""
    found: list[Trial] = []

    def add(
        part: str, name: str, value: str, measure: Measure | None, whole: Controls | None = None, **own: object
    ) -> None:
        controls = replace(whole or Controls(), human=False, parts={part: PartControls(**own)})  # type: ignore[arg-type]
        found.append(Trial(part, name, value, controls, measure))

    for part in ("drums", "bass", "guitar"):
        for word in DENSITIES:
            add(part, "density", word, _density(part, word), density=word)
        for word in COMPLEXITIES[::2]:
            add(part, "complexity", word, _syncopation, complexity=word)
    for part, limits in (("bass", (28, 40)), ("bass", (36, 52)), ("guitar", (40, 57)), ("guitar", (57, 76))):
        add(part, "range", f"{limits[0]}-{limits[1]}", _range(limits), range=limits)
    for part in ("bass", "guitar"):
        add(part, "follow", "kick", _follow, follow="kick")
    for feel in ("straight", "shuffle", "half-time", "double-time"):
        add("drums", "feel", feel, None, feel=feel)
    for fills in ("none", "sparse", "4", "8"):
        add("drums", "fills", fills, None, fills=fills)
    add("drums", "feel", "no-cymbals", None, cymbals=False)
    add("drums", "feel", "side-stick", None, side_stick=True)
    for style in ("roots", "octaves", "walking", "riff"):
        add("bass", "style", style, None, style=style)
    for style in ("power", "strum", "arpeggio", "riff", "chug"):
        add("guitar", "style", style, None, style=style)
    for role in ("rhythm", "lead"):
        add("guitar", "role", role, None, role=role)
    for part in ("drums", "bass", "guitar"):
        for temperature in (0.3, 1.0):
            add(part, "temperature", str(temperature), _nothing, Controls(temperature=temperature))
        for guidance in (1.5, 2.0):
            add(part, "guidance", str(guidance), _nothing, Controls(guidance=guidance))
    return found


def _density(part: str, word: str) -> Measure:
    def measure(case: Case, _: str, planes: Planes, setting: Setting) -> tuple[float, float]:
        strokes = strokes_a_bar(planes[0], setting.grid, setting.bars)
        near = abs(DENSITIES.index(density_word(part, strokes)) - DENSITIES.index(word)) <= 1
        return strokes, near

    return measure


def _syncopation(case: Case, part: str, planes: Planes, setting: Setting) -> tuple[float, float]:
    struck = (planes[0][[KICK, SNARE]] if part == "drums" else planes[0]).any(axis=0)
    return (float(off_beat(setting.grid)[struck].mean()) if struck.any() else math.nan), math.nan


def _range(limits: tuple[int, int]) -> Measure:
    def measure(case: Case, _: str, planes: Planes, setting: Setting) -> tuple[float, float]:
        rows = np.flatnonzero(planes[0].any(axis=1))
        inside = planes[0][limits[0] : limits[1] + 1].sum() / max(1, planes[0].sum())
        return float(inside), bool(len(rows)) and inside == 1

    return measure


def _follow(case: Case, part: str, planes: Planes, setting: Setting) -> tuple[float, float]:
    grid = setting.grid
    kick, struck = np.asarray(grid.onset[DRUMS, KICK]), planes[0].any(axis=0)
    inside = np.isin(grid.bar_of_step, [bar for bar in setting.bars if kick[grid.bar_slice(bar, bar + 1)].any()])
    both, either = (kick & struck & inside).sum(), ((kick | struck) & inside).sum()
    return float(both / max(1, either)), both == either


def _nothing(case: Case, part: str, planes: Planes, setting: Setting) -> tuple[float, float]:
    return math.nan, math.nan


def obtained(trial: Trial, case: Case, fill_: Fill, setting: Setting) -> tuple[float, float, float, float]:
    """(value, met, note F1 against the truth, share of the card's measures in the human range)."""
    planes = notes_to_planes(fill_.notes(trial.part), case.task.song, trial.part)
    true = notes_to_planes(case.truth[trial.part], case.task.song, trial.part)
    run = case.steps
    f1 = note_f1(planes[0][:, run], true[0][:, run], case.bar_steps).f1
    card = fill_.card[trial.part]
    fit = card["in_human_range"] / max(1, card["judged"])
    if trial.measure is None:
        shares = list(adherence(trial.part, planes, setting, trial.controls.of(trial.part)).values())
        shares = [share for share in shares if not math.isnan(share)]
        value = float(np.mean(shares)) if shares else math.nan
        return value, math.nan if math.isnan(value) else float(value >= 0.9), f1, fit
    return (*trial.measure(case, trial.part, planes, setting), f1, fit)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--songs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="names of controls, separated by commas")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    examples, _ = draw_songs(
        song_files(arguments.folder),
        ("drums", "bass", "guitar"),
        seed=arguments.seed,
        limit=arguments.songs,
        all_metres=True,
    )
    wanted = arguments.only.split(",") if arguments.only else None
    asked = [trial for trial in trials() if wanted is None or trial.name in wanted]
    rows: dict[tuple[str, str, str], list[tuple[float, float, float, float]]] = defaultdict(list)
    refused: dict[tuple[str, str, str], int] = defaultdict(int)
    for number, example in enumerate(examples):
        print(f"song {number + 1} of {len(examples)}: {example.name}", flush=True)
        for part in ("drums", "bass", "guitar"):
            played = part_notes(example.song, example.roles, part)
            if not played:
                continue
            first = example.song.bar_at(played[0].start)
            bars = first, min(first + BARS, len(example.song.bars))
            case = make_case(example, [part], bars, "last")
            if case is None:
                continue
            task = case.task
            setting = setting_of(task.song, case.grid, task.roles, range(*bars), bar_tempos(task.song), part=part)
            plain = Trial(part, "none", "-", Controls(human=False), _syncopation)
            mode = "replace" if any(role.role == part for role in task.roles) else "new"
            for trial in [plain, *(one for one in asked if one.part == part)]:
                key = part, trial.name, trial.value
                try:
                    made = fill(task.song, [part], bars, takes=1, seed=1, mode=mode, controls=trial.controls)[0]
                except FillRequestError:
                    refused[key] += 1
                    continue
                rows[key].append(obtained(trial, case, made, setting))
    print(
        f"\n{'part':<8}{'control':<12}{'asked':<12}{'obtained':>10}{'spread':>8}{'met':>7}{'F1':>7}{'fit':>7}{'refused':>9}"
    )
    document = []
    for key, found in rows.items():
        values = np.array([value for value, *_ in found])
        mean, spread = (
            (float(np.nanmean(values)), float(np.nanstd(values))) if np.isfinite(values).any() else (math.nan,) * 2
        )
        sure = [one[1] for one in found if not math.isnan(one[1])]
        met = float(np.mean(sure)) if sure else math.nan
        told = f"{met:.0%}" if sure else "-"
        f1, fit = (float(np.mean([one[at] for one in found])) for at in (2, 3))
        print(
            f"{key[0]:<8}{key[1]:<12}{key[2]:<12}{mean:>10.2f}{spread:>8.2f}{told:>7}{f1:>7.3f}{fit:>7.2f}{refused[key]:>9}"
        )
        document.append({"part": key[0], "control": key[1], "asked": key[2], "mean": mean, "spread": spread, "met": met,
                         "f1": f1, "fit": fit, "songs": len(found), "refused": refused[key]})  # fmt: skip
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
