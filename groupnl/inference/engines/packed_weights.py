"""Weights in the order that convolutions want, for batches of any size: Inductor does it for fixed sizes only.

oneDNN keeps a convolution's weights in blocks. Where the batch size is open Inductor leaves them as they are, and each
forward pass reorders all of them first, which of a batch of one image takes a tenth of the time.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch._inductor.fx_passes import mkldnn_fusion

_IMAGES = 8  # that a batch is taken to have; another order than that of its own size is still computed right


@contextmanager
def packed_weights() -> Iterator[None]:
    """While this is open, what Inductor compiles for a CPU has its convolutions' weights packed.

    It changes two functions of Inductor's; nothing else may compile at the same time.
    """
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        yield
        return
    fusion: Any = mkldnn_fusion
    operations = fusion.CpuMkldnnDeviceOp
    is_open, pack = fusion.has_free_symbols, operations.pack_conv_weight

    def is_open_but_of_images(value: Any) -> bool:
        return not _is_shape_of_images(value) and bool(is_open(value))

    def pack_for_images(
        self: Any, graph: Any, is_transposed: bool, weight: Any, constants: list[Any], shape: Sequence[Any]
    ) -> Any:
        sizes = [size if isinstance(size, int) else _IMAGES for size in shape]
        return pack(self, graph, is_transposed, weight, constants, sizes)

    fusion.has_free_symbols = is_open_but_of_images
    operations.pack_conv_weight = pack_for_images
    try:
        yield
    finally:
        fusion.has_free_symbols = is_open
        operations.pack_conv_weight = pack


def _is_shape_of_images(value: Any) -> bool:
    """Whether a value is (batch, channels, height, width), of which the batch alone may be open.

    Grey images are left out: with one channel oneDNN takes the packed weights for some in another order, and the
    convolution computes something else.
    """
    is_shape = isinstance(value, Sequence) and len(value) == 4 and all(isinstance(size, int) for size in value[1:])
    return is_shape and value[1] > 1
