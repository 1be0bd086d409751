"""Shaping a drawn take to a style that was asked for: planes in, planes out.

The model says when something is struck and what; a style keeps of that what belongs to it and changes the rest, so that
what was asked for is there for certain and the rhythm is still that of the song.
"""

from __future__ import annotations

from arranger.controls import PartControls
from arranger.styles.bass import styled_bass
from arranger.styles.conflicts import conflicts
from arranger.styles.drums import styled_drums
from arranger.styles.feel import moved_to_swing
from arranger.styles.follow import follow_onsets
from arranger.styles.guitar import styled_guitar
from arranger.styles.measures import adherence
from arranger.styles.setting import Planes, Setting, setting_of

__all__ = [
    "Planes",
    "Setting",
    "adherence",
    "conflicts",
    "follow_onsets",
    "moved_to_swing",
    "setting_of",
    "styled",
]

_STYLED = {"drums": styled_drums, "bass": styled_bass, "guitar": styled_guitar}


def styled(part: str, planes: Planes, setting: Setting, controls: PartControls) -> Planes:
    """The take as the controls want it; the very planes that came in where nothing was asked.

    Only the asked bars change; where the take rests in one of them, it goes on resting.
    """
    return _STYLED[part](planes, setting, controls)
