"""How straight GroupNL's functions are where the seeds lie: the best affine fit of each generated map on its own seed.

A generated map that is an affine function of its seed tells the next layer nothing that the seed has not told.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from groupnl.base.numbers import Share
from groupnl.layers import GroupNLConv2d

STRAIGHT = 0.95  # share of a map's variance above which it is counted as affine


class LayerFit(BaseModel):
    """One layer.

    Attributes:
        layer: its name in the network.
        seeds: its seed maps, s.
        r2: share of a generated map's variance that the best affine function of its seed explains; mean over the maps.
        straight: share of the maps of which it explains more than 95 %.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    layer: str
    seeds: Annotated[int, Field(ge=1)]
    r2: Share
    straight: Share


@torch.inference_mode()
def fit_layers(network: nn.Module, images: Tensor) -> list[LayerFit]:
    """Fit every GroupNL layer of a network.

    Args:
        network: trained; put into evaluation mode.
        images: its input, (B, 3, S, S).
    """
    network.eval()
    with _outputs(network) as outputs:
        network(images)
    layers = dict(network.named_modules())
    return [fit_layer(name, layers[name], output) for name, output in outputs.items()]


def fit_layer(name: str, layer: nn.Module, output: Tensor) -> LayerFit:
    """Fit one layer.

    Args:
        name: to be called so.
        layer: a GroupNL layer that shuffles nothing.
        output: its own, float32 (B, m, H, W).
    """
    assert isinstance(layer, GroupNLConv2d)  # noqa: S101 (for mypy)
    seeds = layer.conv1.out_channels
    maps = output.detach().double().transpose(0, 1).flatten(1)  # (m, pixels)
    r2 = squared_correlation(maps[:seeds][seed_of_each(layer)], maps[seeds:])
    return LayerFit(layer=name, seeds=seeds, r2=float(r2.mean()), straight=float((r2 > STRAIGHT).double().mean()))


def seed_of_each(layer: GroupNLConv2d) -> Tensor:
    """Position of each generated map's seed; int64 (m - s,)."""
    blocks = torch.arange(layer.conv1.out_channels).view(layer.num_terms, 1, -1)
    return blocks.expand(-1, layer.ratio - 1, -1).flatten()


def squared_correlation(x: Tensor, y: Tensor) -> Tensor:
    """R^2 of the best affine fit of each row of y on that of x, in [0, 1]; 1 where y does not vary.

    Args:
        x: float64 (rows, values).
        y: the same.
    """
    x, y = x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True)
    product, power = (x * y).sum(1), (y * y).sum(1)
    explained = product**2 / (x * x).sum(1).clamp_min(1e-300)
    r2: Tensor = torch.where(power > 0, explained / power.clamp_min(1e-300), 1.0).clamp(0, 1)
    return r2


@contextmanager
def _outputs(network: nn.Module) -> Iterator[dict[str, Tensor]]:
    """While it is open: name -> output of each GroupNL layer, as the network runs."""
    found: dict[str, Tensor] = {}

    def keep(name: str) -> torch.utils.hooks.RemovableHandle:
        return layers[name].register_forward_hook(lambda module, args, output: found.__setitem__(name, output))

    layers = {name: module for name, module in network.named_modules() if isinstance(module, GroupNLConv2d)}
    handles = [keep(name) for name in layers]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
