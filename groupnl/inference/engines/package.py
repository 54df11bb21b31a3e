"""A network compiled ahead of time by AOTInductor: making the package that the engine `aot` runs."""

from pathlib import Path

import torch
from torch import Tensor, fx, nn

from groupnl.card import InputConfig
from groupnl.inference.device import place
from groupnl.inference.engines.aot import MAX_BATCH, PACKAGE_FILE
from groupnl.inference.engines.kind import cannot_run
from groupnl.inference.engines.packed_weights import packed_weights
from groupnl.inference.native import build as native
from groupnl.inference.native.operators import tell_shapes
from groupnl.inference.pixels import PixelNetwork
from groupnl.inference.rewrite import to_inference
from groupnl.inference.rewrite.native_block import join_convolutions
from groupnl.inference.rewrite.native_layer import use_native_layers
from groupnl.inference.rewrite.reorder import reorder_channels
from groupnl.inference.rewrite.stem import use_stem
from groupnl.inference.rewrite.winograd import use_winograd

_OPTIONS = {
    "freezing": True,  # weights are constants: packed for the matrix instructions when compiling
    "cpp.dynamic_threads": True,  # as many threads as the process that runs it is given
}


def compile_package(
    model: nn.Module, config: InputConfig, device: torch.device, precision: torch.dtype, folder: Path
) -> Path | None:
    """Compile a network into `folder`/`PACKAGE_FILE`.

    Takes 10 to 60 s, with the C++ compiler on a CPU.

    Args:
        model: in the form it was trained in; it is left as it is.
        config: of its input.
        device: to compile for; must be there.
        precision: float32, or that of autocast.
        folder: exists.

    Returns:
        The native kernel's file, in `folder`, if the package calls one.

    Raises:
        RewriteError: the network cannot be compiled, or there is no compiler.
    """
    variant = native.variant_for(precision) if device.type == "cpu" else None
    network = to_inference(model, reorder=variant is None)
    kernel, takes_pixels = None, False
    if variant is not None and _use_kernels(network, variant):
        takes_pixels = variant.multiplies_best and use_stem(network, config, variant)
        kernel = native.build(folder, variant)
        native.load(kernel)
        tell_shapes(variant.namespace)
    pixels = _TakesPixels(network) if takes_pixels else _ChannelsLastNetwork(network, config)
    try:
        _compile(pixels, config, device, precision, folder / PACKAGE_FILE)
    except Exception as error:  # the compiler's own errors are of many types
        raise cannot_run(f"AOTInductor cannot compile {type(model).__name__} for {device}", error) from error
    return kernel


def _compile(network: nn.Module, config: InputConfig, device: torch.device, precision: torch.dtype, file: Path) -> None:
    pixels = place(network.eval(), device)
    example = torch.zeros(2, 3, config.size, config.size, dtype=torch.uint8, device=device)
    example = example.contiguous(memory_format=torch.channels_last)
    batch = torch.export.Dim("batch", min=1, max=MAX_BATCH)
    with torch.no_grad(), torch.autocast(device.type, precision, enabled=precision != torch.float32):
        program = torch.export.export(pixels, (example,), dynamic_shapes={"pixels": {0: batch}})
        with packed_weights():
            torch._inductor.aoti_compile_and_package(program, package_path=str(file), inductor_configs=_OPTIONS)


class _ChannelsLastNetwork(PixelNetwork):
    """Normalises a row of pixels as one long vector: three channels are too few for a register."""

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits of images in channels-last memory."""
        if self.is_grey:
            return super().forward(pixels)
        batch, _, height, width = pixels.shape
        rows = pixels.permute(0, 2, 3, 1).flatten(2)
        scale, shift = (values.flatten().repeat(width) for values in (self.scale, self.shift))
        images = (rows.float() * scale + shift).reshape(batch, height, width, 3).permute(0, 3, 1, 2)
        logits: Tensor = self.network(images.to(self.dtype))
        return logits.float()


class _TakesPixels(nn.Module):
    """A network whose first layer normalises."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits of images in channels-last memory."""
        logits: Tensor = self.network(pixels)
        return logits.float()


def _use_kernels(network: fx.GraphModule, variant: native.Variant) -> bool:
    """Let a network in inference form, not reordered, call the kernels; whether there is something for them to do."""
    layers = use_native_layers(network, variant)
    if not layers:
        reorder_channels(network)
    elif variant.multiplies_best:
        join_convolutions(network)
    return use_winograd(network, variant) + layers > 0
