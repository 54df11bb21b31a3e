"""Training and asking one network, on the CPU, in float32.

Not in bfloat16: next to a shift between 1 and 2 it tells numbers 1/128 apart, and the normalised seeds of a wide
GroupNL layer are not much larger.
"""

import time
from math import isfinite
from pathlib import Path

import torch
import torch.nn.functional as F
from timm.optim import create_optimizer_v2
from torch import Generator, Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR

from groupnl.errors import ConfigError
from groupnl_studies.convolutions.augment import augment, normalise
from groupnl_studies.convolutions.images import Labelled
from groupnl_studies.convolutions.recipe import Recipe
from groupnl_studies.convolutions.state import Progress, load_state, save_state

_ANSWERED_AT_ONCE = 200


def train(network: nn.Module, images: Labelled, recipe: Recipe, seed: int, state: Path) -> Progress:
    """Train a network in place, or go on where the state was left.

    An epoch's order and augmentation depend on seed and epoch alone: all networks of a seed see the same batches, and
    an interrupted training computes what an unbroken one would have.

    Args:
        network: in channels-last memory.
        images: what it learns from; at least one batch.
        recipe: how.
        seed: of order and augmentation.
        state: file that is written after each epoch.

    Raises:
        ConfigError: the loss is no finite number any more, there are fewer images than a batch, or the state is of
            another recipe.
    """
    steps = len(images.labels) // recipe.batch_size
    if steps == 0:
        raise ConfigError(f"there are {len(images.labels)} training images, fewer than a batch of {recipe.batch_size}")
    optimiser = create_optimizer_v2(network, "adamw", recipe.lr, recipe.weight_decay)
    schedule = OneCycleLR(optimiser, recipe.lr, recipe.epochs * steps, pct_start=recipe.warm_up, cycle_momentum=False)
    parts = {"network": network, "optimiser": optimiser, "schedule": schedule}
    progress = load_state(state, recipe, parts)
    network.train()
    while (epoch := len(progress.losses)) < recipe.epochs:
        started = time.monotonic()
        generator = Generator().manual_seed(seed * 100_000 + epoch)
        order = torch.randperm(len(images.labels), generator=generator)
        total = 0.0
        for rows in torch.split(order, recipe.batch_size)[:steps]:
            total += _step(network, images.part(rows), recipe, generator, optimiser)
            schedule.step()
        progress = progress.after(total / steps, time.monotonic() - started)
        save_state(state, recipe, progress, parts)
    return progress


def _step(
    network: nn.Module, batch: Labelled, recipe: Recipe, generator: Generator, optimiser: torch.optim.Optimizer
) -> float:
    logits = network(augment(batch.pixels, recipe, generator))
    loss = F.cross_entropy(logits, batch.labels, label_smoothing=recipe.smoothing)
    found = loss.item()
    if not isfinite(found):
        raise ConfigError(f"the loss became {found}: the learning rate {recipe.lr} is too high")
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return found


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
