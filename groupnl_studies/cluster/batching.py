"""Our own batching in a replica against `@serve.batch` around the same engine: the same proxy, load and cores."""

import asyncio
import json
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from fastapi import Response
from ray import serve

from groupnl.archive.model_config import read_setting
from groupnl.archive.read import CONFIG_FILE
from groupnl.base.say import Say
from groupnl.base.yaml_file import read_mapping
from groupnl.cluster.config import ClusterConfig
from groupnl.cluster.running import deploy
from groupnl.server.config import ServeConfig
from groupnl.server.engines import settle_engines
from groupnl.server.store import ServedModel, fill_store
from groupnl.service.items import Item
from groupnl.service.loading import load_service
from groupnl_studies.harness.client import Request
from groupnl_studies.harness.load import LoadProcess, Outcome
from groupnl_studies.harness.rounds import Ratio, in_turns, median_over
from groupnl_studies.harness.service import QUIET

logger = logging.getLogger("ray.serve")
OURS, RAYS = "our own batching", "@serve.batch"
_MAX_ONGOING = 64


class Plan(NamedTuple):
    """What is measured.

    Attributes:
        clients: how many ask at a time, in turn.
        rounds: how often each is measured.
        seconds: of each measurement.
    """

    clients: Sequence[int]
    rounds: int
    seconds: float


class _Batched:
    """What one would write on Ray Serve: a replica that holds the engine, and hands it what has been put together.

    Decoding, engine and answers are those of our workers; only queue and process are not.
    """

    def __init__(self, config: ServeConfig, model: ServedModel, folder: Path) -> None:
        fill_store(folder / "store", [model], config)
        settle_engines(folder, logger.info, lambda _: False)
        unpacked = folder / "store" / model.name
        settings = read_mapping(unpacked / CONFIG_FILE)
        self._service = load_service(unpacked, model.name, settings, batch_size=read_setting(settings, "batch_size"))
        self._thread = ThreadPoolExecutor(1)

    async def _answer(self, bodies: list[bytes]) -> list[dict[str, Any]]:
        items = [Item({"body": body}, {}) for body in bodies]
        replies = await asyncio.get_running_loop().run_in_executor(self._thread, self._service.answer, items)
        return [reply.body for reply in replies]


def batched(batch_size: int, delay_s: float) -> type[_Batched]:
    """The class with batches of so many, whose first request waits so long."""

    class Batched(_Batched):
        @serve.batch(max_batch_size=batch_size, batch_wait_timeout_s=delay_s)  # type: ignore[untyped-decorator]
        async def ask(self, bodies: list[bytes]) -> list[dict[str, Any]]:
            return await self._answer(bodies)

        async def __call__(self, request: Any) -> Response:
            answer: dict[str, Any] = await self.ask(await request.body())
            return Response(json.dumps(answer), media_type="application/json")  # of itself Ray tells no length

    return Batched


class Duel:
    """Both on the cluster to which this process is connected, behind one proxy; while one is asked, the other idles.

    Args:
        archive: that both serve.
        port: of the proxy.
        metrics_port: of the totals.
        folder: for logs and what is unpacked.
        cores: of a replica.
    """

    def __init__(self, archive: Path, port: int, metrics_port: int, folder: Path, cores: int) -> None:
        self._model = ServedModel(archive.stem, archive)
        self._port = port
        self._folder = folder
        self._cores = cores
        self._paths = {OURS: f"/predictions/{archive.stem}", RAYS: "/batched"}
        settings = {**QUIET, "twins": False, "log_dir": str(folder / "logs"), "model_store": str(archive.parent)}
        self._config = ServeConfig.model_validate(settings)
        ports = {"inference_port": port, "metrics_port": metrics_port}
        ours = {"archives": [str(archive)], "cpus": cores, "max_ongoing": _MAX_ONGOING}
        deploy(ClusterConfig.model_validate(settings | ports | ours))
        self._deploy_rays()

    def _deploy_rays(self) -> None:
        fill_store(self._folder / "packed", [self._model], self._config)
        packed = read_mapping(self._folder / "packed" / self._model.name / CONFIG_FILE)
        size, delay_ms = (read_setting(packed, name) for name in ("batch_size", "max_batch_delay_ms"))
        threads = {"env_vars": {"OMP_NUM_THREADS": str(self._cores)}}
        deployment = serve.deployment(
            batched(size, delay_ms / 1e3),
            name="batched",
            max_ongoing_requests=_MAX_ONGOING,
            ray_actor_options={"num_cpus": self._cores, "runtime_env": threads},
        )
        application = deployment.bind(self._config, self._model, self._folder / "rays")
        serve.run(application, name="batched", route_prefix=self._paths[RAYS])

    def measure(self, images: Sequence[bytes], plan: Plan, say: Say) -> dict[str, Any]:
        """Ask both in turns, with each number of clients.

        Args:
            images: that are asked about.
            plan: what is measured.
            say: prints a line.
        """
        found = {}
        with LoadProcess() as load:
            for clients in plan.clients:
                rounds = [self._round(load, images, clients, plan.seconds, number) for number in range(plan.rounds)]
                found[f"{clients} clients"] = figures = _figures(rounds)
                say(f"{clients} clients: {json.dumps(figures)}")
        return found

    def _round(
        self, load: LoadProcess, images: Sequence[bytes], clients: int, seconds: float, number: int
    ) -> dict[str, Outcome]:
        return {
            name: load.closed_loop(
                self._port, [Request(self._paths[name], image) for image in images], clients, seconds
            )
            for name in in_turns([OURS, RAYS], number)
        }


def _figures(rounds: Sequence[dict[str, Outcome]]) -> dict[str, Any]:
    """Of the rounds of one load: medians of each, and the ratio within a round."""
    ratio = Ratio.over(rounds, lambda one: one[OURS].throughput / one[RAYS].throughput)
    each = {name: _figures_of([one[name] for one in rounds]) for name in (OURS, RAYS)}
    lost = sum(one.failures for outcomes in rounds for one in outcomes.values())
    return {**each, "images a second, ours over Ray's": f"{ratio:.2f}", "lost": lost}


def _figures_of(outcomes: Sequence[Outcome]) -> dict[str, float]:
    return {
        "images a second": round(median_over(outcomes, lambda one: one.throughput), 1),
        "p50 ms": round(1e3 * median_over(outcomes, lambda one: one.quantile_s(0.5)), 1),
        "p99 ms": round(1e3 * median_over(outcomes, lambda one: one.quantile_s(0.99)), 1),
    }
