"""From a drawn take to the take that was asked for: chart, style, what it follows, its range."""

from __future__ import annotations

from functools import cache, cached_property

import numpy as np

from arranger.charts import Chart, chart_of
from arranger.controls import Controls
from arranger.errors import FillRequestError
from arranger.grid import Grid, song_to_grid
from arranger.likeness import Manner, like_lean, manner_of
from arranger.on_chart import on_chart
from arranger.request import FillRequest
from arranger.rules import bar_tempos
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
        )
        if wrong := conflicts(part, controls.of(part), controls.swing, found):
            raise FillRequestError(" ".join(wrong))
        return found

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
        return manner_of(song_to_grid(self.request.song, self.request.roles), part, self.controls.like)

    def leans(self) -> dict[str, list[Lean]]:
        """Part -> what is likely beside what the net hears, for onset and sustain."""
        manners = {part: self.manner(part) for part in self.request.parts}
        return {
            part: [like_lean(manner, self.grid, part, self.request.asked[part])]
            for part, manner in manners.items()
            if manner is not None
        }

    def density(self, part: str) -> str | float | None:
        """Strokes that are asked for: as said, else as many as where it is to be like."""
        manner = self.manner(part)
        return self.controls.of(part).density or (manner.strokes if manner else None)

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
        if asked.style or asked.role or asked.feel or asked.fills or asked.side_stick or not asked.cymbals:
            planes = styled(part, planes, self.setting(part), asked)
        steps = followed_steps(self.grid, self.request, asked)
        if steps is not None:
            inside = np.isin(self.grid.bar_of_step, self.request.asked[part])
            planes = follow_onsets(planes, steps & inside, planes[0] if chance is None else chance, self.grid)
        if asked.range:
            planes = into_range(planes, asked.range, self.setting(part).scale)
        return planes
