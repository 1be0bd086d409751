"""A net to an ONNX graph without weights: the weights stay in the checkpoint alone. Needs torch, onnx, onnxscript."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from onnx import TensorProto

from arranger.diffusion.checkpoint import Checkpoint
from arranger.diffusion.layout import CONTEXT_PLANES, FEATURES, STEPS, TARGET_PLANES
from arranger.diffusion.nets import build_net
from arranger.errors import CheckpointError

INPUTS = ("noisy", "given", "features", "place")
MAX_INLINE_BYTES = 65_536


def graph_bytes(checkpoint: Checkpoint) -> bytes:
    """ONNX graph of a checkpoint's net: number of windows free, tokens fixed to the window.

    Raises
    ------
    CheckpointError
        if the weights are not those of the net, or an initializer of the graph is no tensor of the checkpoint, as the
        graph could then not be run from it.
    """
    net = build_net(checkpoint.config).eval()
    try:
        net.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in checkpoint.weights.items()})
    except RuntimeError as err:
        raise CheckpointError(f"The checkpoint's weights are not those of its net ({err}).") from err
    tokens = checkpoint.config.window
    examples = (
        torch.zeros(2, tokens, STEPS, TARGET_PLANES),
        torch.zeros(2, tokens, STEPS, TARGET_PLANES + CONTEXT_PLANES),
        torch.zeros(2, tokens, FEATURES),
        torch.zeros(2, tokens, 3, dtype=torch.int64),
    )
    batch = torch.export.Dim("batch")
    program = torch.onnx.export(
        net,
        examples,
        input_names=list(INPUTS),
        output_names=["logits"],
        dynamic_shapes=[{0: batch} for _ in INPUTS],
        dynamo=True,
        verbose=False,
        optimize=False,  # the optimiser folds transposed copies of the weights into the graph
    )
    if program is None:
        raise CheckpointError("The net could not be exported to ONNX.")
    model = program.model_proto
    for initializer in model.graph.initializer:
        if initializer.name in checkpoint.weights:
            if tuple(initializer.dims) != checkpoint.weights[initializer.name].shape:
                raise CheckpointError(f"{initializer.name} was reshaped on export; the graph can't use the checkpoint.")
            _make_external(initializer)
        elif initializer.ByteSize() > MAX_INLINE_BYTES:
            raise CheckpointError(f"{initializer.name} was made on export and is too large to stand in the graph.")
    del model.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    del model.graph.value_info[:]
    return model.SerializeToString()


def _make_external(initializer: TensorProto) -> None:
    """Keep name, type and shape; the bytes come from the checkpoint when the session is made."""
    initializer.ClearField("raw_data")
    initializer.ClearField("float_data")
    initializer.data_location = TensorProto.EXTERNAL
    del initializer.external_data[:]
    entry = initializer.external_data.add()
    entry.key, entry.value = "location", "checkpoint"


def write_graph(path: Path, checkpoint: Checkpoint) -> None:
    """Write the graph beside the checkpoint, as `NAME.onnx`."""
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(graph_bytes(checkpoint))
    beside.replace(path)
