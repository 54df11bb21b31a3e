"""Training and asking one network, on the CPU, in float32.

Not in bfloat16: next to a shift between 1 and 2 it tells numbers 1/128 apart, and the normalised seeds of a wide
GroupNL layer are not much larger.
"""

import time
from math import isfinite
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from timm.optim import create_optimizer_v2
from torch import Generator, Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR

from groupnl.errors import ConfigError
from groupnl.training.robust import jensen_shannon
from groupnl_studies.grid.augment import normalise
from groupnl_studies.grid.images import Labelled
from groupnl_studies.grid.recipe import Recipe
from groupnl_studies.grid.state import Progress, load_state, save_state
from groupnl_studies.grid.trainings import Training, Views

_ANSWERED_AT_ONCE = 200


class Learner:
    """A network and what trains it, step by step.

    Args:
        network: in channels-last memory; trained in place.
        recipe: how.
        training: in which way.
        seed: of the augmentation.
        steps: of an epoch.
    """

    def __init__(self, network: nn.Module, recipe: Recipe, training: Training, seed: int, steps: int) -> None:
        self._network, self._recipe, self._consistent = network, recipe, training.consistent
        self._views = Views(training, recipe, seed)
        self._optimiser = create_optimizer_v2(network, "adamw", recipe.lr, recipe.weight_decay)
        total = recipe.epochs * steps
        self._schedule = OneCycleLR(self._optimiser, recipe.lr, total, pct_start=recipe.warm_up, cycle_momentum=False)
        network.train()

    @property
    def parts(self) -> dict[str, Any]:
        """All that changes: name -> object with a ``state_dict``."""
        return {"network": self._network, "optimiser": self._optimiser, "schedule": self._schedule}

    def step(self, images: Labelled, rows: Tensor, epoch: int, generator: Generator) -> float:
        """Learn from one batch.

        Args:
            images: the data set.
            rows: positions of the batch in it; int64 (B,).
            epoch: number of the pass.
            generator: of the random numbers of crops and flips.

        Returns:
            The loss before the step.

        Raises:
            ConfigError: the loss is no finite number any more.
        """
        batch = images.part(rows)
        loss = self._loss(self._network(self._views(batch.pixels, rows, epoch, generator)), batch.labels)
        found = loss.item()
        if not isfinite(found):
            raise ConfigError(f"the loss became {found}: the learning rate {self._recipe.lr} is too high")
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        self._schedule.step()
        return found

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        if self._consistent:
            return jensen_shannon(logits, labels, self._recipe.smoothing)
        return F.cross_entropy(logits, labels, label_smoothing=self._recipe.smoothing)


def train(network: nn.Module, images: Labelled, recipe: Recipe, training: Training, seed: int, state: Path) -> Progress:
    """Train a network in place, or go on where the state was left.

    An epoch's order and augmentation depend on seed and epoch alone: all networks of a seed see the same batches, and
    an interrupted training computes what an unbroken one would have.

    Args:
        network: in channels-last memory.
        images: what it learns from; at least one batch.
        recipe: how.
        training: in which way.
        seed: of order and augmentation.
        state: file that is written after each epoch.

    Raises:
        ConfigError: the loss is no finite number any more, there are fewer images than a batch, or the state is of
            another recipe.
    """
    steps = len(images.labels) // recipe.batch_size
    if steps == 0:
        raise ConfigError(f"there are {len(images.labels)} training images, fewer than a batch of {recipe.batch_size}")
    learner = Learner(network, recipe, training, seed, steps)
    progress = load_state(state, recipe, learner.parts)
    while (epoch := len(progress.losses)) < recipe.epochs:
        started = time.monotonic()
        generator = Generator().manual_seed(seed * 100_000 + epoch)
        order = torch.randperm(len(images.labels), generator=generator)
        batches = torch.split(order, recipe.batch_size)[:steps]
        total = sum(learner.step(images, rows, epoch, generator) for rows in batches)
        progress = progress.after(total / steps, time.monotonic() - started)
        save_state(state, recipe, progress, learner.parts)
    return progress


@torch.inference_mode()
def best_classes(network: nn.Module, pixels: Tensor) -> Tensor:
    """The classes a trained network names first.

    Args:
        network: put into evaluation mode.
        pixels: uint8 (N, 3, S, S).

    Returns:
        int64 (N,).
    """
    network.eval()
    return torch.cat([network(normalise(part)).argmax(1) for part in torch.split(pixels, _ANSWERED_AT_ONCE)])
