"""By what an image is known again, from the pixels that the network got: the very same, or one that looks like it.

Both come from the sums of 16 x 16 blocks. Their hash changes with any level of any pixel, but for changes that cancel
out inside a block. The signs of their low frequencies stay while a picture is shifted by a fiftieth, made brighter,
compressed or noisy, and half of them differ between pictures that have nothing in common. This is the perceptual hash
pHash (Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010), of each colour for itself,
since drawings differ by colour alone.
"""

import hashlib
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_BLOCKS = 16  # along each side; their sums are whole numbers in float32 up to 4096 pixels
_FREQUENCIES = 9  # along each side, without the mean: 3 x 80 signs
WORDS = 4  # of 64 bits, that hold them
# Of the 240 signs, at most so many differ between images that look alike. Of 796 parts of photographs none was taken
# for another, of 2626 icons 0.6 %; docs/statistics.md has what is known again.
ALIKE = 48

# Of the discrete cosine transform, type II: float32 (9, 16).
_COSINES = np.cos(np.pi * np.arange(_FREQUENCIES)[:, None] * (np.arange(_BLOCKS) + 0.5) / _BLOCKS).astype(np.float32)


class Fingerprint(NamedTuple):
    """Of one image.

    Attributes:
        exact: the same for the same pixels, 1 to 2**64 - 1.
        coarse: uint64 of shape (4,); two images look alike when at most `ALIKE` bits differ.
    """

    exact: int
    coarse: NDArray[np.uint64]


def fingerprint(pixels: Tensor) -> Fingerprint:
    """The fingerprint of a network's input.

    Args:
        pixels: uint8 of shape (3, S, S).
    """
    is_in, lengths = _blocks(pixels.shape[1])
    rows = pixels.permute(1, 2, 0).reshape(len(is_in[0]), -1).float()  # no copy where channels lie last
    sums = ((is_in @ rows).view(_BLOCKS, -1, 3).permute(2, 0, 1) @ is_in.T).contiguous().numpy()
    exact = hashlib.blake2b(sums.data, digest_size=8).digest()
    means = sums / (lengths[:, None] * lengths)
    waves = _COSINES @ (means - means.mean(axis=(1, 2), keepdims=True)) @ _COSINES.T
    signs = np.packbits(waves.reshape(3, -1)[:, 1:] > 0)
    coarse = np.zeros(WORDS, np.uint64)
    coarse.view(np.uint8)[: len(signs)] = signs
    return Fingerprint(int.from_bytes(exact, "little") or 1, coarse)


@cache
def _blocks(size: int) -> tuple[Tensor, NDArray[np.float32]]:
    """Which pixel of a row is in which block, float32 (16, S) of 0 and 1; and how many are in each, (16,)."""
    block = torch.arange(size) * _BLOCKS // size
    is_in = (block == torch.arange(_BLOCKS)[:, None]).float()
    return is_in, is_in.sum(dim=1).clamp(min=1).numpy()  # fewer pixels than blocks: some have none
