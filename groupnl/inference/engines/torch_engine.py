"""A network that runs in PyTorch: what the engines `eager` and `compile` share."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from groupnl.card import InputConfig
from groupnl.inference.device import place
from groupnl.inference.engines.engine import keep_exact, run_or_split, to_device, urgent_stream
from groupnl.inference.engines.kind import Spec
from groupnl.inference.pixels import PixelNetwork
from groupnl.inference.warm_up import run_noise


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
        compiled: bool = False,
    ) -> None:
        network = place(_converted(PixelNetwork(model, config).eval(), precision), device)
        self._network: Callable[[Tensor], Any] = _compiled(network) if compiled else network
        self._size = config.size
        self._device = device
        self._precision = precision
        self._stream = urgent_stream(device) if urgent else None
        keep_exact(precision)

    def __call__(self, pixels: Tensor) -> Tensor:
        """Compute logits; see `Engine`.

        A batch that does not fit into the device's memory is run in parts; see `run_or_split`.

        Raises:
            torch.OutOfMemoryError: not even one image fits.
        """
        return run_or_split(self._forward, pixels)

    def warm_up(self, max_batch: int) -> None:
        """Run once with one image and once with `max_batch`, of noise; see `Engine`."""
        run_noise(self, self._size, (1, max_batch), f"{self._precision} on {self._device}")

    def _forward(self, pixels: Tensor) -> Tensor:
        with torch.no_grad(), torch.cuda.stream(self._stream):  # of None: the usual stream
            images = to_device(pixels, self._device).contiguous(memory_format=torch.channels_last)
            with torch.autocast(self._device.type, self._precision, enabled=self._precision != torch.float32):
                logits: Tensor = self._network(images)
            return logits.cpu()


def network_of(network: Callable[[], nn.Module], spec: Spec) -> nn.Module:
    """The network in the form that is asked for."""
    if spec.published:
        return network()
    from groupnl.inference.rewrite import to_inference  # a worker that runs the network as it was trained needs none

    return to_inference(network())


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
