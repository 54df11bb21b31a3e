"""Names of architectures, timm's and ours among them, and the networks that are built by them."""

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import timm
import torch
from torch import nn

from groupnl.errors import CheckpointError
from groupnl.models.registry import VARIANTS

# Channels of the images that timm's networks take unless they are told otherwise.
COLOUR = 3


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


def create(architecture: str, num_classes: int, channels: int = COLOUR, size: int | None = None) -> nn.Module:
    """A network with random weights.

    Args:
        architecture: timm name.
        num_classes: size of the classifier.
        channels: of its input.
        size: side of its input, pixels, for which a network of one size is built; None: timm's usual one.

    Raises:
        CheckpointError: the name is unknown, or timm cannot build it.
    """
    refuse_unknown(architecture)
    arguments: dict[str, Any] = {} if channels == COLOUR else {"in_chans": channels}
    if size is not None and is_of_one_size(architecture) and size != usual_size(architecture):
        arguments["img_size"] = size
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Mapping deprecated model name")
            network: nn.Module = timm.create_model(architecture, num_classes=num_classes, **arguments)
    except Exception as error:  # each constructor checks in its own way, and some need packages of their own
        raise CheckpointError(
            f"{architecture} with {num_classes} classes{_words(arguments)} cannot be built, timm says: "
            f"{_first_line(error)}; give another --architecture{' or --input-size' if arguments else ''}"
        ) from error
    return network


def is_of_one_size(architecture: str) -> bool:
    """Whether a network is built for images of one size, as most vision transformers are."""
    config = configuration(architecture) if timm.is_model(architecture) else None
    return config is not None and bool(config.fixed_input_size)


def classifiers_of(architecture: str) -> tuple[str, ...]:
    """The names of a network's classifiers: one, or several of the same classes, as for distillation; or none.

    Raises:
        CheckpointError: see `configuration`.
    """
    named = getattr(configuration(architecture), "classifier", None) or ()
    return (named,) if isinstance(named, str) else tuple(named)


def names_of_classifier(architecture: str) -> Iterator[str]:
    """What the weights of a network's classifier may be called; none where it has no classifier.

    Reparametrised networks, and the originals of some of timm's, have it in the place of the layer that holds it.

    Raises:
        CheckpointError: see `configuration`.
    """
    for classifier in classifiers_of(architecture)[:1]:
        parts = classifier.split(".")
        for count in range(len(parts), 0, -1):
            yield f"{'.'.join(parts[:count])}.weight"


def usual_size(architecture: str) -> int | None:
    """The side of the images that timm gives a network, pixels; None where timm says none."""
    config = configuration(architecture) if timm.is_model(architecture) else None
    return None if config is None else int(config.input_size[-1])


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


def _words(arguments: Mapping[str, Any]) -> str:
    return "".join(f", {name} {value}" for name, value in arguments.items())


def _first_line(error: Exception) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
