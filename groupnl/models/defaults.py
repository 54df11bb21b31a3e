"""What timm's habits say about a checkpoint that has no card: its input, how many classes, and their order."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from pydantic import ValidationError
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD, resolve_data_config
from timm.utils import natural_key
from torch import Tensor

import groupnl.models.registry  # noqa: F401 (registers the GroupNL networks)
from groupnl.base.problems import problems
from groupnl.card import InputConfig
from groupnl.errors import CheckpointError
from groupnl.models.architecture import COLOUR, configuration, create, names_of_classifier
from groupnl.models.hub_folder import CONFIG, HubConfig
from groupnl.models.other_arguments import of_script
from groupnl.models.torchvision_files import crop_share

_SIZE = ("input_size", "img_size")  # arguments of timm's training script
_INPUT = (*_SIZE, "crop_pct", "interpolation", "mean", "std", "crop_mode")
_OPTIONS = "--input-size, --crop-pct, --crop-mode, --interpolation, --mean and --std"
_OF_CONVOLUTION = 4  # dimensions of its weights


def default_input(
    architecture: str,
    arguments: Mapping[str, Any] | None = None,
    given: Mapping[str, Any] | None = None,
    hub: HubConfig | None = None,
    channels: int = COLOUR,
) -> InputConfig:
    """How timm makes this architecture's input when it evaluates.

    Args:
        architecture: timm name.
        arguments: of a training script, timm's or torchvision's; those that were set come before timm's configuration
            of the architecture.
        given: values of `InputConfig` that come before all others.
        hub: of timm's folder, which comes before timm's configuration of the architecture.
        channels: of the network's input; timm's mean and deviation of colour images give one of grey ones.

    Raises:
        CheckpointError: unknown architecture, or one whose input we cannot make.
    """
    told = _sized(_told(arguments or {}), channels)
    config = _config(architecture).to_dict() | {name: hub.input[name] for name in _INPUT if hub and name in hub.input}
    try:
        fields = _fields(resolve_data_config(told | {"in_chans": channels}, config), channels)
    except (AssertionError, LookupError, TypeError, ValueError, RuntimeError):  # timm expects its own types
        said = f"the checkpoint's arguments are {told}" + (f", its {CONFIG} says {dict(hub.input)}" if hub else "")
        raise CheckpointError(
            f"the input of {architecture} cannot be made: {said}; correct that, or save the state dict alone"
        ) from None
    return input_of(architecture, fields, given or {})


def input_of(architecture: str, fields: Mapping[str, Any], given: Mapping[str, Any]) -> InputConfig:
    """An input that is known, with values that are given before its own.

    Args:
        architecture: timm name.
        fields: of `InputConfig`.
        given: the same; one mean or deviation is that of all channels.

    Raises:
        CheckpointError: it cannot be made.
    """
    values = {**fields, **{name: _repeated(value, len(fields["mean"])) for name, value in given.items()}}
    if isinstance(values["size"], str):
        raise CheckpointError(
            f"the input of {architecture} cannot be made: size = {values['size']}, and only square images are served: "
            "give --input-size with the side of square ones, if the network takes them"
        )
    try:
        found = InputConfig.model_validate(values)
    except ValidationError as error:
        raise CheckpointError(
            f"the input of {architecture} cannot be made: {problems(error)}; {_OPTIONS} give other values"
        ) from None
    if found.channels != len(fields["mean"]):
        raise CheckpointError(
            f"the input of {architecture} cannot be made: --mean and --std are of {found.channels} channels, and the "
            f"weights of {len(fields['mean'])}"
        )
    return found


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
    _config(architecture)
    names = list(names_of_classifier(architecture))
    if not names:
        raise CheckpointError(f"timm's {architecture} has no classifier: give the --architecture of one that has")
    weight = next((state_dict[name] for name in names if name in state_dict), None)
    if weight is None or not weight.ndim:
        raise CheckpointError(f"the weights have no {names[0]}; is {architecture} the right architecture?")
    return len(weight)


def input_channels(architecture: str, state_dict: Mapping[str, Tensor]) -> int:
    """How many channels the images have that weights are for: 3, or 1 for grey ones.

    Args:
        architecture: timm name.
        state_dict: the weights, in the network's order.

    Raises:
        CheckpointError: unknown architecture, or weights for another number.
    """
    first = getattr(configuration(architecture), "first_conv", None) or ()
    name = f"{first if isinstance(first, str) else first[0]}.weight" if first else ""
    with torch.device("meta"):
        own = create(architecture, num_classes=1).state_dict().get(name)
    # A reparametrised network has a layer of another name there, which is the first of its convolutions, too. Files
    # may be in another order (safetensors sorts by name); that of `find_weights` is the network's.
    weight = state_dict.get(name, next(filter(_is_convolution, state_dict.values()), None))
    if own is None or weight is None or not _is_convolution(weight):
        return COLOUR
    usual = own.shape[1]
    channels = COLOUR * weight.shape[1] / usual  # not shape[1] itself: some cut the image into squares of pixels first
    if channels not in (1, COLOUR):
        raise CheckpointError(
            f"the weights are of a network for images of {channels:g} channels ({name} is {tuple(weight.shape)}): only "
            "colour images (3) and grey ones (1) are served"
        )
    return int(channels)


def _is_convolution(weights: Tensor) -> bool:
    return weights.ndim >= _OF_CONVOLUTION


def _told(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What a training script was told of the input, by timm's names."""
    crop, resized = (arguments.get(f"val_{step}_size") for step in ("crop", "resize"))
    if isinstance(crop, int) and isinstance(resized, int) and resized > 0:  # torchvision's; its mean and std are fixed
        arguments = {
            "img_size": crop,
            "crop_pct": crop_share(crop, resized),
            "interpolation": arguments.get("interpolation"),
            "mean": IMAGENET_DEFAULT_MEAN,
            "std": IMAGENET_DEFAULT_STD,
        }
    told = {name: value for name in _INPUT if (value := arguments.get(name)) is not None}
    built_for = of_script(arguments).get("img_size")  # of a network of one size, where no size was given beside it
    return ({} if built_for is None else {"img_size": built_for}) | told


def _sized(told: dict[str, Any], channels: int) -> dict[str, Any]:
    """What a script was told, the size as timm writes it: others say one number, or height and width alone."""
    size = next((told[name] for name in _SIZE if name in told), None)
    sides = [size] if isinstance(size, int) else size
    if not isinstance(sides, tuple | list) or len(sides) not in (1, 2):
        return told
    return told | {"input_size": (channels, sides[0], sides[-1])}


def _fields(data: Mapping[str, Any], channels: int) -> dict[str, Any]:
    """A data configuration of timm's by the names of `InputConfig`."""
    same = {name: data[name] for name in ("crop_pct", "interpolation", "crop_mode")}
    return same | {name: _of_channels(data[name], channels) for name in ("mean", "std")} | {"size": _side(data)}


def _side(data: Mapping[str, Any]) -> int | str:
    """Of a square image; what is none is refused by its name."""
    height, width = data["input_size"][1:]
    return height if height == width else f"{height} x {width}"


def _repeated(value: Any, channels: int) -> Any:
    """One mean or deviation for each channel, where one is given for all; any other value as it is."""
    return tuple(value) * channels if isinstance(value, tuple | list) and len(value) == 1 else value


def _of_channels(values: Sequence[float], channels: int) -> tuple[float, ...]:
    """As timm's loader adapts them: a network of other many channels gets their mean."""
    return tuple(values) if len(values) == channels else (sum(values) / len(values),) * channels


def _config(architecture: str) -> Any:
    config = configuration(architecture)
    if config is None:
        raise CheckpointError(f"timm does not describe the input of {architecture}: give another --architecture")
    return config
