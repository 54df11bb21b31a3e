"""One replica's service: what `groupnl serve` runs, without a listening socket of its own."""

import asyncio
import logging
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from prometheus_client import Metric

from groupnl.base.cores import usable_cores
from groupnl.base.files import sha256_of
from groupnl.errors import ConfigError, QueueFullError, ServerError
from groupnl.server.assembly import Assembly, Place, assembled
from groupnl.server.comparison import Comparison
from groupnl.server.config import ServeConfig
from groupnl.server.grey_image import REFUSALS, grey_image
from groupnl.server.labels.serving import labels_app
from groupnl.server.observed.gauges import Gauges
from groupnl.server.pool.models import Models, Version
from groupnl.server.pool.reload import Reloads
from groupnl.server.store import served_models
from groupnl.server.web.app import App
from groupnl.server.web.arriving import Arriving
from groupnl.server.web.cors import Cors
from groupnl.server.web.exchange import Receive, Scope, Send
from groupnl.server.web.limits import Limits
from groupnl.server.web.routes import public_routes
from groupnl.server.web.state import State
from groupnl.service.items import KEY_HEADER, OWN_KEY
from groupnl.worker.wire import Part

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
        self._state = State()
        self._models = Models()
        self._stack = ExitStack()
        self._ended = threading.Event()
        self._app: App
        self._parts: Assembly
        self._reloads: Reloads
        self._rereading: asyncio.Task[None]

    async def start(self) -> None:
        """Load the models; returns when each has answered a first image.

        Raises:
            ConfigError, ArchiveError, ServerError: it cannot be served.
        """
        config = self._config
        models = served_models(config)
        self._parts = parts = await asyncio.to_thread(
            self._stack.enter_context, assembled(config, models, logger.info, self._ended.wait, self._place)
        )
        self._reloads = Reloads(self._models, parts.loader, parts.watch.counts)
        for version in parts.loader.versions(models, parts.store):
            self._models.add(version)
        limits = Limits(config.receive_timeout_s, config.request_timeout_s, Arriving(config.queue_bytes))
        routes = public_routes(self._models, limits, self._state, playground=config.playground)
        self._app = App(routes, self._state, parts.watch, parts.access.public, Cors(config.cors_origin))
        parts.watch.show(Gauges(self._models, self._state, lambda: self._state.in_hand))
        remembering = config.model_copy(update={"state_dir": self._place.memories})
        parts.endpoint.also |= labels_app(
            remembering,
            parts.run_dir,
            lambda name: self._models.find(name).folder,
            parts.kept.workers,
            parts.access.metrics_keys,
        )
        parts.endpoint.start()
        self._rereading = asyncio.create_task(parts.access.rereading.follow())
        turn = asyncio.Semaphore(usable_cores())
        await asyncio.gather(*(version.pool.start(turn) for version in self._models))
        await self.check()

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; see the ASGI specification."""
        await self._app(scope, receive, send)

    async def serve_archives(self, archives: Mapping[str, str]) -> None:
        """Exchange the models whose archive is another one now, without a request that fails.

        Args:
            archives: model -> its archive.

        Raises:
            ArchiveError, ConfigError, ServerError: one cannot be served; what was served before goes on.
        """
        served = {version.name for version in self._models.current()}
        if served != archives.keys():
            raise ConfigError(
                f"user_config names the archives of {', '.join(sorted(archives)) or 'no model'}, and replicas serve "
                f"{', '.join(sorted(served))}: name all of these and no others, or change archives in args, which "
                "replaces the replicas"
            )
        for version in self._models.current():
            archive = Path(archives[version.name])
            if await asyncio.to_thread(_differs, version, archive):
                await self._reloads.reload(version.name, archive)

    async def check(self) -> None:
        """Ask each model for a prediction.

        Raises:
            RefusedError, ServerError: one does not answer.
        """
        for version in self._models.current():
            try:
                (ticket,) = version.pool.submit([Part({KEY_HEADER.lower(): OWN_KEY}, grey_image())])
            except QueueFullError:
                continue  # it has more to do than it can: its workers are there, and a stuck one is ended
            status = int((await ticket.answer).facts["status"])
            if status != 200 and status not in REFUSALS:
                raise ServerError(f"{version.name} answered a grey image with {status}")

    @property
    def metrics_port(self) -> int:
        """Where the replica's own metrics are."""
        return self._parts.endpoint.port

    def counted(self) -> list[Metric]:
        """Everything that its metrics show; takes some 50 ms."""
        return list(self._parts.endpoint.registry.collect())

    def comparisons(self) -> dict[str, Comparison]:
        """What each model's counted verdicts are about.

        To be asked before `counted`: while archives are exchanged the old verdicts are counted until nobody adds to
        them any more, and then are gone at once. So none of them passes for one of the new archive's.
        """
        return self._parts.kept.comparisons()

    async def close(self) -> None:
        """End every worker; what was asked has been answered before."""
        self._state.is_stopping = True
        self._ended.set()
        if hasattr(self, "_rereading"):
            self._rereading.cancel()
        await asyncio.gather(*(version.pool.close() for version in self._models))

    def end(self) -> None:
        """Close the metrics, and remove the run's directory."""
        if hasattr(self, "_rereading"):
            self._parts.endpoint.close()
        self._stack.close()


def _differs(version: Version, archive: Path) -> bool:
    return sha256_of(archive) != version.digest
