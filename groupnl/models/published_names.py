"""Weights under names that timm's networks had before, or that their authors gave them: timm translates them itself.

timm loads the files that it publishes, and those of the authors, by families: each knows its older names. Here it is
given a file's tensors in the place of such a file.
"""

import math
import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import timm
from torch import Tensor

from groupnl.models.architecture import COLOUR, names_of_classifier
from groupnl.models.forms import made_otherwise
from groupnl.models.registry import VARIANTS

_OF_CONVOLUTION = 4  # dimensions of its weights
_SAME = 1e-6  # of sums: float32's rounding


class _Sums(NamedTuple):
    """What tells a tensor from all others, in whatever order and shape its numbers stand."""

    plain: float
    absolute: float

    def equals(self, other: "_Sums") -> bool:
        near = math.isclose(self.absolute, other.absolute, rel_tol=_SAME)
        return near and abs(self.plain - other.plain) <= _SAME * self.absolute


def translated_by_timm(architecture: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """The weights of a network under its own names; None where timm cannot make them of these tensors.

    Nor where it would have to make some up: where it interpolates positions for another size, or leaves a tensor as the
    network was built; nor where the tensors that networks make themselves are another network's.

    Args:
        architecture: timm name, with or without a tag.
        tensors: all of them, by the file's names; a classifier of a name that timm's has not is the last.
    """
    base = architecture.partition(".")[0]
    layers = [tensor for tensor in tensors.values() if tensor.ndim > 1]
    if base in VARIANTS or not layers:
        return None
    classifier = next((tensors[name] for name in names_of_classifier(base) if name in tensors), layers[-1])
    # The first convolution has no name that is known here, and files may be in any order: both are tried. A depthwise
    # one has one channel, too.
    may_be_grey = any(tensor.ndim == _OF_CONVOLUTION and tensor.shape[1] == 1 for tensor in layers)
    numbers = (COLOUR, 1) if may_be_grey else (COLOUR,)
    return next(filter(None, (_translated(base, tensors, len(classifier), channels) for channels in numbers)), None)


def _translated(base: str, tensors: Mapping[str, Tensor], count: int, channels: int) -> dict[str, Tensor] | None:
    """The same for a number of classes and of channels."""
    grey: dict[str, Any] = {} if channels == COLOUR else {"in_chans": channels}
    usual = timm.get_pretrained_cfg(base)
    overlay = {
        "state_dict": dict(tensors),
        "source": "",
        "num_classes": count,
        "label_offset": 0,
        "input_size": (channels, *(usual.input_size if usual else (0, 224, 224))[1:]),
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network = timm.create_model(
                base, pretrained=True, pretrained_cfg_overlay=overlay, num_classes=count, **grey
            )
    except Exception:  # each family fails in its own way at names that it does not know
        return None
    if made_otherwise(tensors, network):
        return None
    weights: dict[str, Tensor] = network.state_dict()
    return weights if _are_those_of(tensors.values(), weights.values()) else None


def _are_those_of(given: Iterable[Tensor], weights: Iterable[Tensor]) -> bool:
    """Whether each of the weights is one of the given tensors."""
    known: dict[int, list[_Sums]] = defaultdict(list)
    for tensor in given:
        known[tensor.numel()].append(_sums(tensor))
    return all(
        any(_sums(tensor).equals(other) for other in known[tensor.numel()])
        for tensor in weights
        if tensor.is_floating_point()
    )


def _sums(tensor: Tensor) -> _Sums:
    values = tensor.double()
    return _Sums(float(values.sum()), float(values.abs().sum()))
