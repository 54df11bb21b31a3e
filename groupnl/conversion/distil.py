"""A short distillation: all of the student's weights follow the teacher's answers and maps on images without labels."""

import math
import time
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.optim.swa_utils import update_bn

from groupnl.base.progress import progress
from groupnl.conversion.images import Batches
from groupnl.errors import ConfigError
from groupnl.inference.pixels import PixelNetwork
from groupnl.training.feature_maps import blocks_of, mean_error, recorded
from groupnl.training.teacher import soft_loss

_LARGEST_GRADIENT = 5.0  # norm
_WARM_UP = 0.05  # share of the steps or of the time


class Distillation(NamedTuple):
    """How it is done.

    Attributes:
        steps: at most.
        seconds: at most; None: as many as the steps take. The learning rate ends with whichever comes first.
        lr: highest learning rate of Adam.
        temperature: that both networks' logits are divided by.
        feature_weight: what the maps' error counts beside the answers' divergence.
    """

    steps: int
    seconds: float | None
    lr: float
    temperature: float
    feature_weight: float


class Networks(NamedTuple):
    """Who learns of whom; all take bytes (B, 3, S, S).

    Attributes:
        student: the GroupNL network.
        teacher: the trained network, whose answers count.
        aligned: the student's standard twin with the teacher's weights, whose maps count; mostly the teacher itself.
    """

    student: PixelNetwork
    teacher: PixelNetwork
    aligned: PixelNetwork


def distil(networks: Networks, batches: Batches, how: Distillation, device: torch.device) -> int:
    """Train the student.

    Args:
        networks: on the device; the student's weights are changed, and its mode is evaluation in the end.
        batches: images, again and again from the beginning.
        how: see there.
        device: where the networks are.

    Returns:
        How many steps were taken.

    Raises:
        ConfigError: the loss diverges.
    """
    if not how.steps:
        return 0
    weights = [weight for weight in networks.student.network.parameters() if weight.requires_grad]
    optimiser = torch.optim.Adam(weights, how.lr)
    started, done = time.monotonic(), 0
    networks.student.train()
    with progress(total=how.steps, title="distillation", unit="steps", stays=False) as bar:
        while (share := _share(how, done, started)) < 1:
            for batch in batches:
                _step(networks, batch.to(device), how, optimiser, _rate(share) * how.lr)
                done += 1
                bar.update()
                if (share := _share(how, done, started)) >= 1:
                    break
    networks.student.eval()
    return done


def settle_norms(network: PixelNetwork, batches: Batches, device: torch.device) -> None:
    """Give the batch norms the statistics of images as the service sees them: those of training were of crops."""
    update_bn(batches, network, device)
    network.eval()


def _share(how: Distillation, done: int, started: float) -> float:
    """How much of the distillation is over."""
    passed = (time.monotonic() - started) / how.seconds if how.seconds is not None else 0.0
    return max(done / how.steps, passed)


def _rate(share: float) -> float:
    """The learning rate's share of the highest: it rises in a line, then falls as a cosine."""
    if share < _WARM_UP:
        return (share + 0.01) / (_WARM_UP + 0.01)
    return (1 + math.cos(math.pi * (share - _WARM_UP) / (1 - _WARM_UP))) / 2


def _step(networks: Networks, pixels: Tensor, how: Distillation, optimiser: torch.optim.Optimizer, lr: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = lr
    student, aligned = networks.student.network, networks.aligned.network
    names = blocks_of(student) if how.feature_weight else ()
    with torch.no_grad(), recorded(aligned, names) as wanted:
        answers = networks.teacher(pixels)
        if names and networks.aligned is not networks.teacher:
            networks.aligned(pixels)
    with recorded(student, names) as maps:
        logits = networks.student(pixels)
    loss = soft_loss(logits, answers, how.temperature)
    if names:
        loss = loss + how.feature_weight * mean_error(maps, wanted, [(name, name) for name in names])
    if not math.isfinite(loss.item()):
        raise ConfigError(f"the loss of the distillation became {loss.item()}: try a lower --lr")
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    clip_grad_norm_(student.parameters(), _LARGEST_GRADIENT)
    optimiser.step()
