"""The one place where all replicas' counts are added up: an actor on the head node, with an address for Prometheus."""

import json
import logging
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIServer, make_server

import ray
from prometheus_client import CollectorRegistry, Metric
from pydantic import TypeAdapter, ValidationError

from groupnl.base.atomic_file import write_whole
from groupnl.cluster.config import APPLICATION, DEPLOYMENT, ClusterConfig
from groupnl.cluster.labels import LabelsOfAll, asks_all
from groupnl.cluster.totals import HandOver, Known, Totals
from groupnl.errors import ConfigError, GroupNLError
from groupnl.server.access import read_access
from groupnl.server.labels.serving import labels_at
from groupnl.server.metrics_endpoint import QuietHandler, QuietServer, by_path, with_keys
from groupnl.server.observed.metrics_page import metrics_page
from groupnl.server.web.answer import Answer
from groupnl.server.wsgi import StartResponse, respond

logger = logging.getLogger("ray.serve")
NAME = "groupnl-counts"
NAMESPACE = "groupnl"
TARGETS = "/replicas"  # a document of Prometheus' HTTP service discovery: each replica by itself
FILE = "cluster-counts.json"
SAVE_S = 30.0  # at least so often, also where nobody asks for the metrics
_HEAD = {"node:__internal_head__": 0.001}  # Ray's mark of the head node
_known = TypeAdapter(Known)


class Collector:
    """Takes what replicas hand over, and shows the sum.

    Args:
        config: of the cluster; its metrics port is where the sum is shown, and its state folder where it is kept.
    """

    def __init__(self, config: ClusterConfig) -> None:
        self._file = config.state_dir / FILE if config.state_dir else None
        self._totals = Totals(_read(self._file) if self._file else Known())
        self._deployer: str | None = None
        self._saving = threading.Lock()
        self._saved = time.monotonic()
        self._server = self._serve(config)
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    def take(self, handed: HandOver) -> None:
        """A replica hands over what it has counted so far."""
        self._totals.take(handed)
        if handed.is_last or time.monotonic() - self._saved > SAVE_S:
            self.save()

    def times(self) -> dict[str, int]:
        """How often each living replica has handed over."""
        return self._totals.times()

    def address(self) -> tuple[str, int]:
        """Host and port of the metrics."""
        host, port = self._server.server_address[:2]
        return str(host), int(port)

    def deployed(self, by: str) -> None:
        """The application is this command's from now on, and no other one takes it away."""
        self._deployer = by

    def deployer(self) -> str | None:
        """The command that deployed the application last; None: none has since this began."""
        return self._deployer

    def describe(self) -> list[Metric]:
        """Nothing: nobody else has these names."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The sum; what it shows is on the disk before, so that a counter never goes back."""
        metrics = list(self._totals.collect())
        self.save()
        yield from metrics

    def save(self) -> None:
        """Write everything that was handed over. A disk that takes no more is told, and harms nobody."""
        if self._file is None:
            return
        with self._saving:
            self._saved = time.monotonic()
            try:
                write_whole(self._file, _known.dump_json(self._totals.all()).decode())
            except (OSError, GroupNLError) as error:
                logger.warning("what replicas have counted cannot be kept: %s", error)

    def _serve(self, config: ClusterConfig) -> WSGIServer:
        registry = CollectorRegistry()
        registry.register(self)
        app = by_path({TARGETS: self._targets}, metrics_page(registry, config.metrics_detail))
        keys = read_access(config).metrics_keys
        app = app if keys is None else with_keys(app, keys)
        app = by_path(labels_at(config.metrics_host, LabelsOfAll(asks_all(APPLICATION, DEPLOYMENT)), keys), app)
        return make_server(config.metrics_host, config.metrics_port, app, QuietServer, QuietHandler)

    def _targets(self, _: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        groups = [
            {"targets": [handed.address], "labels": {"replica": handed.replica}} for handed in self._totals.living()
        ]
        return respond(Answer(200, json.dumps(groups).encode()), start_response)


def collector(config: ClusterConfig) -> "ray.actor.ActorHandle[Collector]":
    """The cluster's collector; started where there is none.

    It is no part of the application, so that replacing all replicas leaves it as it is. Waits for Ray.
    """
    try:
        found: ray.actor.ActorHandle[Collector] = ray.get_actor(NAME, NAMESPACE)
        return found
    except ValueError:  # there is none
        options = {"num_cpus": 0, "resources": _HEAD, "max_restarts": -1}
        kept = {"name": NAME, "namespace": NAMESPACE, "lifetime": "detached", "get_if_exists": True}
        return ray.remote(Collector).options(**kept, **options).remote(config)


def _read(file: Path) -> Known:
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        return Known()
    try:
        return _known.validate_json(file.read_bytes())
    except ValidationError as error:
        raise ConfigError(
            f"{file} is damaged, or not what a cluster keeps ({error.error_count()} problems): move it away, and the "
            "counts begin anew, or choose another --state-dir"
        ) from None
