"""What timm's habits say about a checkpoint that has no card: its input, how many classes, and their order."""

from collections.abc import Collection, Mapping
from typing import Any

import timm
from pydantic import ValidationError
from timm.data import resolve_data_config
from timm.utils import natural_key
from torch import Tensor

import groupnl.models.registry  # noqa: F401 (registers the GroupNL networks)
from groupnl.card import InputConfig
from groupnl.errors import CheckpointError, problems

_SIZE = ("input_size", "img_size")  # arguments of timm's training script
_INPUT = (*_SIZE, "crop_pct", "interpolation", "mean", "std")


def default_input(
    architecture: str, arguments: Mapping[str, Any] | None = None, given: Mapping[str, Any] | None = None
) -> InputConfig:
    """How timm makes this architecture's input when it evaluates.

    Args:
        architecture: timm name.
        arguments: of timm's training script; those that were set come before timm's configuration of the architecture.
        given: values of `InputConfig` that come before both.

    Raises:
        CheckpointError: unknown architecture, or one whose input we cannot make.
    """
    told = {name: value for name in _INPUT if (value := (arguments or {}).get(name)) is not None}
    config = _config(architecture).to_dict()
    try:
        return InputConfig.model_validate(_fields(resolve_data_config(told, config)) | dict(given or {}))
    except ValidationError as error:
        reason = problems(error)
    except (AssertionError, TypeError, RuntimeError):  # timm expects its own arguments' types
        reason = f"the checkpoint's arguments are {told}"
    raise CheckpointError(f"the input of {architecture} cannot be made: {reason}")


def says_size(arguments: Mapping[str, Any]) -> bool:
    """Whether timm's training script was told the size of the input."""
    return any(arguments.get(name) is not None for name in _SIZE)


def folder_order(names: Collection[str]) -> list[str]:
    """Class folders as timm's reader sorts them: numbers by their value, capitals as small letters."""
    return sorted(names, key=natural_key)


def class_count(architecture: str, state_dict: Mapping[str, Tensor]) -> int:
    """How many classes weights tell apart.

    Raises:
        CheckpointError: unknown architecture, or the weights have no classifier where it has one.
    """
    classifier = _config(architecture).classifier
    if isinstance(classifier, tuple):  # several, e.g. one more for distillation, of the same classes
        classifier = classifier[0]
    bias = state_dict.get(f"{classifier}.bias")
    if bias is None:
        raise CheckpointError(f"the weights have no {classifier}.bias; is {architecture} the right architecture?")
    return len(bias)


def _fields(data: Mapping[str, Any]) -> dict[str, Any]:
    """A data configuration of timm's by the names of `InputConfig`, which refuses the sides of what is no square."""
    sides = data["input_size"][1:]
    same = {name: data[name] for name in ("mean", "std", "crop_pct", "interpolation")}
    return same | {"size": sides[0] if sides[0] == sides[1] else sides}


def _config(architecture: str) -> Any:
    config = timm.get_pretrained_cfg(architecture) if timm.is_model(architecture) else None
    if config is None:
        raise CheckpointError(f"architecture {architecture!r} is unknown to timm; give the right one")
    return config
