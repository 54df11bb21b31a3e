"""The run's private model store: the archives that are served, unpacked, with this run's settings.

TorchServe lets the `model-config.yaml` inside an archive win over everything given at start, so the options of
`groupnl serve` go into unpacked copies of it. The run's store holds nothing else: there is nothing else to load.
"""

import re
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from groupnl.archive.read import CONFIG_FILE, read_manifest
from groupnl.errors import ArchiveError, ConfigError
from groupnl.server.config import ServeConfig
from groupnl.yaml_file import read_mapping

DEFAULT_MODELS = ("gnl_effnet_es", "effnet_es")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_\-]|\.(?!\.))*")


class ServedModel(NamedTuple):
    """One model of the run.

    Attributes:
        name: as in ``/predictions/NAME``.
        archive: its `.mar` file.
    """

    name: str
    archive: Path


def served_models(config: ServeConfig) -> list[ServedModel]:
    """The models to serve, each archive checked.

    Raises:
        ConfigError: a name that cannot be used, or stands twice.
        ArchiveError: an archive that is missing, damaged or not one of ours.
    """
    stored = sorted(path.stem for path in config.model_store.glob("*.mar"))
    models = [_parse(item, config.model_store) for item in config.models or stored or DEFAULT_MODELS]
    names = [model.name for model in models]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"the model name {twice[0]!r} stands twice; each model needs a name of its own")
    for model in models:
        read_manifest(model.archive)
    return models


def fill_store(store: Path, models: list[ServedModel], config: ServeConfig) -> int:
    """Unpack the models below `store`, one folder each, and return how many workers they start together."""
    return sum(_unpack(store / model.name, model.archive, config) for model in models)


def _parse(item: str, model_store: Path) -> ServedModel:
    name, equals, path = item.partition("=")
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} cannot be a model's name: use letters, digits, '_', '-' and '.'")
    return ServedModel(name, Path(path) if equals else model_store / f"{name}.mar")


def _unpack(folder: Path, archive: Path, config: ServeConfig) -> int:
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    file = folder / CONFIG_FILE
    try:
        settings = _merge(read_mapping(file), config)
        workers = int(settings["maxWorkers"])
    except (ConfigError, KeyError, TypeError, ValueError) as error:
        raise ArchiveError(f"the archive {archive} has an unusable {CONFIG_FILE} ({error}); make it again") from None
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return workers


def _merge(settings: dict[str, Any], config: ServeConfig) -> dict[str, Any]:
    given = {
        "minWorkers": config.workers,
        "maxWorkers": config.workers,
        "batchSize": config.batch_size,
        "maxBatchDelay": config.max_batch_delay_ms,
        "responseTimeout": config.response_timeout_s,
        "jobQueueSize": config.queue_size,
    }
    handler = (settings.get("handler") or {}) | config.handler
    return settings | {key: value for key, value in given.items() if value is not None} | {"handler": handler}
