"""What timm's habits say about a checkpoint that has no card: its input, how many classes, and their order."""

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD, resolve_data_config
from timm.utils import natural_key
from torch import Tensor

import groupnl.models.registry  # noqa: F401 (registers the GroupNL networks)
from groupnl.base.problems import problems
from groupnl.card import InputConfig
from groupnl.errors import CheckpointError
from groupnl.models.architecture import configuration
from groupnl.models.hub_folder import CONFIG, HubConfig

_SIZE = ("input_size", "img_size")  # arguments of timm's training script
_INPUT = (*_SIZE, "crop_pct", "interpolation", "mean", "std")


def default_input(
    architecture: str,
    arguments: Mapping[str, Any] | None = None,
    given: Mapping[str, Any] | None = None,
    hub: HubConfig | None = None,
) -> InputConfig:
    """How timm makes this architecture's input when it evaluates.

    Args:
        architecture: timm name.
        arguments: of a training script, timm's or torchvision's; those that were set come before timm's configuration
            of the architecture.
        given: values of `InputConfig` that come before all others.
        hub: of timm's folder, which comes before timm's configuration of the architecture.

    Raises:
        CheckpointError: unknown architecture, or one whose input we cannot make.
    """
    told = _told(arguments or {})
    config = _config(architecture).to_dict() | {name: hub.input[name] for name in _INPUT if hub and name in hub.input}
    try:
        return InputConfig.model_validate(_fields(resolve_data_config(told, config)) | dict(given or {}))
    except ValidationError as error:
        reason = problems(error)
    except (AssertionError, LookupError, TypeError, ValueError, RuntimeError):  # timm expects its own types
        reason = f"the checkpoint's arguments are {told}" + (f", its {CONFIG} says {dict(hub.input)}" if hub else "")
    raise CheckpointError(f"the input of {architecture} cannot be made: {reason}")


def says_input(arguments: Mapping[str, Any], hub: HubConfig | None = None) -> bool:
    """Whether a checkpoint's own record settles its input; what timm's script was not told it took from timm."""
    return bool(hub and any(name in hub.input for name in _INPUT)) or "crop_pct" in {**arguments, **_told(arguments)}


def says_size(arguments: Mapping[str, Any], hub: HubConfig | None = None) -> bool:
    """Whether a checkpoint's own record tells the size of the input."""
    return bool(hub and "input_size" in hub.input) or any(name in _told(arguments) for name in _SIZE)


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
    if not classifier:
        raise CheckpointError(f"timm's {architecture} has no classifier: give the --architecture of one that has")
    bias = state_dict.get(f"{classifier}.bias")
    if bias is None or bias.ndim != 1:
        raise CheckpointError(f"the weights have no {classifier}.bias; is {architecture} the right architecture?")
    return len(bias)


def _told(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What a training script was told of the input, by timm's names."""
    crop, resized = (arguments.get(f"val_{step}_size") for step in ("crop", "resize"))
    if isinstance(crop, int) and isinstance(resized, int) and resized > 0:  # torchvision's; its mean and std are fixed
        arguments = {
            "img_size": crop,
            "crop_pct": crop / resized,
            "interpolation": arguments.get("interpolation"),
            "mean": IMAGENET_DEFAULT_MEAN,
            "std": IMAGENET_DEFAULT_STD,
        }
    return {name: value for name in _INPUT if (value := arguments.get(name)) is not None}


def _fields(data: Mapping[str, Any]) -> dict[str, Any]:
    """A data configuration of timm's by the names of `InputConfig`, which refuses the sides of what is no square."""
    sides = data["input_size"][1:]
    same = {name: data[name] for name in ("mean", "std", "crop_pct", "interpolation")}
    return same | {"size": sides[0] if sides[0] == sides[1] else sides}


def _config(architecture: str) -> Any:
    config = configuration(architecture)
    if config is None:
        raise CheckpointError(f"timm does not describe the input of {architecture}: give another --architecture")
    return config
