"""Single model inputs to one batch."""

from collections.abc import Sequence

import torch
from torch import Tensor


def as_batch(pixels: Sequence[Tensor]) -> Tensor:
    """Join model inputs.

    Args:
        pixels: uint8 of shape (3, S, S) each, channels last in memory, as `Reader` makes them; at least one.

    Returns:
        uint8 of shape (N, 3, S, S), channels last in memory; one input alone is not copied.
    """
    # As (S, S, 3), in which they lie in memory, so that the batch is a plain copy of them.
    rows = [single.permute(1, 2, 0) for single in pixels]
    return (torch.stack(rows) if len(rows) > 1 else rows[0][None]).permute(0, 3, 1, 2)
