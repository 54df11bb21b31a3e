"""One replica's service: what `groupnl serve` runs, without a socket for its clients."""

import asyncio
import logging
import threading
from collections.abc import Mapping, MutableMapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from prometheus_client import Metric

from groupnl.base.files import sha256_of
from groupnl.cluster.one_id import without_id
from groupnl.errors import ConfigError, QueueFullError, ServerError
from groupnl.server.assembly import Assembly, Place, assembled
from groupnl.server.comparison import Comparison
from groupnl.server.config import ServeConfig
from groupnl.server.labels.labels import Labels
from groupnl.server.pool.models import Version
from groupnl.server.pool.probe import probe
from groupnl.server.store import served_models
from groupnl.server.web.exchange import Receive, Scope, Send

logger = logging.getLogger(__name__)


class Service:
    """Queues, worker processes, shadow paths and counts of one replica, behind an ASGI application.

    Args:
        config: of the replica, whose models are its first ones.
        place: where it runs.
    """

    def __init__(self, config: ServeConfig, place: Place) -> None:
        self._config = config
        self._place = place
        self._stack = ExitStack()
        self._ended = threading.Event()
        self._parts: Assembly | None = None

    async def start(self) -> None:
        """Load the models; returns when each has answered a first image.

        Raises:
            ConfigError, ArchiveError, ServerError: it cannot be served.
        """
        models = served_models(self._config)
        assembly = assembled(self._config, models, logger.info, self._ended.wait, self._place)
        self._parts = await asyncio.to_thread(self._stack.enter_context, assembly)
        await self._parts.backend.start()
        await self.check()

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; see the ASGI specification. Its id is written on the answer by Ray's proxy, and not twice."""

        async def send_without_id(message: MutableMapping[str, Any]) -> None:
            await send(without_id(message))

        await self._started.backend.app(scope, receive, send_without_id)

    async def serve_archives(self, archives: Mapping[str, str]) -> None:
        """Exchange the models whose archive is another one now, without a request that fails.

        Args:
            archives: model -> its archive.

        Raises:
            ArchiveError, ConfigError, ServerError: one cannot be served; what was served before goes on.
        """
        backend = self._started.backend
        served = {version.name for version in backend.models.current()}
        if served != archives.keys():
            raise ConfigError(
                f"user_config names the archives of {', '.join(sorted(archives)) or 'no model'}, and replicas serve "
                f"{', '.join(sorted(served))}: name all of these and no others, or change archives in args, which "
                "replaces the replicas"
            )
        for version in backend.models.current():
            archive = Path(archives[version.name])
            if await asyncio.to_thread(_differs, version, archive):
                await backend.reloads.reload(version.name, archive)

    async def check(self) -> None:
        """Ask each model for a prediction.

        Raises:
            RefusedError, ServerError: one does not answer.
        """
        for version in self._started.backend.models.current():
            with suppress(QueueFullError):  # more to do than it can: its workers are there, and a stuck one is ended
                await probe(version)

    @property
    def labels(self) -> Labels:
        """What joins labels to the answers that were given on this node."""
        return self._started.labels

    @property
    def metrics_port(self) -> int:
        """Where the replica's own metrics are."""
        return self._started.endpoint.port

    def counted(self) -> list[Metric]:
        """Everything that its metrics show; takes some 50 ms."""
        return list(self._started.endpoint.registry.collect())

    def comparisons(self) -> dict[str, Comparison]:
        """What each model's counted verdicts are about.

        To be asked before `counted`: while archives are exchanged the old verdicts are counted until nobody adds to
        them any more, and then are gone at once. So none of them passes for one of the new archive's.
        """
        return self._started.kept.comparisons()

    async def close(self) -> None:
        """End every worker; what was asked has been answered before."""
        self._ended.set()
        if self._parts is not None:
            await self._parts.backend.close()

    def end(self) -> None:
        """Close the metrics, and remove the run's directory."""
        self._stack.close()

    @property
    def _started(self) -> Assembly:
        if self._parts is None:
            raise ServerError("the replica's service has not been started")
        return self._parts


def _differs(version: Version, archive: Path) -> bool:
    return sha256_of(archive) != version.digest
