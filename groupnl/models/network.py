"""A network filled with weights that must fit it exactly."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from groupnl.errors import CheckpointError
from groupnl.models.architecture import COLOUR, classifiers_of, create, is_of_one_size, usual_size
from groupnl.models.weights import is_counter, some


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
        state_dict: parameter name -> tensor; what only counts may be missing, or be there.
        channels: of its input.
        size: side of its input, pixels; None: timm's usual one.

    Returns:
        The network in evaluation mode, on the CPU, float32.

    Raises:
        CheckpointError: an architecture that is unknown or cannot be built; missing or unexpected keys; another number
            of classes; other shapes; weights that are not finite, or not plain tensors of the right kind.
    """
    network = create(architecture, num_classes, channels, size)
    own = network.state_dict()
    given = {name: tensor for name, tensor in state_dict.items() if name in own or not is_counter(name)}
    weights = {name: tensor for name, tensor in own.items() if is_counter(name)} | given
    _refuse_other_keys(architecture, own, weights)
    _refuse_other_shapes(architecture, num_classes, own, weights, size)
    _refuse_other_kinds(architecture, own, weights)
    _refuse_non_finite(architecture, weights)
    network.load_state_dict(weights)
    return network.eval()


def _refuse_other_keys(architecture: str, wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> None:
    problems = []
    if missing := [key for key in wanted if key not in given]:
        problems.append(f"{len(missing)} keys are missing ({some(missing)})")
    if unexpected := [key for key in given if key not in wanted]:
        problems.append(f"{len(unexpected)} are unexpected ({some(unexpected)})")
    if problems:
        raise CheckpointError(f"the weights do not fit {architecture}: {'; '.join(problems)}")


def _refuse_other_shapes(
    architecture: str, num_classes: int, own: Mapping[str, Tensor], given: Mapping[str, Tensor], size: int | None
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
        raise CheckpointError(
            f"--input-size {pixels}: {architecture} does not take images of {pixels} pixels with these weights: "
            f"{differs}; give the size that they were trained for, or the right --architecture"
        )
    raise CheckpointError(f"the weights do not fit {architecture}: {differs}")


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
