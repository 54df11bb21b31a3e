"""An unpacked archive to a `Service` that has run once: what a worker does before it reports ready."""

import logging
from pathlib import Path

import torch
from pydantic import ValidationError
from torch import nn

from groupnl.errors import ArchiveError, ConfigError
from groupnl.handler_config import HandlerConfig
from groupnl.inference import TorchEngine, choose_device, choose_precision
from groupnl.manifest import MANIFEST_NAME, Manifest
from groupnl.models import build_model, load_checkpoint, sha256_of
from groupnl.yaml_file import problems
from handlers.context import Context
from handlers.service import Service

logger = logging.getLogger(__name__)


def load_service(context: Context) -> Service:
    """Load the model of an unpacked archive and warm it up.

    Raises:
        ConfigError: the configuration cannot be used, or asks for a device that is not there.
        ArchiveError: `model.json` or the weights are missing, unreadable or not those that were packed.
        CheckpointError: the weights do not fit the architecture.
    """
    config = _read_config(context)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    folder = Path(context.system_properties["model_dir"])
    manifest = _read_manifest(folder)
    device = choose_device(config.device, context.system_properties.get("gpu_id"))
    precision = choose_precision(config.precision, device)
    engine = TorchEngine(_load_model(folder, manifest), manifest.card.input, device, precision)
    engine.warm_up(context.system_properties.get("batch_size") or 1)
    architecture = manifest.card.architecture
    logger.info("groupnl: model %s is ready: %s, %s, %s", context.model_name, architecture, device, precision)
    return Service(manifest.card, engine, config)


def _read_config(context: Context) -> HandlerConfig:
    section = (context.model_yaml_config or {}).get("handler") or {}
    try:
        return HandlerConfig.model_validate(section)
    except ValidationError as error:
        raise ConfigError(f"section 'handler' of the model's configuration: {problems(error)}") from None


def _read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST_NAME
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read: {error.strerror}; make the archive again") from error
    except ValidationError as error:
        raise ArchiveError(f"{path} cannot be used: {problems(error)}; make the archive again") from None


def _load_model(folder: Path, manifest: Manifest) -> nn.Module:
    weights = folder / manifest.weights
    _check_weights(weights, manifest.weights_sha256)
    card = manifest.card
    return build_model(card.architecture, len(card.classes), load_checkpoint(weights).state_dict)


def _check_weights(path: Path, expected: str) -> None:
    try:
        found = sha256_of(path)
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read: {error.strerror}; make the archive again") from error
    if found != expected:
        raise ArchiveError(f"{path} has SHA-256 {found}, but {expected} was packed; make the archive again")
