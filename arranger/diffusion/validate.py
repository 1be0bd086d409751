"""Validation while training: loss by part and noise level, and how well the mean prediction finds the notes."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from arranger.diffusion.config import TrainConfig
from arranger.diffusion.layout import IS_ONSET, TARGETS
from arranger.diffusion.windows import IndexedPiece, Trial, make_batch
from arranger.parts import PARTS

LEVELS = (0.25, 0.5, 0.75, 1.0)
BATCHES = 4
"""Batches for each part and level: enough to rank checkpoints, few enough to cost a minute at most."""


def _notes_at_equal_density(score: np.ndarray, truth: np.ndarray) -> float:
    """F1 of the cells with the highest score, as many as the truth has; precision and recall are then the same."""
    count = int(truth.sum())
    if not count:
        return float("nan")
    top = np.argpartition(score, -count)[-count:]
    return float(truth[top].mean())


@torch.no_grad()
def validate(
    net: nn.Module,
    songs: list[IndexedPiece],
    config: TrainConfig,
    prior: np.ndarray,
    device: torch.device,
) -> dict[str, float]:
    """Losses `val/part/level` (nats a step, onset cells), their mean `val`, and `f1/part` at full noise.

    The same windows and noise at every call, whatever the training seed.
    """
    chances = np.full(len(songs), 1 / len(songs))
    figures: dict[str, float] = {}
    onset = torch.from_numpy(IS_ONSET).to(device)
    for part, planes in enumerate(TARGETS):
        for level in LEVELS:
            total, steps, scores, truths = 0.0, 0.0, [], []
            for number in range(BATCHES):
                rng = np.random.default_rng([7, part, number])
                batch = make_batch(songs, chances, config, prior, rng, Trial(part, level))
                arrays = (batch.noisy, batch.given, batch.features, batch.place)
                noisy, given, features, place = (torch.from_numpy(array).to(device) for array in arrays)
                with torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bfloat16"):
                    logits = net(noisy.float(), given.float(), features, place).float()
                truth = torch.from_numpy(batch.truth).to(device).float()
                hidden = torch.from_numpy(batch.weight).to(device).float()
                loss = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
                total += float((loss * hidden)[..., onset].sum())
                steps += float(hidden[..., planes.first].sum())
                if level == 1:
                    chosen = batch.weight[..., planes.onset].astype(bool)
                    scores.append(logits[..., planes.onset].cpu().numpy()[chosen])
                    truths.append(batch.truth[..., planes.onset][chosen])
            figures[f"val/{PARTS[part]}/{level}"] = total / max(1.0, steps)
            if level == 1:
                figures[f"f1/{PARTS[part]}"] = _notes_at_equal_density(np.concatenate(scores), np.concatenate(truths))
    return {"val": float(np.mean([v for k, v in figures.items() if k.startswith("val/")])), **figures}
