"""A network filled with weights that must fit it exactly."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from groupnl.errors import CheckpointError
from groupnl.models.architecture import COLOUR, classifiers_of, create, is_of_one_size, usual_size
from groupnl.models.forms import in_form_of, needless
from groupnl.models.tensor_names import is_counter, some

# Sides of images, pixels, that networks of one size are usually trained for; looked through to say which fits.
_SIDES = (
    *(28, 32, 48, 56, 64, 72, 80, 96, 112, 128, 144, 160, 168, 176, 192, 196, 208, 224, 240, 248, 256, 272, 288, 304),
    *(320, 336, 352, 378, 384, 392, 416, 432, 448, 480, 512, 518, 560, 576, 588, 640, 672, 768, 896, 1024),
)


def build_model(
    architecture: str,
    num_classes: int,
    state_dict: Mapping[str, Tensor],
    channels: int = COLOUR,
    size: int | None = None,
) -> nn.Module:
    """Build a network and fill it with weights that must fit it exactly.

    Args:
        architecture: a name of `timm.list_models()`, ours included.
        num_classes: size of the classifier.
        state_dict: parameter name -> tensor, of any form of the network (see `forms`); what only counts may be
            missing, or be there in any form, as may what the network makes itself, as it makes it.
        channels: of its input.
        size: side of its input, pixels; None: timm's usual one.

    Returns:
        The network in evaluation mode, on the CPU, float32.

    Raises:
        CheckpointError: an architecture that is unknown or cannot be built; missing or unexpected keys; another number
            of classes; other shapes; weights that are not finite, or not plain tensors of the right kind.
    """
    network = in_form_of(state_dict.keys(), create(architecture, num_classes, channels, size))
    own = network.state_dict()
    passed_over = (needless(state_dict, network) - own.keys()) | _strange_counters(state_dict, own)
    given = {name: tensor for name, tensor in state_dict.items() if name not in passed_over}
    weights = {name: tensor for name, tensor in own.items() if is_counter(name)} | given
    _refuse_other_keys(architecture, own, weights)
    _refuse_other_shapes(architecture, num_classes, own, weights, channels, size)
    _refuse_other_kinds(architecture, own, weights)
    _refuse_non_finite(architecture, weights)
    network.load_state_dict(weights)
    return network.eval()


def _strange_counters(given: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> set[str]:
    """The names of those that the network does not have, or has as another kind: scripts halve or average all alike."""
    counters = (name for name in given if is_counter(name))
    return {name for name in counters if name not in own or _kind(given[name]) != _kind(own[name])}


def _kind(tensor: Tensor) -> tuple[torch.Size, bool]:
    return tensor.shape, tensor.is_floating_point()


def _refuse_other_keys(architecture: str, wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> None:
    problems = []
    if missing := [key for key in wanted if key not in given]:
        problems.append(f"{len(missing)} keys are missing ({some(missing)})")
    if unexpected := [key for key in given if key not in wanted]:
        problems.append(f"{len(unexpected)} are unexpected ({some(unexpected)})")
    if problems:
        raise CheckpointError(f"the weights do not fit {architecture}: {'; '.join(problems)}")


def _refuse_other_shapes(
    architecture: str,
    num_classes: int,
    own: Mapping[str, Tensor],
    given: Mapping[str, Tensor],
    channels: int,
    size: int | None,
) -> None:
    other = next((key for key, wanted in own.items() if given[key].shape != wanted.shape), None)
    if other is None:
        return
    shape = tuple(given[other].shape)
    if other in [f"{name}.weight" for name in classifiers_of(architecture)]:
        raise CheckpointError(
            f"the weights are of {shape[0]} classes, {num_classes} class names were given: pass the names of the "
            f"{shape[0]} classes that {architecture} was trained on"
        )
    differs = f"{other} is {shape} instead of {tuple(own[other].shape)}"
    if is_of_one_size(architecture):
        pixels = size or usual_size(architecture)
        fitting = _fitting_size(architecture, num_classes, given, channels)
        told = f", --input-size {fitting}" if fitting else ""
        raise CheckpointError(
            f"--input-size {pixels}: {architecture} does not take images of {pixels} pixels with these weights: "
            f"{differs}; give the size that they were trained for{told}, or the right --architecture"
        )
    raise CheckpointError(f"the weights do not fit {architecture}: {differs}")


def _fitting_size(architecture: str, num_classes: int, given: Mapping[str, Tensor], channels: int) -> int | None:
    """The side of the images that weights are for; None where it is none of the usual ones."""
    return next((side for side in _SIDES if _fits(architecture, num_classes, given, channels, side)), None)


def _fits(architecture: str, num_classes: int, given: Mapping[str, Tensor], channels: int, size: int) -> bool:
    try:
        with torch.device("meta"):  # shapes only
            own = create(architecture, num_classes, channels, size).state_dict()
    except CheckpointError:  # too small for it, or no whole number of its patches
        return False
    return all(name in given and given[name].shape == tensor.shape for name, tensor in own.items())


def _refuse_other_kinds(architecture: str, wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> None:
    """Only plain tensors are weights; torch would truncate or drop what others hold when it copies them."""
    for key, tensor in given.items():
        plain = tensor.layout == torch.strided and not tensor.is_meta and not tensor.is_quantized
        if not plain or tensor.is_floating_point() != wanted[key].is_floating_point():
            raise CheckpointError(
                f"the weights do not fit {architecture}: {key} is {tensor.dtype} ({tensor.layout}, {tensor.device}) "
                f"where {wanted[key].dtype} is wanted"
            )


def _refuse_non_finite(architecture: str, given: Mapping[str, Tensor]) -> None:
    bad = [key for key, tensor in given.items() if not tensor.float().isfinite().all()]  # as the network computes
    if bad:
        raise CheckpointError(
            f"the weights of {architecture} are not finite in {len(bad)} tensors ({some(bad)}): the training diverged"
        )
