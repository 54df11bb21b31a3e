"""The run's private model store: the archives that are served, unpacked, with this run's settings.

TorchServe lets the `model-config.yaml` inside an archive win over everything given at start, so the options of
`groupnl serve` go into unpacked copies of it. The run's store holds nothing else: there is nothing else to load.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from groupnl.archive.manifest import name_problem
from groupnl.archive.model_config import to_model_config, worker_count
from groupnl.archive.read import CONFIG_FILE, read_manifest, unpack
from groupnl.base.mapping import deep_merge
from groupnl.base.yaml_file import read_mapping
from groupnl.errors import ArchiveError, ConfigError
from groupnl.server.candidates import check_candidates, place_candidate
from groupnl.server.config import ServeConfig
from groupnl.server.twins import place_twin

# Up to so many bytes a request reaches the handler; above, the server refuses it by itself. Enough for the usual limit
# of an image, and more where a model is served with a larger one.
USUAL_REQUEST_BYTES = 20 * 1024 * 1024
# Room for the envelope of a form, and so that an image somewhat too large is refused by the handler.
REQUEST_SLACK = 4 * 1024 * 1024
DEFAULT_MODELS = ("gnl_effnet_es", "effnet_es")
_OF_THIS_START = ("workers", "batch_size", "max_batch_delay_ms", "response_timeout_s", "queue_size")


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
        ConfigError: an archive in the store has a name that cannot be used, or a candidate is for no served model.
        ArchiveError: an archive that is missing, damaged or not one of ours.
    """
    stored = sorted(path.stem for path in config.model_store.glob("*.mar"))
    models = [_parse(item, config.model_store) for item in config.models or stored or DEFAULT_MODELS]
    for model in models:
        read_manifest(model.archive)
    check_candidates(config.candidates, [model.name for model in models])
    return models


class FilledStore(NamedTuple):
    """What the models of the run need together.

    Attributes:
        workers: how many they start.
        max_image_bytes: the largest `max_bytes` in their limits; 0 where each has the usual one.
    """

    workers: int
    max_image_bytes: int


def fill_store(
    store: Path, models: Sequence[ServedModel], config: ServeConfig, others: Iterable[ServedModel] = ()
) -> FilledStore:
    """Unpack the models below `store`, one folder each, with this run's settings; twins and candidates go beside it.

    Args:
        store: the folder; made if missing.
        models: to be unpacked.
        config: this run's settings.
        others: served models beside these, which may be their twins.

    Raises:
        ArchiveError: an archive is damaged, or has settings that cannot be used.
        ConfigError: a model's twin is missing or unlike it, or its candidate cannot be compared with it.
    """
    twins = {path.stem: path for path in config.model_store.glob("*.mar")} | dict(others) | dict(models)
    needs = [_unpack(store / model.name, model, config, twins) for model in models]
    return FilledStore(sum(need.workers for need in needs), max(need.max_image_bytes for need in needs))


def request_bytes(max_image_bytes: int) -> int:
    """The most bytes of a request.

    Args:
        max_image_bytes: the largest `max_bytes` of the models; 0: the usual one.
    """
    return max(USUAL_REQUEST_BYTES, max_image_bytes + REQUEST_SLACK)


def _parse(item: str, model_store: Path) -> ServedModel:
    name, equals, path = item.partition("=")
    if problem := name_problem(name):
        raise ConfigError(problem)
    return ServedModel(name, Path(path) if equals else model_store / f"{name}.mar")


def _unpack(folder: Path, model: ServedModel, config: ServeConfig, twins: dict[str, Path]) -> FilledStore:
    archive = model.archive
    unpack(archive, folder)
    file = folder / CONFIG_FILE
    try:
        settings = _merge(read_mapping(file), config)
        workers = worker_count(settings)
    except (ConfigError, KeyError, TypeError, ValueError) as error:
        raise ArchiveError(f"the archive {archive} has an unusable {CONFIG_FILE} ({error}); make it again") from None
    place_twin(model.name, archive, settings["handler"], twins, folder.parent.with_name("twins"))
    if candidate := config.candidate_of(model.name):
        place = folder.parent.with_name("candidates") / model.name
        place_candidate(model.name, archive, settings["handler"], candidate, place, config.handler_changes())
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return FilledStore(workers, max_image_bytes(settings["handler"]))


def max_image_bytes(handler: dict[str, Any]) -> int:
    """The largest image that a model's handler section allows, bytes; 0 where it has the usual limit."""
    try:
        return int(handler["limits"]["max_bytes"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return 0  # not given; or no number, which the worker refuses by name


def _merge(settings: dict[str, Any], config: ServeConfig) -> dict[str, Any]:
    given = to_model_config({name: getattr(config, name) for name in _OF_THIS_START})
    handler = deep_merge(settings.get("handler") or {}, config.handler_changes())
    return settings | given | {"handler": handler}
