"""What is known of an image without its class: what it looks like, and how probably its answers are right."""

from collections.abc import Sequence

import torch
from torch import Tensor

from groupnl.service.shadow.batch import Expected
from groupnl.traffic.calibration import clean_posterior
from groupnl.traffic.file import Traffic
from groupnl.traffic.onlooker import Look, Onlooker


class TrafficObserver:
    """Looks at chosen images with what the archive knows of held-back ones; an `Observer` of the shadow path.

    Args:
        traffic: of the archive.
    """

    def __init__(self, traffic: Traffic) -> None:
        self._onlooker = Onlooker(traffic)
        self._temperature = traffic.record.temperature

    def look(self, pixels: Tensor) -> list[Look]:
        """See `Observer`."""
        return self._onlooker.look(pixels)

    def expect(self, clean: Tensor, best: Sequence[int]) -> list[Expected]:
        """See `Observer`."""
        columns = (
            clean_posterior(clean, self._temperature, answer) for answer in (clean.argmax(dim=1), torch.tensor(best))
        )
        return [Expected(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]
