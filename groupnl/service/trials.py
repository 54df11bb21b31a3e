"""An image under some cells because a client asks for it: the pixels, or the answers beside the clean one.

The pixels are those that the shadow path makes of the same image, key and seed.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor

from groupnl.corruptions import NAMES, Cell, corrupt_each
from groupnl.errors import ConfigError, InputError
from groupnl.robustness.replay import spec_of
from groupnl.robustness.sampling import request_key
from groupnl.service.items import Item


class Trial(NamedTuple):
    """What is asked about one image.

    Attributes:
        item: the image.
        cells: that it meets.
        seed: of the random numbers, beside the image's key; None: that of the model's shadow path.
        shows_pixels: whether the pixels under the first cell, or clean where there is none, are the answer.
    """

    item: Item
    cells: tuple[Cell, ...]
    seed: int | None = None
    shows_pixels: bool = False

    def corrupted(self, pixels: Tensor, usual_seed: int) -> list[Tensor]:
        """The image under each cell.

        Args:
            pixels: the model's input, uint8 of shape (3, S, S).
            usual_seed: of the model's shadow path.

        Raises:
            InputError: a cell that there is not, or that cannot be made of this input.
        """
        if unknown := [cell.corruption for cell in self.cells if cell.corruption not in NAMES]:
            raise InputError(f"There is no corruption {unknown[0][:40]!r}; there are {', '.join(NAMES)}.")
        if not self.cells:
            return []
        seed = usual_seed if self.seed is None else self.seed
        key = request_key(self.item.key(), self.item.image())
        try:
            images = corrupt_each(
                pixels.expand(len(self.cells), -1, -1, -1), [spec_of(key, cell, seed) for cell in self.cells]
            )
        except ConfigError as error:
            raise InputError(f"The image cannot be corrupted so: {error}.") from None
        return list(images)


def trial_answer(cells: Sequence[Cell], answers: Sequence[dict[str, float]]) -> dict[str, Any]:
    """What a trial found.

    Args:
        cells: of the trial.
        answers: class -> probability, most probable first: the clean image's, then one under each cell.
    """
    clean, *corrupted = answers
    return {"clean": clean, "cells": [_cell(cell, clean, each) for cell, each in zip(cells, corrupted, strict=True)]}


def _cell(cell: Cell, clean: dict[str, float], classes: dict[str, float]) -> dict[str, Any]:
    holds = next(iter(classes)) == next(iter(clean))
    return {"corruption": cell.corruption, "severity": cell.severity, "holds": holds, "classes": classes}
