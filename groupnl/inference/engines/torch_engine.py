"""A network that runs in PyTorch: what the engines `eager` and `compile` share."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from groupnl.card import InputConfig
from groupnl.inference.device import place
from groupnl.inference.engines.engine import keep_exact
from groupnl.inference.engines.kind import Spec
from groupnl.inference.engines.on_device import on_device
from groupnl.inference.pixels import PixelNetwork


class TorchEngine:
    """A network in PyTorch under autocast.

    Convolutions run in `precision` and in channels-last memory order.

    Args:
        model: takes float (B, 3, S, S), gives (B, classes); in evaluation mode. It becomes the engine's own: it is
            moved to `device`, and its layers' weights to `precision`.
        config: size of the input, and the mean and standard deviation it was trained with.
        device: see `choose_device`.
        precision: see `choose_precision`.
        urgent: on CUDA, run on a stream that goes before those of other engines.
        graphs: on CUDA, record fixed batch sizes when warming up.
        compiled: compile with torch.compile, at the first batch; takes up to a minute.
    """

    def __init__(
        self,
        model: nn.Module,
        config: InputConfig,
        device: torch.device,
        precision: torch.dtype,
        *,
        urgent: bool = False,
        graphs: bool = True,
        compiled: bool = False,
    ) -> None:
        network = place(_converted(PixelNetwork(model, config).eval(), precision), device)
        compute = partial(_logits, _compiled(network) if compiled else network, device.type, precision)
        self._where = f"{precision} on {device}"
        self._on_device = on_device(compute, config.size, device, urgent=urgent, graphs=graphs)
        keep_exact(precision)

    def __call__(self, pixels: Tensor) -> Tensor:
        """Compute logits; see `Engine`.

        A batch that does not fit into the device's memory is run in parts; see `run_or_split`.

        Raises:
            torch.OutOfMemoryError: not even one image fits.
        """
        return self._on_device(pixels)

    def warm_up(self, max_batch: int) -> None:
        """Run once with one image and once with `max_batch`, of noise; see `Engine`."""
        self._on_device.warm_up(max_batch, self._where)


def open_network(network: Callable[[], nn.Module], spec: Spec, *, compiled: bool = False) -> TorchEngine:
    """The engine of a network, in the form that is asked for; see `EngineKind.open`.

    Args:
        network: gives it as it was trained.
        spec: how it is to run.
        compiled: by torch.compile.
    """
    return TorchEngine(
        _in_form(network(), spec),
        spec.input,
        spec.device,
        spec.precision,
        urgent=spec.urgent,
        graphs=spec.graphs,
        compiled=compiled,
    )


def _in_form(network: nn.Module, spec: Spec) -> nn.Module:
    if spec.published:
        return network
    from groupnl.inference.rewrite import to_inference  # a worker that runs the network as it was trained needs none

    return to_inference(network)


def _logits(network: Callable[[Tensor], Any], device: str, precision: torch.dtype, images: Tensor) -> Tensor:
    with torch.autocast(device, precision, enabled=precision != torch.float32):
        logits: Tensor = network(images)
    return logits


def _converted(network: nn.Module, precision: torch.dtype) -> nn.Module:
    """Convert once what autocast would convert at each forward pass: the answers are the same.

    Layers of these two kinds hand their weights to the product as they are; subclasses may compute with them first.
    """
    for module in network.modules():
        if type(module) in (nn.Conv2d, nn.Linear):
            module.to(precision)
    return network


def _compiled(network: nn.Module) -> Callable[[Tensor], Any]:
    # Frozen weights are packed for the device's matrix instructions; one compilation serves every batch size.
    return torch.compile(network, dynamic=True, options={"freezing": True})
