"""Reading and writing trained weights.

Our own format is safetensors with the model card in its header. Checkpoints of the published training script (timm's
CheckpointSaver, `.pth.tar`) are read too, which carry a card where `groupnl train` wrote them, and bare state dicts of
either kind, as timm publishes its own weights. From a pickle nothing is built but tensors, containers and
argparse.Namespace.
"""

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import timm
import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from groupnl.base.atomic_file import replacing
from groupnl.base.files import sha256_of
from groupnl.card import ModelCard
from groupnl.errors import CheckpointError, problems
from groupnl.models.registry import VARIANTS

HEADER_KEY = "groupnl.card"
# So many names are shown of a longer list.
_SHOWN = 5


class Checkpoint(NamedTuple):
    """Weights as they were stored.

    Attributes:
        state_dict: parameter name -> tensor, on the CPU.
        card: what the file says of them, where `groupnl train` wrote it; None for another checkpoint.
        architecture: the timm name that the file gives, if it gives one.
        arguments: what the published training script was told, by name; empty where the file does not say it.
    """

    state_dict: dict[str, Tensor]
    card: ModelCard | None
    architecture: str | None
    arguments: Mapping[str, Any]


def save_checkpoint(path: Path, state_dict: Mapping[str, Tensor], card: ModelCard) -> str:
    """Write weights and card as safetensors, in one step: the old file stays until the new one is whole.

    Returns:
        The SHA-256 of the file, hexadecimal.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state_dict.items()}
    with replacing(path) as partial:
        save_file(tensors, partial, metadata={HEADER_KEY: card.model_dump_json()})
        partial.chmod(0o644)  # safetensors makes it its owner's alone
    return sha256_of(path)


def load_checkpoint(path: Path, ema: bool = True) -> Checkpoint:
    """Read a checkpoint; its format is told by its content and not by its name.

    Args:
        path: a safetensors file, a `.pth.tar` of the published training script, or a pickled state dict.
        ema: take the averaged weights of a `.pth.tar` where it has them.

    Raises:
        CheckpointError: missing, unreadable, an unusable card, a pickle that wants anything built, no weights inside.
    """
    if not path.is_file():
        raise CheckpointError(f"checkpoint {path} does not exist")
    if _is_pickle(path):
        return _load_pickle(path, ema)
    return _load_safetensors(path)


def _is_pickle(path: Path) -> bool:
    """A safetensors file begins with eight bytes of any value, its header's length, and then the header's brace."""
    with path.open("rb") as file:
        start = file.read(9)
    return start[8:] != b"{" and start.startswith((b"PK", b"\x80"))


def _load_safetensors(path: Path) -> Checkpoint:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state_dict = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"checkpoint {path} is neither safetensors nor a .pth.tar: {error}") from error
    card = _read_card(path, metadata)
    return Checkpoint(state_dict, card, card.architecture if card else None, {})


def _read_card(path: Path, content: Mapping[str, Any]) -> ModelCard | None:
    if HEADER_KEY not in content:
        return None
    try:
        return ModelCard.model_validate_json(content[HEADER_KEY])
    except ValidationError as error:
        raise CheckpointError(f"checkpoint {path} has an unusable model card: {problems(error)}") from error


def _load_pickle(path: Path, ema: bool) -> Checkpoint:
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle makes torch raise nearly any type
        raise CheckpointError(
            f"checkpoint {path} is refused: it is damaged, or it wants more built than tensors and an "
            f"argparse.Namespace ({error})"
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(f"checkpoint {path} holds a {type(content).__name__} instead of a dictionary")
    card, arguments = _read_card(path, content), content.get("args")
    told = vars(arguments) if isinstance(arguments, argparse.Namespace) else {}
    architecture = card.architecture if card else content.get("arch") or told.get("model")
    weights = _weights(path, content, ema)
    return Checkpoint(weights, card, architecture if isinstance(architecture, str) else None, told)


def _weights(path: Path, content: Mapping[str, Any], ema: bool) -> dict[str, Tensor]:
    averaged = content.get("state_dict_ema") if ema else None
    weights = averaged if isinstance(averaged, dict) and averaged else content.get("state_dict", content)
    if not isinstance(weights, dict) or not weights or not all(isinstance(value, Tensor) for value in weights.values()):
        raise CheckpointError(
            f"checkpoint {path} holds no weights, under 'state_dict' or by itself; its keys are {_some(content)}"
        )
    state_dict = {str(name).removeprefix("module."): tensor for name, tensor in weights.items()}
    if len(state_dict) < len(weights):
        raise CheckpointError(f"checkpoint {path} holds some weights twice, with and without the prefix 'module.'")
    return state_dict


def build_model(architecture: str, num_classes: int, state_dict: Mapping[str, Tensor]) -> nn.Module:
    """Build a network and fill it with weights that must fit it exactly.

    Args:
        architecture: a name of `timm.list_models()`, ours included.
        num_classes: size of the classifier.
        state_dict: parameter name -> tensor.

    Returns:
        The network in evaluation mode, on the CPU, float32.

    Raises:
        CheckpointError: unknown architecture; missing or unexpected keys; another number of classes; other shapes;
            weights that are not finite, or not plain tensors of the right kind.
    """
    if not timm.is_model(architecture):
        raise CheckpointError(
            f"architecture {architecture!r} is unknown: use a name of timm's or one of {', '.join(VARIANTS)}"
        )
    network: nn.Module = timm.create_model(architecture, num_classes=num_classes)
    _refuse_other_keys(architecture, network.state_dict(), state_dict)
    _refuse_other_shapes(architecture, num_classes, network, state_dict)
    _refuse_other_kinds(architecture, network.state_dict(), state_dict)
    _refuse_non_finite(architecture, state_dict)
    network.load_state_dict(dict(state_dict))
    return network.eval()


def _refuse_other_keys(architecture: str, wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> None:
    problems = []
    if missing := [key for key in wanted if key not in given]:
        problems.append(f"{len(missing)} keys are missing ({_some(missing)})")
    if unexpected := [key for key in given if key not in wanted]:
        problems.append(f"{len(unexpected)} are unexpected ({_some(unexpected)})")
    if problems:
        raise CheckpointError(f"the weights do not fit {architecture}: {'; '.join(problems)}")


def _refuse_other_shapes(architecture: str, num_classes: int, network: nn.Module, given: Mapping[str, Tensor]) -> None:
    classifier = network.default_cfg["classifier"]  # type: ignore[index]
    for key, wanted in network.state_dict().items():
        shape = tuple(given[key].shape)
        if shape == tuple(wanted.shape):
            continue
        if key == f"{classifier}.weight":
            raise CheckpointError(
                f"the weights are of {shape[0]} classes, {num_classes} class names were given: pass the names of the "
                f"{shape[0]} classes that {architecture} was trained on"
            )
        raise CheckpointError(
            f"the weights do not fit {architecture}: {key} is {shape} instead of {tuple(wanted.shape)}"
        )


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
    bad = [key for key, tensor in given.items() if not torch.isfinite(tensor).all()]
    if bad:
        raise CheckpointError(
            f"the weights of {architecture} are not finite in {len(bad)} tensors ({_some(bad)}): the training diverged"
        )


def _some(names: Iterable[object]) -> str:
    listed = [str(name) for name in names]
    more = f", ... {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more
