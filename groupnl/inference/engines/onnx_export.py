"""A network as an ONNX file that takes pixels: what ONNX Runtime and OpenVINO run."""

from pathlib import Path

import torch
from torch import fx, nn

from groupnl.card import InputConfig
from groupnl.errors import ConfigError, not_installed
from groupnl.inference.engines.graph_file import INPUT, OUTPUT, PACKAGES
from groupnl.inference.engines.kind import cannot_run
from groupnl.inference.pixels import PixelNetwork
from groupnl.inference.rewrite.split import split_layers
from groupnl.inference.rewrite.split_layer import Sine, SplitGroupNL

OPSET = 20
_LARGEST_BATCH = 4096  # nothing depends on it, but the exporter wants a bound


def export_onnx(
    graph: fx.GraphModule,
    config: InputConfig,
    path: Path,
    *,
    sine: Sine = "operator",
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write a network as ONNX: uint8 `pixels` (batch, 3, S, S) -> float32 `logits` (batch, classes).

    Args:
        graph: made by `to_inference`; it is left as it is.
        config: size of the input, mean and standard deviation.
        path: of the file, with the weights inside.
        sine: "operator" for GPUs, "convolutions" for ONNX Runtime on a CPU, "polynomial" for OpenVINO; each runs
            everywhere, and computes the same.
        dtype: of convolutions and matrix products, torch.float16 for GPUs; norms and sines stay float32.

    Raises:
        ConfigError: a package that writes ONNX is missing.
        RewriteError: the network has something that ONNX does not.
    """
    network = split_layers(graph, sine).eval()
    if dtype != torch.float32:
        _convert(network, dtype)
    # A batch of two, because the exporter takes one for a constant.
    pixels = torch.zeros(2, 3, config.size, config.size, dtype=torch.uint8)
    batch = torch.export.Dim("batch", min=1, max=_LARGEST_BATCH)
    try:
        torch.onnx.export(
            PixelNetwork(network, config, dtype).eval(),
            (pixels,),
            path,
            input_names=[INPUT],
            output_names=[OUTPUT],
            opset_version=OPSET,
            dynamo=True,
            dynamic_shapes=({0: batch},),
            external_data=False,
            verbose=False,
        )
    except ModuleNotFoundError as error:
        raise ConfigError(not_installed(str(error.name), PACKAGES.get(str(error.name), "onnx"))) from error
    except torch.onnx.OnnxExporterError as error:
        raise cannot_run("the network cannot be written as ONNX", error) from error


def _convert(network: nn.Module, dtype: torch.dtype) -> None:
    """Let weights be `dtype`, but not what GroupNL layers compute with behind their convolutions."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear | nn.BatchNorm2d):
            module.to(dtype)
        elif isinstance(module, SplitGroupNL):
            module.dtype = dtype
