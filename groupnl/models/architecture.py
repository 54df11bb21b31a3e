"""Names of architectures, timm's and ours among them, and the networks that are built by them."""

import warnings
from typing import Any

import timm
import torch
from torch import nn

from groupnl.errors import CheckpointError
from groupnl.models.registry import VARIANTS


def refuse_unknown(architecture: str) -> None:
    """Refuse a name that no network is built of.

    Raises:
        CheckpointError: it is none of timm's, or has a tag that none of its weights have.
    """
    if not timm.is_model(architecture):
        raise CheckpointError(
            f"architecture {architecture!r} is unknown to timm: give one of its names with --architecture, or one of "
            f"{', '.join(VARIANTS)}"
        )
    try:
        timm.get_pretrained_cfg(architecture)
    except RuntimeError:  # timm's word for a tag that it does not know
        name, _, tag = architecture.partition(".")
        raise CheckpointError(
            f"architecture {architecture!r}: timm has no weights of {name} with the tag {tag!r}; give --architecture "
            f"{name}, without a tag"
        ) from None


def create(architecture: str, num_classes: int) -> nn.Module:
    """A network with random weights.

    Raises:
        CheckpointError: the name is unknown, or timm cannot build it.
    """
    refuse_unknown(architecture)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Mapping deprecated model name")
            network: nn.Module = timm.create_model(architecture, num_classes=num_classes)
    except Exception as error:  # each constructor checks in its own way, and some need packages of their own
        raise CheckpointError(
            f"{architecture} with {num_classes} classes cannot be built, timm says: {_first_line(error)}; give another "
            "--architecture"
        ) from error
    return network


def configuration(architecture: str) -> Any:
    """What timm says of a network and its input; None where it says nothing.

    Raises:
        CheckpointError: the name is unknown, or timm cannot build it.
    """
    refuse_unknown(architecture)
    found = timm.get_pretrained_cfg(architecture)
    if found is not None:
        return found
    with torch.device("meta"):  # an old name, whose network knows its new one
        told: Any = getattr(create(architecture, num_classes=1000), "pretrained_cfg", {})
    return timm.get_pretrained_cfg(".".join(filter(None, (told.get("architecture"), told.get("tag")))))


def _first_line(error: Exception) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
