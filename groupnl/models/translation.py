"""Tensors of another library's network, under the names and in the shapes of the same network in timm."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor


class Translation(NamedTuple):
    """What the tensors of another library's network are in timm's.

    Attributes:
        names: the other library's name -> timm's; empty for a buffer that timm's network makes itself.
        shapes: timm's name -> its shape, where the other's is another.
        epsilons: timm's name of a variance -> by how much the other's norm adds more to it than timm's.
    """

    names: Mapping[str, str]
    shapes: Mapping[str, tuple[int, ...]] = {}
    epsilons: Mapping[str, float] = {}

    def translate(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The weights of timm's network; what has none of the other's names is left as it is."""
        found = {}
        for name, tensor in tensors.items():
            own = self.names.get(name, name)
            if own:
                found[own] = self._as_timms(own, tensor)
        return found

    def _as_timms(self, name: str, tensor: Tensor) -> Tensor:
        inner = self.shapes[name][1:] if name in self.shapes else None
        if inner is not None and tensor.ndim and tensor.numel() == len(tensor) * math.prod(inner):
            tensor = tensor.reshape(len(tensor), *inner)
        # A norm divides by the root of the sum of both.
        return tensor.float() + self.epsilons[name] if name in self.epsilons else tensor
