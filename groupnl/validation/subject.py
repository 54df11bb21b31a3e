"""The network that is validated, and how images become its input."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError
from torch import nn

from groupnl.card import InputConfig
from groupnl.errors import ConfigError, problems
from groupnl.models import Checkpoint, build_model, load_checkpoint, sha256_of
from groupnl.models.defaults import class_count, default_input


class Subject(NamedTuple):
    """A network with its weights.

    Attributes:
        architecture: timm name.
        network: in evaluation mode, on the CPU.
        classes: names in the order of the logits, if the checkpoint has them.
        class_count: how many there are.
        input: how a clean image becomes its input.
        weights_sha256: of the checkpoint's file.
        averaged: whether averaged weights were taken where there were some.
    """

    architecture: str
    network: nn.Module
    classes: tuple[str, ...] | None
    class_count: int
    input: InputConfig
    weights_sha256: str
    averaged: bool

    @property
    def identity(self) -> str:
        """Tells the weights from all others: one file may hold averaged ones and plain ones."""
        return f"{self.weights_sha256}, {'averaged' if self.averaged else 'plain'}"


def load_subject(path: Path, architecture: str | None, averaged: bool, given: Mapping[str, Any]) -> Subject:
    """Load a checkpoint.

    Args:
        path: of our own format or of the published training script's.
        architecture: timm name; None: what the checkpoint says.
        averaged: take the averaged weights of a `.pth.tar` that has them.
        given: values of `InputConfig` that come before the card's, or before timm's where there is no card.

    Raises:
        CheckpointError: it cannot be used.
        ConfigError: its architecture is not known or another one, or an input that cannot be made.
    """
    checkpoint = load_checkpoint(path, averaged)
    name = _architecture(path, checkpoint, architecture)
    card = checkpoint.card
    count = len(card.classes) if card else class_count(name, checkpoint.state_dict)
    return Subject(
        architecture=name,
        network=build_model(name, count, checkpoint.state_dict),
        classes=card.classes if card else None,
        class_count=count,
        input=_input(card.input if card else default_input(name), given),
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


def _input(usual: InputConfig, given: Mapping[str, Any]) -> InputConfig:
    try:
        return InputConfig.model_validate(usual.model_dump() | dict(given))
    except ValidationError as error:
        raise ConfigError(f"the input of the network: {problems(error)}") from None
