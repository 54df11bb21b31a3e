"""What answers, whoever listens: the models with their queues and worker processes, and the application before them.

Our own server (`front.py`) has sockets for it, a replica on Ray Serve (`groupnl.cluster.service`) is handed requests.
"""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

from groupnl.base.cores import usable_cores
from groupnl.server.access import Access
from groupnl.server.config import ServeConfig
from groupnl.server.observed.gauges import Gauges
from groupnl.server.observed.watch import Watch
from groupnl.server.pool.loading import Loader
from groupnl.server.pool.models import Models, Version
from groupnl.server.pool.reload import Reloads
from groupnl.server.web.app import App
from groupnl.server.web.arriving import Arriving
from groupnl.server.web.cors import Cors
from groupnl.server.web.limits import Limits
from groupnl.server.web.proxies import Proxies
from groupnl.server.web.routes import public_routes
from groupnl.server.web.state import State


class Backend:
    """Everything between a request and its answer.

    Args:
        config: of this start.
        access: who may do what.
        versions: of the models, whose workers have not been started.
        loader: makes further versions.
        watch: learns of every request.

    Attributes:
        access: who may do what.
        watch: learns of every request.
        state: of the server.
        models: that are served.
        limits: of a request.
        reloads: exchanges the models' versions.
        proxies: that may say who asks.
        app: the ASGI application for clients and balancers.
        connections: tells how many are open. Who listens knows that, and sets it; else it is as many as there are
            requests in hand.
    """

    def __init__(
        self, config: ServeConfig, access: Access, versions: Iterable[Version], loader: Loader, watch: Watch
    ) -> None:
        self.access = access
        self.watch = watch
        self.state = State()
        self.models = Models()
        for version in versions:
            self.models.add(version)
        self.reloads = Reloads(self.models, loader, watch.counts)
        self.limits = Limits(config.receive_timeout_s, config.request_timeout_s, Arriving(config.queue_bytes))
        routes = public_routes(self.models, self.limits, self.state, playground=config.playground)
        self.proxies = Proxies(config.trusted_proxies, config.client_header)
        self.app = App(routes, self.state, watch, access.public, Cors(config.cors_origin), self.proxies)
        self.connections: Callable[[], int] = lambda: self.state.in_hand
        watch.show(Gauges(self.models, self.state, lambda: self.connections()))
        self._rereading: asyncio.Task[None] | None = None

    def folder_of(self, model: str) -> Path:
        """Where the version is unpacked that answers who asks for none; raises NotFoundError."""
        return self.models.find(model).folder

    async def start(self) -> None:
        """Start the workers, and return when all have loaded their models; keys and certificate are followed meanwhile.

        Raises:
            ServerError: a model cannot be loaded.
        """
        self._rereading = asyncio.create_task(self.access.rereading.follow())
        turn = asyncio.Semaphore(usable_cores())  # more at a time would only keep each other from being ready
        await asyncio.gather(*(version.pool.start(turn) for version in self.models))

    async def close(self) -> None:
        """End every worker; what is to be answered has been answered before."""
        self.state.is_stopping = True
        if self._rereading is not None:
            self._rereading.cancel()
        await asyncio.gather(*(version.pool.close() for version in self.models))
