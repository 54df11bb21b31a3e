"""A short distillation: the student's weights follow the teacher's answers and maps on images without labels."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from groupnl.base.progress import progress
from groupnl.conversion.images import Batches
from groupnl.conversion.networks import Networks
from groupnl.conversion.report import Measured
from groupnl.conversion.sites import is_new
from groupnl.errors import ConfigError
from groupnl.training.feature_maps import blocks_of, mean_error, recorded
from groupnl.training.teacher import soft_loss

_LARGEST_GRADIENT = 5.0  # norm
_WARM_UP = 0.05  # share of the steps or of the time
_LOOKS = 5  # times that the student is judged, evenly spread


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


class Distilled(NamedTuple):
    """What it did.

    Attributes:
        steps: how many were taken.
        kept: after so many of them the student was as it is now; 0: as it came.
    """

    steps: int
    kept: int


def distil(
    networks: Networks, batches: Batches, how: Distillation, judged: Callable[[], Measured], device: torch.device
) -> Distilled:
    """Train the student, and leave it as it was when it was nearest to its teacher; that may be as it came.

    Batch norms keep their statistics, in training too: those that the least squares found are what its weights go with,
    and a batch's own are others. What comes before the first block with a GroupNL layer is the teacher's as it is: it
    learns nothing, and is computed once for both.

    Args:
        networks: on the device, in evaluation mode, in which they stay; the student's weights are changed.
        batches: images, again and again from the beginning.
        how: see there.
        judged: how near the student is now, on images that are not among the batches.
        device: where the networks are.

    Raises:
        ConfigError: the loss diverges.
    """
    student = networks.student.network
    blocks = _Blocks.of(student)
    weights = _learning(student, blocks)
    optimiser = torch.optim.Adam(weights, how.lr)
    best = _Best(student, judged())
    started, done, looks = time.monotonic(), 0, 0
    with progress(total=how.steps, title="distillation", unit="steps", stays=False) as bar:
        while looks < _LOOKS:
            for batch in batches:
                rate = _rate(_share(how, done, started)) * how.lr
                for group in optimiser.param_groups:
                    group["lr"] = rate
                loss = _loss(networks, blocks, batch.to(device), how)
                if not math.isfinite(loss.item()):
                    raise ConfigError(f"the loss of the distillation became {loss.item()}: try a lower --lr")
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                clip_grad_norm_(weights, _LARGEST_GRADIENT)
                optimiser.step()
                done += 1
                bar.update()
                if (due := int(_LOOKS * _share(how, done, started))) > looks:
                    looks = due
                    best.offer(judged(), done)
                if looks >= _LOOKS:
                    break
    best.restore()
    return Distilled(done, best.step)


class _Blocks(NamedTuple):
    """The blocks of a student that learn.

    Attributes:
        names: of them, from the first with a GroupNL layer on.
        follow: whether blocks of the teacher stand before them.
    """

    names: tuple[str, ...]
    follow: bool

    @classmethod
    def of(cls, student: nn.Module) -> "_Blocks":
        names = blocks_of(student)
        first = next(place for place, name in enumerate(names) if is_new(student.get_submodule(name)))
        return cls(names[first:], first > 0)


class _Best:
    """The weights with which a network was nearest to its teacher so far."""

    def __init__(self, network: nn.Module, found: Measured) -> None:
        self._network = network
        self._keep(found, 0)

    def offer(self, found: Measured, step: int) -> None:
        """Keep the network's weights if it is nearer now than it ever was."""
        if found.rank > self._rank:
            self._keep(found, step)

    def _keep(self, found: Measured, step: int) -> None:
        self.step, self._rank = step, found.rank
        self._weights = {name: tensor.clone() for name, tensor in self._network.state_dict().items()}

    def restore(self) -> None:
        """Give the network the weights that were kept."""
        self._network.load_state_dict(self._weights)


def _learning(student: nn.Module, blocks: _Blocks) -> list[nn.Parameter]:
    """The weights to be trained; timm's networks hold their modules in the order in which they are called."""
    if blocks.follow:
        before = takewhile(lambda named: not named[0].startswith(f"{blocks.names[0]}."), student.named_parameters())
        for _, weight in before:
            weight.requires_grad = False
    return [weight for weight in student.parameters() if weight.requires_grad]


def _share(how: Distillation, done: int, started: float) -> float:
    """How much of the distillation is over."""
    passed = (time.monotonic() - started) / how.seconds if how.seconds is not None else 0.0
    return min(max(done / how.steps, passed), 1.0)


def _rate(share: float) -> float:
    """The learning rate's share of the highest: it rises in a line, then falls as a cosine."""
    if share < _WARM_UP:
        return (share + 0.01) / (_WARM_UP + 0.01)
    return (1 + math.cos(math.pi * (share - _WARM_UP) / (1 - _WARM_UP))) / 2


def _loss(networks: Networks, blocks: _Blocks, pixels: Tensor, how: Distillation) -> Tensor:
    student, aligned = networks.student.network, networks.aligned.network
    with torch.no_grad(), recorded(aligned, blocks.names) as wanted:
        answers = networks.teacher(pixels)
        if networks.aligned is not networks.teacher:
            networks.aligned(pixels)
    first = blocks.names[0]
    with recorded(student, blocks.names) as maps:
        if blocks.follow:
            with _fed(student.get_submodule(first), wanted[first].input):
                logits = networks.student(pixels[:1])
        else:
            logits = networks.student(pixels)
    loss = soft_loss(logits, answers, how.temperature)
    if how.feature_weight:
        loss = loss + how.feature_weight * mean_error(maps, wanted, [(name, name) for name in blocks.names])
    return loss


@contextmanager
def _fed(block: nn.Module, maps: Tensor) -> Iterator[None]:
    """Let a block get these maps, whatever comes to it."""
    hook = block.register_forward_pre_hook(lambda _module, _inputs: (maps,))
    try:
        yield
    finally:
        hook.remove()
