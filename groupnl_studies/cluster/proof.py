"""One service on several nodes under load, and what happens to it there."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
from prometheus_client.parser import text_string_to_metric_families
from ray import serve
from ray.serve.context import _get_global_client
from ray.serve.schema import ServeDeploySchema

from groupnl.base.say import Say
from groupnl.cluster.application import APPLICATION
from groupnl.cluster.config import ClusterConfig
from groupnl.cluster.running import connect, start_proxies
from groupnl.errors import ServerError
from groupnl_studies.cluster.load import Load, summary
from groupnl_studies.cluster.nodes import Nodes
from groupnl_studies.harness.service import HOST, RunningService, free_ports

LIMIT_S = 120.0
_SETTLED = 40  # answers in a row that say that something has happened
_UNCHANGED_S = 12.0  # longer than a replica waits before it hands over (5 s), and takes for it on a busy machine
_BUILD = "groupnl.cluster.application:build"
_COUNTED = "groupnl_answers_total"


class Proof:
    """A service of three replicas on three nodes.

    Args:
        nodes: of the cluster, which it can be asked to harm.
        archive: that is served.
        following: the same network under another version.
        folder: for logs and counts.
        load: asks.
        clients: how many ask at a time.
        say: prints a line.
    """

    def __init__(
        self, nodes: Nodes, archive: Path, following: Path, folder: Path, load: Load, clients: int, say: Say
    ) -> None:
        self._nodes = nodes
        self._archive = archive
        self._following = following
        self._load = load
        self._clients = clients
        self._say = say
        (self._metrics_port,) = free_ports(1)
        self._config: dict[str, Any] = {
            "archives": [str(archive)],
            "inference_port": nodes.port,
            "metrics_port": self._metrics_port,
            "replicas": "3",
            "log_dir": str(folder / "logs"),
            "state_dir": str(folder / "state"),
            "drain_s": 20,
            "health_period_s": 2,
        }
        self.found: dict[str, Any] = {}

    def run(self, seconds: float, *, brief: bool) -> dict[str, Any]:
        """Everything, one after the other.

        Args:
            seconds: of load around each change.
            brief: without the last one, in which replicas are exchanged and their number follows the load.
        """
        name = self._archive.stem
        start_proxies(ClusterConfig.model_validate(self._config))
        self._deploy()
        until(lambda: self._running() == 3, "three replicas run")
        with self._phase("quiet", seconds):
            pass
        self.found["counted before a kill"] = self._counts()
        with self._phase("replica killed", seconds):
            victim = self._nodes.replicas()[0]
            victim.kill()
            until(lambda: not victim.is_running() and len(self._nodes.replicas()) == 3, "it is replaced")
        with self._phase("node killed", seconds):
            self._nodes.kill_one_with_a_replica()
        until(lambda: len(self._nodes.replicas()) == 3 and self._running() == 3, "other nodes have its replica")
        self.found["counted after the kills"] = self._counts()
        self._exchange(name, seconds)
        if not brief:
            self._scale(name, seconds)
        self.found["counted at the end"] = self._counts()
        return self.found

    def _exchange(self, name: str, seconds: float) -> None:
        """Serve another version, in the same replicas."""
        before = {process.pid for process in self._nodes.replicas()}
        with self._phase("another version in place", seconds):
            self._deploy(user_config={name: str(self._following)})
            until(lambda: self._load.versions(_SETTLED) == {"2.0"}, "the new version answers")
        self.found["replicas kept in place"] = len(before & {process.pid for process in self._nodes.replicas()})

    def _scale(self, name: str, seconds: float) -> None:
        """Exchange the replicas for others, whose number follows the load."""
        with self._phase("replicas exchanged one by one", seconds):
            old = self._load.replicas(_SETTLED)
            scaling = {"replicas": "1:3", "target_ongoing": 1, "upscale_delay_s": 1, "downscale_delay_s": 3}
            self._config |= scaling | {"archives": [str(self._archive)], "queue_size": 90}
            self._deploy(user_config={name: str(self._following)})
            until(lambda: not (old & self._load.replicas(_SETTLED)), "none of the old replicas answers")
            until(lambda: self._running() == 3, "load has made three of them")
        until(lambda: self._running() == 1, "one is left without load")

    @contextmanager
    def _phase(self, name: str, seconds: float) -> Iterator[None]:
        first = len(self._load.seen)
        began = time.monotonic()
        with self._load.clients(self._clients):
            time.sleep(seconds / 2)
            yield
            time.sleep(seconds / 2)
        took = {"seconds": round(time.monotonic() - began, 1)}
        self.found[name] = summary(self._load.seen[first:]) | took
        self._say(f"{name}: {json.dumps(self.found[name])}")

    def _deploy(self, **deployment: Any) -> None:
        application = {
            "name": APPLICATION,
            "route_prefix": "/",
            "import_path": _BUILD,
            "args": self._config,
            "deployments": [{"name": "service", **deployment}] if deployment else [],
        }
        http = {"host": HOST, "port": self._nodes.port}
        schema = ServeDeploySchema.model_validate({"http_options": http, "applications": [application]})
        _get_global_client().deploy_apps(schema)

    def _running(self) -> int:
        application = serve.status().applications.get(APPLICATION)
        if application is None or "service" not in application.deployments:
            return 0
        if application.status == "DEPLOY_FAILED":
            raise ServerError(f"the service did not start: {application.deployments['service'].message}")
        return int(application.deployments["service"].replica_states.get("RUNNING", 0))

    def _counts(self) -> dict[str, float]:
        """What clients saw, and what the collector shows once every replica has handed over what they saw."""
        asked = sum(not seen.is_lost for seen in self._load.seen)
        counted, since = self._counted(), time.monotonic()
        while counted != asked and time.monotonic() - since < _UNCHANGED_S:
            time.sleep(0.5)
            if (now := self._counted()) != counted:
                counted, since = now, time.monotonic()
        return {"clients": asked, "collector": counted}

    def _counted(self) -> float:
        """The answers that the collector shows."""
        with urllib.request.urlopen(f"http://{HOST}:{self._metrics_port}/metrics", timeout=30) as page:
            families = list(text_string_to_metric_families(page.read().decode()))
        samples = [sample for family in families for sample in family.samples if sample.name == _COUNTED]
        return sum(sample.value for sample in samples if sample.labels["code"] == "200")


def until(is_so: Callable[[], bool], what: str) -> None:
    """Wait for it.

    Raises:
        ServerError: it does not happen.
    """
    deadline = time.monotonic() + LIMIT_S
    while not is_so():
        if time.monotonic() > deadline:
            raise ServerError(f"after {LIMIT_S:g} s it is not so that {what}")
        time.sleep(0.2)


def expected_of(archive: Path, images: Sequence[bytes], folder: Path) -> list[Mapping[str, float]]:
    """The answers of a single server to the images, each asked alone."""
    settings = {"shadow_share": 0.0}
    with RunningService(folder, [f"{archive.stem}={archive}"], settings) as service:
        service.wait_until_ready()
        return [_predict(service.inference_port, archive.stem, image) for image in images]


@contextmanager
def cluster(count: int) -> Iterator[Nodes]:
    """So many nodes, to which this process is connected."""
    with Nodes(count, room=2) as nodes:  # so that two of three can do it
        connect(nodes.address)
        try:
            yield nodes
        finally:
            serve.shutdown()
            ray.shutdown()


def _predict(port: int, model: str, image: bytes) -> Mapping[str, float]:
    request = urllib.request.Request(f"http://{HOST}:{port}/predictions/{model}", image, method="PUT")
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        found: dict[str, float] = json.load(answer)
        return found
