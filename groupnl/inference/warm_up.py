"""First-time work before the first request: every engine runs noise, and its logits are looked at."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from groupnl.errors import ConfigError


def run_noise(engine: Callable[[Tensor], Tensor], size: int, batches: Iterable[int], where: str) -> None:
    """Run an engine once with each batch size, on noise.

    Args:
        engine: pixels to logits.
        size: side of the input, pixels.
        batches: how many images at once.
        where: precision and device, for the error's text.

    Raises:
        ConfigError: logits that are not finite.
    """
    for batch in sorted(set(batches)):
        if not bool(engine(noise(batch, size)).isfinite().all()):
            raise ConfigError(
                f"the network's logits are not finite in precision {where}: "
                "set another precision; if float32 does the same, the weights cannot be used"
            )


def noise(batch: int, size: int) -> Tensor:
    """Pixels of no picture, the same at each call: uint8 (batch, 3, size, size), in memory as a served batch.

    See `groupnl.images.batch.as_batch`: engines that want another order pay for it when they are timed, as they will.
    """
    generator = torch.Generator().manual_seed(0)
    rows = torch.randint(0, 256, (batch, size, size, 3), dtype=torch.uint8, generator=generator)
    return rows.permute(0, 3, 1, 2)
