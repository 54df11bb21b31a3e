"""From an archive to a version that can answer: unpacked, with the settings of this start, and its workers' pool."""

import itertools
import logging
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from groupnl.archive.manifest import unpacked_manifest
from groupnl.archive.read import CONFIG_FILE, archive_digest, read_manifest
from groupnl.base.yaml_file import read_mapping
from groupnl.server.config import ServeConfig
from groupnl.server.engines import settle_engines
from groupnl.server.pool.models import Version
from groupnl.server.pool.pool import Pool
from groupnl.server.pool.serving import Serving
from groupnl.server.pool.witness import Witness
from groupnl.server.pool.worker_process import Program
from groupnl.server.stop import Wait
from groupnl.server.store import ServedModel, fill_store

logger = logging.getLogger(__name__)

LEAST_LOAD_S = 60.0  # that a worker may take to load its model, however short the start may be: others may compute


class Loader:
    """Makes versions, each in a folder of its own.

    Args:
        config: of this start.
        folder: where archives are unpacked.
        environment: of the workers.
        witness: learns what happens to the workers.
        wait: tells when the operator wants to stop.
    """

    def __init__(
        self, config: ServeConfig, folder: Path, environment: Mapping[str, str], witness: Witness, wait: Wait
    ) -> None:
        self._wait = wait
        self._witness = witness
        self._config = config
        self._folder = folder
        self._environment = environment
        self._load_timeout_s = max(config.startup_timeout_s, LEAST_LOAD_S)
        self._numbers = itertools.count()

    def versions(self, models: Sequence[ServedModel], store: Path) -> list[Version]:
        """A version of each model that lies in `store`; their pools have not been started."""
        return [self._version(model, store / model.name) for model in models]

    def load(self, model: ServedModel, others: Sequence[ServedModel]) -> Version:
        """Unpack an archive, and make a version of it.

        Args:
            model: to be served.
            others: served models, which may be its twin.

        Raises:
            ArchiveError, ConfigError: an archive that cannot be served.
        """
        read_manifest(model.archive)
        store = self._folder / f"{next(self._numbers)}" / "store"
        fill_store(store, [model], self._config, others)
        settle_engines(store.parent, logger.info, self._wait)
        (version,) = self.versions([model], store)
        return version

    def discard(self, version: Version) -> None:
        """Remove the files of a version whose pool has been closed."""
        shutil.rmtree(version.folder, ignore_errors=True)

    def _version(self, model: ServedModel, folder: Path) -> Version:
        serving = Serving.of(read_mapping(folder / CONFIG_FILE), self._config.queue_bytes)
        return Version(
            model.name,
            unpacked_manifest(folder),
            model.archive,
            archive_digest(folder),
            folder,
            serving,
            Pool(Program(model.name, folder, self._environment), serving, self._witness, self._load_timeout_s),
        )
