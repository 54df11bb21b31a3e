"""What an interrupted cell needs to go on: written after every epoch, gone when its result is written."""

from pathlib import Path
from typing import Any, NamedTuple

import torch

from groupnl.base.atomic_file import replacing
from groupnl.errors import ConfigError
from groupnl_studies.grid.recipe import Recipe


class Progress(NamedTuple):
    """How far a training is.

    Attributes:
        losses: mean of each epoch that is done.
        seconds: spent on them.
    """

    losses: tuple[float, ...] = ()
    seconds: float = 0.0

    def after(self, loss: float, seconds: float) -> "Progress":
        """One epoch later."""
        return Progress((*self.losses, loss), self.seconds + seconds)


def save_state(path: Path, recipe: Recipe, progress: Progress, parts: dict[str, Any]) -> None:
    """Write it so that a kill at any moment leaves a whole file.

    Args:
        path: of the file; its folder is made if missing.
        recipe: of the training; compared when it goes on.
        progress: how far it is.
        parts: name -> object with a ``state_dict``.
    """
    states = {name: part.state_dict() for name, part in parts.items()}
    content = {"recipe": recipe.model_dump_json(), "progress": tuple(progress), "states": states}
    with replacing(path) as partial, partial.open("wb") as file:
        torch.save(content, file)  # to a path, torch would hide why the disk takes no more


def load_state(path: Path, recipe: Recipe, parts: dict[str, Any]) -> Progress:
    """Fill the parts from the file; nothing is done yet where there is none.

    Raises:
        ConfigError: it is of a training with another recipe.
    """
    if not path.is_file():
        return Progress()
    content = torch.load(path, weights_only=True)
    if content["recipe"] != recipe.model_dump_json():
        raise ConfigError(f"{path} is of a training with another recipe: remove it, or choose another --out")
    for name, part in parts.items():
        part.load_state_dict(content["states"][name])
    return Progress(*content["progress"])
