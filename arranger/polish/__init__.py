"""What a player would put right in a drawn take without being told: docs/lab-log.md, “Thirty fills read”.

A take is drawn cell by cell. Nobody grips a chord string by string, or chooses for every bar anew where the kick falls:
`settled` joins what belongs together while the last step is still chances, `polished` tidies what was drawn.
"""

from __future__ import annotations

from arranger.polish.chances import settled
from arranger.polish.grips import one_grip
from arranger.polish.kit import Scene, dressed, tidied
from arranger.polish.line import lead_ins, no_holes, no_runaways
from arranger.polish.timekeeper import time_kept

__all__ = ["Scene", "dressed", "lead_ins", "no_holes", "no_runaways", "one_grip", "settled", "tidied", "time_kept"]
