"""The ONNX file of the engines that run one: its name, its input and output, and how it is made."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from groupnl.inference.engines.kind import Spec

if TYPE_CHECKING:
    from groupnl.inference.rewrite.split_layer import Sine

GRAPH_FILE = "model.onnx"
INPUT, OUTPUT = "pixels", "logits"
# What writing needs, and our extra that has it.
PACKAGES = {"onnx": "onnx", "onnxscript": "onnx"}


def make_graph_file(network: nn.Module, spec: Spec, folder: Path, sine: "Sine") -> None:
    """Write a network into `folder`/`GRAPH_FILE`; see `export_onnx`.

    Args:
        network: as it was trained.
        spec: what the file is for.
        folder: exists.
        sine: form of GroupNL layers that the engine runs fastest on the device.

    Raises:
        ConfigError: a package that writes ONNX is missing.
        RewriteError: the network has something that ONNX does not.
    """
    # Here, because a worker that only opens files needs none of it.
    from groupnl.inference.engines.onnx_export import export_onnx
    from groupnl.inference.rewrite import as_published, to_inference

    export_onnx(
        as_published(network) if spec.published else to_inference(network),
        spec.input,
        folder / GRAPH_FILE,
        sine=sine,
        dtype=torch.float16 if spec.precision == torch.float16 else torch.float32,
    )


def graph_file(folder: Path) -> list[Path]:
    """The file, if it was made there."""
    file = folder / GRAPH_FILE
    return [file] if file.exists() else []
