"""A checkpoint as a callable on arrays, through ONNX Runtime: no torch, a fast import, two cores well used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from arranger.diffusion.checkpoint import Checkpoint, read_checkpoint
from arranger.errors import CheckpointError

Denoise = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(noisy (B,T,S,P), given (B,T,S,P+C), features (B,T,F), place (B,T,3)) -> logits float32 (B,T,S,P)."""


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded denoiser: what the sampler calls, and what it must know of it."""

    denoise: Denoise
    window: int
    prior: np.ndarray
    name: str


def load_model(path: Path, threads: int = 0) -> Model:
    """Model from a checkpoint and the graph that lies beside it (same name, `.onnx`).

    Raises
    ------
    CheckpointError
        if either is missing, damaged, or they don't belong together.
    """
    checkpoint = read_checkpoint(path)
    graph = path.with_suffix(".onnx")
    if not graph.exists():
        raise CheckpointError(
            f"{path}: its graph {graph.name} is not beside it; arranger train writes it when its run is done."
        )
    return Model(_session(checkpoint, graph, threads), checkpoint.config.window, checkpoint.prior, path.stem)


def _session(checkpoint: Checkpoint, graph: Path, threads: int) -> Denoise:
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # A song is one run of many calls of one shape; spinning threads would only steal from the user's other work.
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    values = {name: onnxruntime.OrtValue.ortvalue_from_numpy(array) for name, array in checkpoint.weights.items()}
    options.add_external_initializers(list(values), list(values.values()))
    try:
        session = onnxruntime.InferenceSession(graph.read_bytes(), options, providers=["CPUExecutionProvider"])
    except Exception as err:  # ONNX Runtime raises types of its own, without a common base
        raise CheckpointError(f"{graph}: the graph doesn't fit its checkpoint ({str(err)[:200]}).") from err

    def denoise(noisy: np.ndarray, given: np.ndarray, features: np.ndarray, place: np.ndarray) -> np.ndarray:
        feed = {
            "noisy": np.ascontiguousarray(noisy, dtype=np.float32),
            "given": np.ascontiguousarray(given, dtype=np.float32),
            "features": np.ascontiguousarray(features, dtype=np.float32),
            "place": np.ascontiguousarray(place, dtype=np.int64),
        }
        return session.run(["logits"], feed)[0]

    return denoise
