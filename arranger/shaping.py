"""From a drawn take to the take that was asked for: chart, style, what it follows, its range."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, cached_property

import numpy as np

from arranger.charts import Chart, chart_of
from arranger.coherence import ended, same_bars
from arranger.controls import Controls
from arranger.errors import FillRequestError
from arranger.grid import Grid, song_to_grid
from arranger.likeness import Manner, like_lean, manner_of
from arranger.on_chart import on_chart
from arranger.own_bars import own_lean
from arranger.parts import ROLES
from arranger.performing import Band, band_of
from arranger.places import parse_sections
from arranger.polish import Scene, dressed, lead_ins, no_holes, one_grip, tidied, time_kept
from arranger.profiles import Profiles, song_profiles
from arranger.request import FillRequest
from arranger.rules import bar_tempos
from arranger.sections import MAX_BARS, Section, bar_features, likeness, song_sections
from arranger.steer import Lean, followed_steps, into_range
from arranger.styles import Planes, Setting, conflicts, follow_onsets, setting_of, styled


class Shaper:
    """Shapes the takes of one request; what it needs to know of the song is worked out once, and only if needed."""

    def __init__(self, request: FillRequest, grid: Grid, controls: Controls) -> None:
        self.request, self.grid, self.controls = request, grid, controls
        self.setting = cache(self._setting)
        self.manner = cache(self._manner)

    def _setting(self, part: str) -> Setting:
        """Chords, key, sections and strings of the song round a part."""
        request, controls = self.request, self.controls
        found = setting_of(
            request.context,
            self.grid,
            request.context_roles,
            request.asked[part],
            bar_tempos(request.context),
            chords=controls.chords or None,
            key=controls.key,
            part=part,
            profiles=self.profiles,
            section_starts=self.band.section_starts,
        )
        if wrong := conflicts(part, controls.of(part), controls.swing, found):
            raise FillRequestError(" ".join(wrong))
        return found

    @cached_property
    def band(self) -> Band:
        """How the others play, and where sections begin."""
        return band_of(self.request.context, [section.first for section in self.sections])

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The sections of the song: the user's, else told without the part."""
        if self.controls.sections:
            return parse_sections(self.controls.sections, self.request.song)
        return song_sections(self.request.context, self.grid, self.profiles)

    @cached_property
    def alike(self) -> np.ndarray:
        """How alike the band plays in every two bars, float (bar, bar)."""
        return likeness(bar_features(self.grid, self.profiles))

    @cached_property
    def whole(self) -> Grid:
        """The song as it is, with what the parts already play."""
        return song_to_grid(self.request.song, self.request.roles)

    @cached_property
    def profiles(self) -> Profiles:
        """What sounds in it."""
        return song_profiles(self.request.context, self.request.context_roles, self.grid)

    @cached_property
    def chart(self) -> Chart | None:
        """The chart that was given, an empty one where only a key was, None where neither was."""
        if not self.controls.chords and self.controls.key is None:
            return None
        return chart_of(self.controls.chords, self.grid, self.request.bars)

    def _manner(self, part: str) -> Manner | None:
        """How the part is played in the bars that it is to be like; None where none were named."""
        if self.controls.like is None:
            return None
        return manner_of(self.whole, part, self.controls.like)

    def same_bars(self, variation: float) -> np.ndarray:
        """Number of each bar, int (bar,): the band plays the same in bars of one number, and so will the part."""
        grid = self.grid
        asked = set.intersection(*(set(self.request.asked[part]) for part in self.request.parts))
        if len(grid.bars) > MAX_BARS:
            return np.arange(len(grid.bars))
        return same_bars(grid, self.sections, self.alike, sorted(asked), variation)

    def letters(self) -> np.ndarray:
        """Number of the section letter of each bar, int (bar,)."""
        labels = sorted({section.label for section in self.sections})
        out = np.zeros(len(self.grid.bars), dtype=np.int64)
        for section in self.sections:
            out[section.first : section.last] = labels.index(section.label)
        return out

    def leans(self) -> dict[str, list[Lean]]:
        """Part -> what is likely beside what the net hears, for onset and sustain."""
        found: dict[str, list[Lean]] = {}
        for part in self.request.parts:
            manner, asked = self.manner(part), self.request.asked[part]
            own = self._own(part)
            leans = [None if manner is None else like_lean(manner, self.grid, part, asked), own]
            found[part] = [lean for lean in leans if lean is not None]
        return found

    def _own(self, part: str) -> Lean | None:
        """What the part's own bars say of the asked ones; a further track is not to be like the one that is there."""
        asked, bars = self.request.asked[part], len(self.grid.bars)
        if self.request.mode == "add" or not self.request.existing[part] or len(asked) == bars or bars > MAX_BARS:
            return None
        onset = self.grid.onset.copy()
        onset[ROLES.index(part)] = False  # it plays in some of the bars that are compared, and not in others
        alike = likeness(bar_features(replace(self.grid, onset=onset), self.profiles))
        return own_lean(self.whole, part, asked, alike, self.setting(part).root)

    def density(self, part: str) -> str | float | None:
        """Strokes that are asked for: as said, else as many as where it is to be like."""
        manner = self.manner(part)
        return self.controls.of(part).density or (manner.strokes if manner else None)

    def polished(self, part: str, planes: Planes, sure: np.ndarray, chance: np.ndarray) -> Planes:
        """A drawn take put right as a player would, before it is let sound.

        Parameters
        ----------
        planes : onset and sustain, bool (row, step). sure : float (row, step), chances that the onsets were drawn from.
        chance : the same shape, the model's mean for them.
        """
        grid, (onset, sustain) = self.grid, planes
        asked = np.isin(np.arange(len(grid.bars)), self.request.asked[part])
        if part == "drums":
            onset = time_kept(tidied(onset, sure, grid), chance, grid, asked)
            onset = dressed(onset, sure, Scene(grid, self.setting(part)), asked)
            return onset, onset.copy()
        onset = no_holes(onset, sure, grid, part, asked)
        if part == "guitar":
            onset = one_grip(onset, sure, grid)
        else:
            onset = lead_ins(onset, sure, grid, asked)
        return onset, sustain | onset

    def shaped(self, part: str, planes: Planes, chance: np.ndarray | None) -> Planes:
        """The take's planes as the controls want them; the very same where nothing was asked.

        Parameters
        ----------
        planes : onset and sustain, bool (row, step). chance : float (row, step), the model's mean for the onsets.
        """
        asked = self.controls.of(part)
        if self.chart is not None and part != "drums":
            lowest = self.setting(part).lowest
            planes = on_chart(part, planes, self.chart, self.grid, self.controls.key, lowest)
        steps = followed_steps(self.grid, self.request, asked)
        if steps is not None:
            inside = np.isin(self.grid.bar_of_step, self.request.asked[part])
            planes = follow_onsets(planes, steps & inside, planes[0] if chance is None else chance, self.grid)
        if asked.style or asked.role or asked.feel or asked.fills or asked.side_stick or not asked.cymbals:
            planes = styled(part, planes, self.setting(part), asked)
        if self.request.bars[1] == len(self.grid.bars):
            planes = ended(planes, self.grid, part)
        if asked.range and not (asked.style or asked.role):  # styles keep to the range by themselves
            planes = into_range(planes, asked.range, self.setting(part).scale)
        return planes
