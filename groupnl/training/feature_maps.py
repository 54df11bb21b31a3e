"""The maps after each block of a network, and how far those of two networks are apart."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

# The least variance that an error is divided by: a map that is the same everywhere has none.
_LEAST = 1e-12
_MAPS = 4  # dimensions of maps: image, channel, row, column
Pairs = tuple[tuple[str, str], ...]
"""Names of two networks' modules whose outputs are compared."""


class Passed(NamedTuple):
    """What went through a module.

    Attributes:
        input: its first argument.
        output: what it gave.
    """

    input: Tensor
    output: Tensor


@contextmanager
def recorded(network: nn.Module, names: Iterable[str]) -> Iterator[dict[str, Passed]]:
    """Keep what goes through modules while the network is called in the `with` block.

    Args:
        network: that holds the modules.
        names: of the modules.

    Returns:
        A dictionary that is filled: name -> what went through the module last.
    """
    passed: dict[str, Passed] = {}

    def keep(name: str, _module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        passed[name] = Passed(inputs[0], output)

    hooks = [network.get_submodule(name).register_forward_hook(partial(keep, name)) for name in names]
    try:
        yield passed
    finally:
        for hook in hooks:
            hook.remove()


def blocks_of(network: nn.Module) -> tuple[str, ...]:
    """The blocks that a network is a chain of, by name: modules of modules that stand in a sequence, the outermost."""
    found: list[str] = []
    for name, module in network.named_modules():
        parent = network.get_submodule(name.rpartition(".")[0])
        is_block = isinstance(parent, nn.Sequential | nn.ModuleList) and any(module.children())
        if is_block and not isinstance(module, nn.Sequential | nn.ModuleList) and not _inside(name, found):
            found.append(name)
    return tuple(found)


def _inside(name: str, modules: Iterable[str]) -> bool:
    return any(name.startswith(f"{module}.") for module in modules)


def agreeing_blocks(one: nn.Module, other: nn.Module, image: Tensor) -> Pairs:
    """Blocks of two networks whose outputs can be compared.

    Networks with the same chain of shapes are compared block by block, others after the last block of each shape that
    both have.

    Args:
        one: a network.
        other: another one.
        image: that both take, (1, C, S, S); their mode is left as it is.
    """
    shapes = [_shapes(network, image) for network in (one, other)]
    if list(shapes[0].values()) == list(shapes[1].values()):
        return tuple(zip(*shapes, strict=True))
    last = [{shape: name for name, shape in found.items()} for found in shapes]
    return tuple((name, last[1][shape]) for shape, name in last[0].items() if shape in last[1])


@torch.no_grad()
def _shapes(network: nn.Module, image: Tensor) -> dict[str, torch.Size]:
    training = network.training
    try:
        with recorded(network, blocks_of(network)) as maps:
            network.eval()(image)
    finally:
        network.train(training)
    return {name: passed.output.shape for name, passed in maps.items() if isinstance(passed.output, Tensor)}


def relative_error(maps: Tensor, wanted: Tensor) -> Tensor:
    """Mean square of the difference, divided by the variance of what is wanted within its channels; a scalar.

    0: equal; 1: no better than each channel's mean.

    Args:
        maps: (B, C, H, W), or another shape, which counts as one channel.
        wanted: the same shape.
    """
    maps, wanted = maps.float(), wanted.float()
    places = [place for place in range(wanted.dim()) if place != 1 or wanted.dim() != _MAPS]
    spread = (wanted - wanted.mean(places, keepdim=True)).square().mean()
    return (maps - wanted).square().mean() / spread.clamp_min(_LEAST)


def mean_error(maps: Mapping[str, Passed], wanted: Mapping[str, Passed], pairs: Sequence[tuple[str, str]]) -> Tensor:
    """The mean of the relative errors of pairs of modules' outputs; a scalar."""
    return torch.stack([relative_error(maps[mine].output, wanted[other].output) for mine, other in pairs]).mean()
