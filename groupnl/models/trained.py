"""From a checkpoint's file to a trained network: its architecture, its classes and its input.

What the file does not say can be given; what it says already is refused, or replaced where a caller wants that.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from groupnl.card import InputConfig, ModelCard
from groupnl.card.class_names import read_class_names
from groupnl.errors import CheckpointError, ConfigError
from groupnl.models.architecture import create
from groupnl.models.checkpoint import Checkpoint, load_checkpoint
from groupnl.models.defaults import class_count, default_input, input_channels, input_of, says_input, says_size
from groupnl.models.hub_folder import CONFIG
from groupnl.models.network import build_model
from groupnl.models.other_arguments import of_script, refuse_other_arguments, refuse_other_size
from groupnl.models.other_libraries import timms_name

_NOTHING: Mapping[str, Any] = {}


class Trained(NamedTuple):
    """A network with its weights, and what is known of it.

    Attributes:
        path: of the checkpoint's file; the weights', where a folder was named.
        network: in evaluation mode, on the CPU, float32.
        architecture: timm name.
        classes: names in the order of the logits, where the checkpoint or the user gives them.
        class_count: how many there are.
        input: how an image becomes its input.
        card: what the checkpoint says of itself; None: it is none of `groupnl train`.
        says_input: whether the checkpoint says its input; else what was not given is timm's usual one.
        says_size: whether it says that input's size.
        sha256: of the checkpoint's file.
        averaged: whether averaged weights were taken where there were some.
    """

    path: Path
    network: nn.Module
    architecture: str
    classes: tuple[str, ...] | None
    class_count: int
    input: InputConfig
    card: ModelCard | None
    says_input: bool
    says_size: bool
    sha256: str
    averaged: bool

    @property
    def identity(self) -> str:
        """Tells the weights from all others: one file may hold averaged ones and plain ones."""
        return f"{self.sha256}, {'averaged' if self.averaged else 'plain'}"


def open_trained(
    path: Path,
    *,
    architecture: str | None = None,
    classes: str | Sequence[str] | None = None,
    given: Mapping[str, Any] = _NOTHING,
    averaged: bool = True,
    replace: bool = False,
) -> Trained:
    """Open a checkpoint.

    Args:
        path: of a checkpoint, see `load_checkpoint`.
        architecture: timm name; None: what the checkpoint says.
        classes: names in the order of the logits, or where they stand, see `read_class_names`; None: what the
            checkpoint says.
        given: values of `InputConfig` that come before the card's, or before timm's where there is no card.
        averaged: take averaged weights where they lie beside plain ones.
        replace: let architecture and names stand in for those of a card, which are refused otherwise.

    Raises:
        CheckpointError: it cannot be used, does not say its architecture, or does not fit what is given.
        ConfigError: architecture or names are given that the checkpoint has, or the names cannot be read.
    """
    checkpoint = load_checkpoint(path, averaged)
    if checkpoint.card is not None and not replace:
        _refuse_what_is_said(path, checkpoint.card, architecture, classes)
    name = timms_name(architecture) if architecture else checkpoint.named_architecture
    told = _told_to_timm(checkpoint)
    _refuse_other_arguments(name, told)
    weights = checkpoint.weights_of(name)
    named = checkpoint.card or checkpoint.hub
    names = named.classes if named else None
    if classes is not None:
        names = _given_names(classes, class_count(name, weights))
    config = _input(name, checkpoint, weights, given)
    for said_by, arguments in told.items():
        refuse_other_size(name, said_by, arguments, config.size)
    return _trained(checkpoint, name, weights, names, config)


def open_described(path: Path) -> tuple[Trained, ModelCard]:
    """Open a checkpoint that says all of itself.

    Returns:
        The network, and the checkpoint's card.

    Raises:
        CheckpointError: it cannot be used, or has no card.
    """
    checkpoint = load_checkpoint(path)
    card = checkpoint.card
    if card is None:
        raise CheckpointError(f"{path} has no model card, so its classes and input are not known")
    return _trained(checkpoint, card.architecture, checkpoint.state_dict, card.classes, card.input), card


def network_of_card(path: Path, card: ModelCard) -> nn.Module:
    """The network of a card that is known already, as an archive's is: with the weights of `path`, in evaluation mode.

    Raises:
        CheckpointError: the file cannot be used, or its weights do not fit the card.
    """
    weights = load_checkpoint(path).state_dict
    return build_model(card.architecture, len(card.classes), weights, card.input.channels, card.input.size)


def _trained(
    checkpoint: Checkpoint,
    architecture: str,
    weights: Mapping[str, Tensor],
    classes: tuple[str, ...] | None,
    config: InputConfig,
) -> Trained:
    count = class_count(architecture, weights) if classes is None else len(classes)
    network = build_model(architecture, count, weights, config.channels, config.size)
    return Trained(
        path=checkpoint.file,
        network=network,
        architecture=architecture,
        classes=classes,
        class_count=count,
        input=config,
        card=checkpoint.card,
        says_input=checkpoint.card is not None or says_input(checkpoint.arguments, checkpoint.hub),
        says_size=checkpoint.card is not None or says_size(checkpoint.arguments, checkpoint.hub),
        sha256=checkpoint.sha256,
        averaged=checkpoint.averaged,
    )


def _told_to_timm(checkpoint: Checkpoint) -> Mapping[str, Mapping[str, Any]]:
    """What holds arguments of `timm.create_model` -> the arguments."""
    of_folder = {CONFIG: checkpoint.hub.arguments} if checkpoint.hub else {}
    return of_folder | {"its args": of_script(checkpoint.arguments)}


def _refuse_other_arguments(architecture: str, told: Mapping[str, Mapping[str, Any]]) -> None:
    """Before the weights are looked for, as those of a network that was built otherwise may have other names."""
    if any(told.values()):
        with torch.device("meta"):  # its form only
            network = create(architecture, num_classes=1)
        for said_by, arguments in told.items():
            refuse_other_arguments(network, architecture, said_by, arguments)


def _refuse_what_is_said(
    path: Path, card: ModelCard, architecture: str | None, classes: str | Sequence[str] | None
) -> None:
    if architecture not in (None, card.architecture):
        raise ConfigError(f"--architecture {architecture}: {path} holds {card.architecture}; leave the option out")
    if classes is not None:
        raise ConfigError(f"{_option(classes)}: {path} names its classes; leave the option out")


def _given_names(classes: str | Sequence[str], count: int) -> tuple[str, ...]:
    names = read_class_names(classes) if isinstance(classes, str) else tuple(classes)
    if len(names) != count:
        raise CheckpointError(
            f"{_option(classes)}: there are {len(names)} names, and the network has {count} classes: write one name a "
            "line, in the order of its training"
        )
    if twice := next((name for name, times in Counter(names).items() if times > 1), None):
        raise CheckpointError(f"{_option(classes)}: {twice!r} stands twice: write another name for one of the two")
    return names


def _option(classes: str | Sequence[str]) -> str:
    return f"--classes {classes}" if isinstance(classes, str) else "--classes"


def _input(
    architecture: str, checkpoint: Checkpoint, weights: Mapping[str, Tensor], given: Mapping[str, Any]
) -> InputConfig:
    if checkpoint.card:
        return input_of(architecture, checkpoint.card.input.model_dump(), given)
    channels = input_channels(architecture, weights)
    return default_input(architecture, checkpoint.arguments, given, checkpoint.hub, channels)
