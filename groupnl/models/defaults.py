"""What timm's configuration of an architecture says about a checkpoint that says nothing itself: input and classes."""

from collections.abc import Mapping
from typing import Any

import timm
from pydantic import ValidationError
from timm.data import resolve_data_config
from torch import Tensor

import groupnl.models.registry  # noqa: F401 (registers the GroupNL networks)
from groupnl.card import InputConfig
from groupnl.errors import CheckpointError, problems


def default_input(architecture: str) -> InputConfig:
    """How timm makes this architecture's input when it evaluates.

    Raises:
        CheckpointError: unknown architecture, or one whose input we cannot make.
    """
    data = resolve_data_config(pretrained_cfg=_config(architecture).to_dict())
    given = {key: data[key] for key in ("mean", "std", "crop_pct", "interpolation")}
    try:
        return InputConfig(size=data["input_size"][-1], **given)
    except ValidationError as error:
        raise CheckpointError(f"the input of {architecture} cannot be made: {problems(error)}") from None


def class_count(architecture: str, state_dict: Mapping[str, Tensor]) -> int:
    """How many classes weights tell apart.

    Raises:
        CheckpointError: unknown architecture, or the weights have no classifier where it has one.
    """
    classifier = _config(architecture).classifier
    bias = state_dict.get(f"{classifier}.bias")
    if bias is None:
        raise CheckpointError(f"the weights have no {classifier}.bias; is {architecture} the right architecture?")
    return len(bias)


def _config(architecture: str) -> Any:
    config = timm.get_pretrained_cfg(architecture) if timm.is_model(architecture) else None
    if config is None:
        raise CheckpointError(f"architecture {architecture!r} is unknown to timm; give the right one")
    return config
