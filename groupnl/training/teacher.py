"""A trained network that another one learns from: its answers (Hinton et al., 2015) and its maps."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from groupnl.card import InputConfig, Origin
from groupnl.errors import ConfigError
from groupnl.inference.device import place
from groupnl.models.input_size import refuse_size
from groupnl.models.trained import Trained
from groupnl.training.config import TrainConfig
from groupnl.training.data import input_config
from groupnl.training.feature_maps import Pairs, Passed, agreeing_blocks, mean_error, recorded
from groupnl.training.initial import open_related, origin_of

_OPTION = "--teacher"


class Teacher:
    """A network in evaluation mode, without gradients, asked about the student's own pixels.

    Args:
        trained: the network.
        student: the network that learns; its maps are looked at where `feature_weight` is not 0.
        config: of the student's input; pixels are normalised anew where the teacher's mean and deviation are others.
        classes: the student's class names, in the order of the logits.
        weights: share of the soft loss, temperature, and weight of the maps' error.
        device: where both compute.

    Raises:
        ConfigError: other classes or channels, an input that the teacher does not take, or no maps to compare.
    """

    def __init__(
        self,
        trained: Trained,
        student: nn.Module,
        config: InputConfig,
        classes: tuple[str, ...],
        weights: tuple[float, float, float],
        device: torch.device,
    ) -> None:
        _refuse_other_classes(trained, classes)
        if len(trained.input.mean) != len(config.mean):
            raise ConfigError(f"{_OPTION} {trained.path}: it takes images of {len(trained.input.mean)} channel(s)")
        refuse_size(trained.network, trained.architecture, config.size, f"--size, with {_OPTION} {trained.path}:")
        self.trained = trained
        self.network = place(trained.network, device).eval().requires_grad_(requires_grad=False)
        self.weight, self.temperature, self.feature_weight = weights
        self._scale, self._shift = _renormalised(config, trained.input, device)
        self.pairs = self._agreeing(student, config.size, device) if self.feature_weight else ()

    def _agreeing(self, student: nn.Module, size: int, device: torch.device) -> Pairs:
        pairs = agreeing_blocks(student, self.network, torch.zeros(1, 3, size, size, device=device))
        if not pairs:
            raise ConfigError(
                f"--feature-weight {self.feature_weight:g}: no maps of {self.trained.architecture} have the shape of "
                "the network's; leave it out"
            )
        return pairs

    @property
    def watched(self) -> tuple[str, ...]:
        """The student's modules whose outputs `loss` wants."""
        return tuple(mine for mine, _ in self.pairs)

    @property
    def origin(self) -> Origin:
        """How the record names it."""
        return origin_of(self.trained, "taught by", self)

    def __str__(self) -> str:
        maps = f", error of {len(self.pairs)} maps weighs {self.feature_weight:g}" if self.pairs else ""
        names = "" if self.trained.classes else "; it does not name its classes, so they are taken for the images'"
        soft = f"its answers weigh {self.weight:g} at temperature {self.temperature:g}"
        return f"{soft}, the labels {1 - self.weight:g}{maps}{names}"

    def loss(self, hard: Tensor, logits: Tensor, maps: Mapping[str, Passed], pixels: Tensor, autocast: Any) -> Tensor:
        """The whole loss of a step, a scalar.

        Args:
            hard: loss from the labels, a scalar.
            logits: the student's, (B, K) float32.
            maps: what went through the student's `watched`.
            pixels: that it saw, (B, C, S, S), normalised for it, perhaps mixed: the teacher sees the same.
            autocast: context in which networks run.
        """
        with torch.no_grad(), autocast, recorded(self.network, [theirs for _, theirs in self.pairs]) as wanted:
            answers = self.network(pixels * self._scale + self._shift)
        loss = (1 - self.weight) * hard + self.weight * soft_loss(logits, answers.float(), self.temperature)
        return loss + self.feature_weight * mean_error(maps, wanted, self.pairs) if self.pairs else loss


def teacher_of(
    config: TrainConfig, student: nn.Module, classes: tuple[str, ...], device: torch.device
) -> Teacher | None:
    """The teacher that a run's settings name; None where they name none.

    Raises:
        ConfigError: one that does not suit the network and its images, or settings that do not go together.
        CheckpointError: one that cannot be used.
    """
    if config.teacher is None:
        if config.feature_weight:
            raise ConfigError(f"--feature-weight {config.feature_weight:g} needs a {_OPTION}")
        return None
    if config.feature_weight and config.grad_checkpointing:
        raise ConfigError("--feature-weight with --grad-checkpointing: maps that are not kept cannot be compared")
    weights = (config.teacher_weight, config.temperature, config.feature_weight)
    trained = open_related(config.teacher, config.model)
    return Teacher(trained, student, input_config(config), classes, weights, device)


def soft_loss(logits: Tensor, wanted: Tensor, temperature: float) -> Tensor:
    """Divergence of probabilities at a temperature T, times T^2 so that gradients stay as large; a scalar.

    Args:
        logits: of the student, (B, K).
        wanted: of the teacher, (B, K).
        temperature: that both are divided by.
    """
    mine, theirs = (F.log_softmax(each / temperature, dim=1) for each in (logits, wanted))
    return F.kl_div(mine, theirs, reduction="batchmean", log_target=True) * temperature**2


def _refuse_other_classes(trained: Trained, classes: tuple[str, ...]) -> None:
    if trained.class_count != len(classes):
        raise ConfigError(f"{_OPTION} {trained.path}: it has {trained.class_count} classes, the images {len(classes)}")
    names = trained.classes or classes
    if other := next(((one, another) for one, another in zip(names, classes, strict=True) if one != another), None):
        raise ConfigError(
            f"{_OPTION} {trained.path}: its classes are others, or in another order: {other[0]} where the images have "
            f"{other[1]}"
        )


def _renormalised(given: InputConfig, wanted: InputConfig, device: torch.device) -> tuple[Tensor, Tensor]:
    """Factor and summand that make pixels, normalised in one way, those that are normalised in another."""
    mean, std = (torch.tensor(values, device=device).view(1, -1, 1, 1) for values in (given.mean, given.std))
    new_mean, new_std = (torch.tensor(values, device=device).view(1, -1, 1, 1) for values in (wanted.mean, wanted.std))
    return std / new_std, (mean - new_mean) / new_std
