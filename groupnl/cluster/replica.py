"""A replica on Ray Serve: one service, its health, and what it has counted on its way to the collector."""

import asyncio
import logging
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import ray
from ray import serve

from groupnl.cluster.collector import collector
from groupnl.cluster.config import EVERYWHERE, ClusterConfig
from groupnl.cluster.memories import memories
from groupnl.cluster.service import Service
from groupnl.cluster.totals import Counted, HandOver, handed_over
from groupnl.server.assembly import Place
from groupnl.server.comparison import Comparison
from groupnl.server.labels.labels import Standing, Taken
from groupnl.server.web.exchange import Receive, Scope, Send

logger = logging.getLogger("ray.serve")
REPLICA_HEADER = "x-groupnl-replica"  # of every answer: who gave it
HAND_OVER_S = 1.0  # what is counted in this time is lost when a replica is killed
_LATE_S = 10.0  # for one handing over
_LEAST_PAUSE, _LONGEST_PAUSE_S = 20, 5.0  # times as long as the processor was busy with it; but never longer


class Replica:
    """What Ray Serve starts, on whichever node has room.

    Args:
        config: of the cluster.
    """

    def __init__(self, config: ClusterConfig) -> None:
        context = serve.get_replica_context()
        self._name = context.replica_id.unique_id
        self._config = config
        self._service: Service | None = None
        self._memories = ExitStack()  # held until the service has ended
        self._metrics_host = config.metrics_host  # by which others find this replica's own metrics
        self._handing: asyncio.Task[None] | None = None

    def __serve_build_asgi_app__(self) -> Any:
        """What Ray Serve asks for the application that it mounts."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:  # no method: uvicorn takes those for ASGI 2
            await self._answer(scope, receive, send)

        return app

    async def reconfigure(self, archives: dict[str, str]) -> None:
        """Serve these archives: at the start, and whenever they are others, in place and without a pause.

        Args:
            archives: model -> file, which this node can read.
        """
        if self._service is not None:
            await self._service.serve_archives(archives)
            return
        node = ray.util.get_node_ip_address()
        config = self._config.of_a_replica(archives, self._config.log_dir / self._name, node)
        config.log_dir.mkdir(parents=True, exist_ok=True)
        self._metrics_host = node if config.metrics_host == EVERYWHERE else config.metrics_host
        raylet = os.getppid()  # Ray's process of this node, which starts all others
        session = ray.get_runtime_context().get_session_name()
        place = self._memories.enter_context(memories(raylet, session, archives))
        service = Service(config, Place(max(1, int(self._config.cpus)), place, metrics_port=0))
        try:
            await service.start()
        except BaseException:
            await service.close()
            await asyncio.to_thread(service.end)
            self._memories.close()
            raise
        self._service = service
        self._handing = asyncio.create_task(self._hand_over_again_and_again(service))

    async def check_health(self) -> None:
        """Ask each model for a prediction; whatever this raises, Ray Serve replaces the replica."""
        if self._service is not None:
            await self._service.check()

    async def look_at_labels(self, contents: Sequence[Any]) -> tuple[str, list[Standing] | None]:
        """This replica's name, and what would become of labels here; see `groupnl.cluster.labels`."""
        look = None if self._service is None else await asyncio.to_thread(self._service.labels.look, contents)
        return self._name, look

    async def join_labels(self, parts: Mapping[str, Sequence[Any]]) -> tuple[str, Taken | None]:
        """This replica's name, and what became of the labels that it is to join, of all replicas' labels."""
        if self._service is None or self._name not in parts:
            return self._name, None
        return self._name, await asyncio.to_thread(self._service.labels.take, parts[self._name])

    async def __del__(self) -> None:
        service, self._service = self._service, None
        if service is None or self._handing is None:
            return
        self._handing.cancel()
        await service.close()
        try:
            await self._hand_over(service, is_last=True)
        finally:
            await asyncio.to_thread(service.end)
            self._memories.close()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def signed(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (REPLICA_HEADER.encode(), self._name.encode())]
            await send(message)

        if scope["type"] == "lifespan":
            await _begin_and_end(receive, send)
        elif self._service is not None:
            await self._service.answer(scope, receive, signed)

    async def _hand_over_again_and_again(self, service: Service) -> None:
        while True:
            busy_s = 0.0
            try:
                busy_s = await self._hand_over(service, is_last=False)
            except Exception:
                logger.exception("what was counted could not be handed over; it is tried again")
            await asyncio.sleep(min(max(HAND_OVER_S, _LEAST_PAUSE * busy_s), _LONGEST_PAUSE_S))

    async def _hand_over(self, service: Service, *, is_last: bool) -> float:
        """Returns the seconds of processor time that it took."""
        comparisons, metrics, busy_s = await asyncio.to_thread(_counted, service)
        address = f"{self._metrics_host}:{service.metrics_port}"
        handed = HandOver(self._name, address, comparisons, metrics, is_last)
        async with asyncio.timeout(_LATE_S):
            totals = await asyncio.to_thread(collector, self._config)
            await totals.take.remote(handed)
        return busy_s


def _counted(service: Service) -> tuple[dict[str, Comparison], tuple[Counted, ...], float]:
    began = time.thread_time()
    comparisons = service.comparisons()  # before what is counted of them
    metrics = handed_over(service.counted())
    return comparisons, metrics, time.thread_time() - began


async def _begin_and_end(receive: Receive, send: Send) -> None:
    """ASGI's beginning and end of an application: archives come by `reconfigure`, and go with the replica."""
    while (kind := (await receive())["type"]) != "lifespan.shutdown":
        await send({"type": f"{kind}.complete"})
    await send({"type": "lifespan.shutdown.complete"})
