"""How far a block's maps are from those that are wanted, over all images together."""

import torch
from torch import Tensor

# The least variance that an error is divided by: maps that are the same everywhere have none.
_LEAST = 1e-12
_MAPS = 4  # dimensions of maps: image, channel, row, column


class BlockError:
    """Sums over batches, from which the error of all is told once: one image with one pixel has no variance alone."""

    def __init__(self) -> None:
        self._count = 0
        self._pixels = 0
        self._difference = torch.zeros((), dtype=torch.float64)
        self._sums = torch.zeros((), dtype=torch.float64)
        self._squares = torch.zeros((), dtype=torch.float64)

    def add(self, maps: Tensor, wanted: Tensor) -> None:
        """Take images into account.

        Args:
            maps: (B, C, H, W), or another shape, which counts as one channel.
            wanted: the same shape.
        """
        found, target = _by_channel(maps), _by_channel(wanted)
        self._count += target.numel()
        self._pixels += target.shape[1]
        self._difference = self._difference + (found - target).square().sum().cpu()
        self._sums = self._sums + target.sum(1).cpu()
        self._squares = self._squares + target.square().sum().cpu()

    @property
    def relative(self) -> float:
        """Mean square of the difference, divided by the variance of what is wanted within its channels.

        0: equal; 1: no better than each channel's mean.
        """
        spread = self._squares - (self._sums.square() / self._pixels).sum()
        return float(self._difference / spread.clamp_min(_LEAST * self._count))


def _by_channel(maps: Tensor) -> Tensor:
    """(C, pixels of all images), float64."""
    wide = maps.double()
    return wide.transpose(0, 1).flatten(1) if maps.dim() == _MAPS else wide.reshape(1, -1)
