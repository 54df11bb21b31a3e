"""An unpacked archive to its model: the one way of the trial run at packing and of a worker of the service."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from torch import nn

from groupnl.archive.handler_config import HandlerConfig
from groupnl.archive.json_record import read_json_record
from groupnl.archive.manifest import MANIFEST_NAME, Manifest
from groupnl.base.files import sha256_of
from groupnl.base.options import strictly
from groupnl.base.problems import problems
from groupnl.errors import ArchiveError, ConfigError


def load_unpacked(folder: Path) -> tuple[Manifest, nn.Module]:
    """The manifest and the model of the archive that was unpacked into `folder`; the model is in evaluation mode.

    Raises:
        ArchiveError: `model.json` or the weights are missing, unreadable or not those that were packed.
        CheckpointError: the weights do not fit the architecture.
    """
    manifest = checked_manifest(folder)
    return manifest, load_model(folder, manifest)


def checked_manifest(folder: Path) -> Manifest:
    """The manifest of an unpacked archive whose weights are whole.

    Raises:
        ArchiveError: `model.json` or the weights are missing, unreadable or not those that were packed.
    """
    manifest = read_json_record(folder / MANIFEST_NAME, Manifest)
    _check_weights(folder / manifest.weights, manifest.weights_sha256)
    return manifest


def load_model(folder: Path, manifest: Manifest) -> nn.Module:
    """The network of an unpacked archive, with its weights, in evaluation mode.

    Raises:
        CheckpointError: the weights do not fit the architecture.
    """
    # Here, because it needs timm: a worker whose engine has the weights in its own files starts twice as fast without.
    from groupnl.models.trained import network_of_card

    return network_of_card(folder / manifest.weights, manifest.card)


def handler_section(settings: Mapping[str, Any]) -> HandlerConfig:
    """The handler's configuration in the content of `model-config.yaml`; a missing or empty section has defaults only.

    Raises:
        ConfigError: the section cannot be used.
    """
    try:
        return strictly(HandlerConfig, settings.get("handler") or {})
    except ValidationError as error:
        raise ConfigError(f"section 'handler' of the model's configuration: {problems(error, HandlerConfig)}") from None


def _check_weights(path: Path, expected: str) -> None:
    try:
        found = sha256_of(path)
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read: {error.strerror}; make the archive again") from error
    if found != expected:
        raise ArchiveError(f"{path} has SHA-256 {found}, but {expected} was packed; make the archive again")
