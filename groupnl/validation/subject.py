"""The network that is validated, and how images become its input."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError
from torch import nn

from groupnl.base.files import sha256_of
from groupnl.card import InputConfig
from groupnl.card.class_names import read_class_names
from groupnl.errors import ConfigError, problems
from groupnl.models import Checkpoint, build_model, load_checkpoint
from groupnl.models.defaults import class_count, default_input, says_size


class Subject(NamedTuple):
    """A network with its weights.

    Attributes:
        architecture: timm name.
        network: in evaluation mode, on the CPU.
        classes: names in the order of the logits, where the checkpoint or the user gives them.
        class_count: how many there are.
        input: how a clean image becomes its input.
        says_size: whether the checkpoint says that input's size, so that it is not timm's usual one.
        weights_sha256: of the checkpoint's file.
        averaged: whether averaged weights were taken where there were some.
    """

    architecture: str
    network: nn.Module
    classes: tuple[str, ...] | None
    class_count: int
    input: InputConfig
    says_size: bool
    weights_sha256: str
    averaged: bool

    @property
    def identity(self) -> str:
        """Tells the weights from all others: one file may hold averaged ones and plain ones."""
        return f"{self.weights_sha256}, {'averaged' if self.averaged else 'plain'}"


def load_subject(
    path: Path, architecture: str | None, classes: str | None, averaged: bool, given: Mapping[str, Any]
) -> Subject:
    """Load a checkpoint.

    Args:
        path: of our own format or of the published training script's.
        architecture: timm name; None: what the checkpoint says.
        classes: file of their names or `imagenet`, see `read_class_names`; None: what the checkpoint says.
        averaged: take the averaged weights of a `.pth.tar` that has them.
        given: values of `InputConfig` that come before the card's, or before timm's where there is no card.

    Raises:
        CheckpointError: it cannot be used.
        ConfigError: its architecture is not known or another one, class names that do not fit or are not wanted, or an
            input that cannot be made.
    """
    checkpoint = load_checkpoint(path, averaged)
    name = _architecture(path, checkpoint, architecture)
    card = checkpoint.card
    count = len(card.classes) if card else class_count(name, checkpoint.state_dict)
    return Subject(
        architecture=name,
        network=build_model(name, count, checkpoint.state_dict),
        classes=_classes(path, checkpoint, classes, count),
        class_count=count,
        input=_input(card.input, given) if card else default_input(name, checkpoint.arguments, given),
        says_size=card is not None or says_size(checkpoint.arguments),
        weights_sha256=sha256_of(path),
        averaged=averaged,
    )


def _architecture(path: Path, checkpoint: Checkpoint, wanted: str | None) -> str:
    if checkpoint.card is not None and wanted not in (None, checkpoint.card.architecture):
        raise ConfigError(f"--model {wanted}: {path} holds {checkpoint.card.architecture}; leave the option out")
    name = wanted or checkpoint.architecture
    if name is None:
        raise ConfigError(f"{path} does not name its architecture; give --model (`groupnl models` lists GroupNL's)")
    return name


def _classes(path: Path, checkpoint: Checkpoint, wanted: str | None, count: int) -> tuple[str, ...] | None:
    if wanted is None:
        return checkpoint.card.classes if checkpoint.card else None
    if checkpoint.card is not None:
        raise ConfigError(f"--classes {wanted}: {path} names its classes; leave the option out")
    names = read_class_names(wanted)
    if not len(names) == len(set(names)) == count:
        raise ConfigError(
            f"--classes {wanted}: it has {len(names)} names, {len(set(names))} of them different, and the network has "
            f"{count} classes: write one name a line, in the order of its training"
        )
    return names


def _input(usual: InputConfig, given: Mapping[str, Any]) -> InputConfig:
    try:
        return InputConfig.model_validate(usual.model_dump() | dict(given))
    except ValidationError as error:
        raise ConfigError(f"the input of the network: {problems(error)}") from None
