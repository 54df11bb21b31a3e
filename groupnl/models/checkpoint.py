"""Reading and writing trained weights.

Our own format is safetensors with the model card in its header. What others write is read too: safetensors and files of
`torch.save`, with the weights anywhere inside (see `weights`), and timm's folders for the hub. From a pickle nothing is
built but tensors, containers, numbers and argparse.Namespace.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import timm
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from groupnl.base.atomic_file import replacing
from groupnl.base.files import sha256_of
from groupnl.base.problems import problems
from groupnl.card import ModelCard
from groupnl.errors import CheckpointError
from groupnl.models.foreign_file import is_pickle
from groupnl.models.hub_folder import HubConfig, hub_config, weights_file
from groupnl.models.other_libraries import published_config, timms_name
from groupnl.models.pickle_file import read_pickle
from groupnl.models.shards import digest_of, files_of
from groupnl.models.tensor_names import some
from groupnl.models.weights import Groups, find_weights, groups_of

HEADER_KEY = "groupnl.card"


@dataclass(frozen=True)
class Checkpoint:
    """Weights as they were stored, and what is said of them.

    Attributes:
        file: that holds them, or the index of the files that do; in a folder, where a folder was named.
        groups: its tensors, on the CPU.
        averaged: whether averaged weights are taken where they lie beside plain ones.
        card: what the file says of them, where `groupnl train` wrote it; None for another checkpoint.
        architecture: the timm name that the checkpoint gives, if it gives one.
        arguments: what the training script was told, by name; empty where the file does not say it.
        hub: what timm's `config.json` beside the file says, or another library of a file that it published; else None.
    """

    file: Path
    groups: Groups
    averaged: bool
    card: ModelCard | None = None
    architecture: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    hub: HubConfig | None = None

    @cached_property
    def state_dict(self) -> dict[str, Tensor]:
        """The weights of the architecture that the checkpoint names: parameter name -> tensor.

        Raises:
            CheckpointError: it names none, or they do not fit it.
        """
        return self.weights_of(self.named_architecture)

    @property
    def sha256(self) -> str:
        """Of the file; of several, what tells them from all others."""
        return digest_of(files_of(self.file))

    @property
    def named_architecture(self) -> str:
        """The architecture that the checkpoint gives.

        Raises:
            CheckpointError: it gives none.
        """
        if self.architecture is None:
            raise CheckpointError(
                f"the checkpoint {self.file} does not name its architecture; give --architecture (`groupnl models` "
                "lists GroupNL's, timm.list_models() all)"
            )
        return self.architecture

    def weights_of(self, architecture: str) -> dict[str, Tensor]:
        """The weights of an architecture: parameter name -> tensor.

        Raises:
            CheckpointError: they are not there, or the name is unknown.
        """
        try:
            return find_weights(self.groups, architecture, self.averaged)
        except CheckpointError as error:
            raise CheckpointError(f"checkpoint {self.file}: {error}") from None


def save_checkpoint(path: Path, state_dict: Mapping[str, Tensor], card: ModelCard) -> str:
    """Write weights and card as safetensors, in one step: the old file stays until the new one is whole.

    Returns:
        The SHA-256 of the file, hexadecimal.
    """
    tensors = _apart({name: tensor.detach().cpu().contiguous() for name, tensor in state_dict.items()})
    with replacing(path) as partial:
        save_file(tensors, partial, metadata={HEADER_KEY: card.model_dump_json()})
        partial.chmod(0o644)  # safetensors makes it its owner's alone
    return sha256_of(path)


def _apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Each with memory of its own, as safetensors wants it: some networks have one tensor under several names."""
    found: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        place = tensor.untyped_storage().data_ptr()
        found[name] = tensor.clone() if place in seen else tensor
        seen.add(place)
    return found


def load_checkpoint(path: Path, ema: bool = True) -> Checkpoint:
    """Read a checkpoint; its format is told by its content and not by its name.

    Args:
        path: a file of safetensors or of `torch.save`, timm's folder for the hub, or an index of several files.
        ema: take averaged weights where they lie beside plain ones.

    Raises:
        CheckpointError: missing, unreadable, of another kind, an unusable card, a pickle that wants anything built, no
            weights inside.
    """
    file = weights_file(path)
    content, said = _read(file)
    groups = groups_of(content)
    if not groups:
        raise CheckpointError(
            f"checkpoint {file} holds no weights: save the network's state dict; its keys are {some(content) or 'none'}"
        )
    card, arguments = _read_card(file, said), _arguments(content)
    hub = None if card else hub_config(file)
    if not (card or hub or arguments):
        hub = published_config(digest_of(files_of(file)))
    named = card or hub
    architecture = named.architecture if named else _architecture(content, arguments)
    return Checkpoint(file, groups, ema, card, architecture, arguments, hub)


def _read(file: Path) -> tuple[dict[Any, Any], Mapping[Any, Any]]:
    """What lies in the files, and where a card would be."""
    content: dict[Any, Any] = {}
    said: dict[Any, Any] = {}
    for part in files_of(file):
        found, header = (read_pickle(part), None) if is_pickle(part) else _read_safetensors(part)
        content |= found
        said |= found if header is None else header
    return content, said


def _read_safetensors(path: Path) -> tuple[dict[Any, Any], dict[str, str]]:
    """Its tensors, and what its header says; there safetensors' `save_model` names those that are another one again."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
            said = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"checkpoint {path} is damaged or cut short: fetch or save it again ({error})") from error
    again = {name: tensors[kept] for name, kept in said.items() if kept in tensors}
    return again | tensors, said


def _read_card(path: Path, content: Mapping[Any, Any]) -> ModelCard | None:
    if HEADER_KEY not in content:
        return None
    try:
        return ModelCard.model_validate_json(content[HEADER_KEY])
    except ValidationError as error:
        raise CheckpointError(f"checkpoint {path} has an unusable model card: {problems(error)}") from error


def _arguments(content: Mapping[Any, Any]) -> Mapping[str, Any]:
    arguments = content.get("args")
    told = vars(arguments) if isinstance(arguments, argparse.Namespace) else arguments
    return told if isinstance(told, dict) else {}


def _architecture(content: Mapping[Any, Any], arguments: Mapping[str, Any]) -> str | None:
    """Scripts of timm and torchvision name it; Lightning's settings have it where they hold one name of a network."""
    named = content.get("arch") or arguments.get("model")
    if isinstance(named, str):
        return timms_name(named)
    settings = content.get("hyper_parameters")
    values = settings.values() if isinstance(settings, dict) else ()
    names = {value for value in values if isinstance(value, str) and timm.is_model(value)}
    return names.pop() if len(names) == 1 else None
