"""One service on several nodes under load, and what happens to it there."""

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from groupnl.base.say import Say
from groupnl.metrics import ANSWERS, OTHER, SHADOW_PAIRS
from groupnl_studies.cluster.compared import figures, labelled, verdicts, waiting
from groupnl_studies.cluster.deployed import Deployed, until
from groupnl_studies.cluster.load import Load, summary
from groupnl_studies.cluster.nodes import Nodes
from groupnl_studies.cluster.pages import Pages, Reading, added, below, of_verdicts, outside, total
from groupnl_studies.harness.haproxy import haproxy
from groupnl_studies.harness.ports import free_ports, listens

UNCOVERED = "proxy killed, without a balancer"
_SETTLED = 40  # answers in a row that say that something has happened


class Proof:
    """A service of several replicas on several nodes.

    Args:
        nodes: of the cluster, which it can be asked to harm.
        replicas: how many.
        archive: that is served.
        following: the same network under another version, which is the candidate.
        folder: for logs and counts.
        load: asks the head's proxy.
        others: asks another node's, about other images.
        clients: how many ask at a time.
        haproxy: program before two nodes' proxies, one of which is killed; None: none is.
        say: prints a line.
    """

    def __init__(
        self,
        nodes: Nodes,
        replicas: int,
        archive: Path,
        following: Path,
        folder: Path,
        load: Load,
        others: Load,
        clients: int,
        haproxy: Path | None,
        say: Say,
    ) -> None:
        self._nodes = nodes
        self._replicas = replicas
        self._model = archive.stem
        self._archive = archive
        self._following = following
        self._load = load
        self._others = others
        self._clients = clients
        self._haproxy = haproxy
        self._folder = folder
        self._say = say
        (metrics_port,) = free_ports(1)
        self._pages = Pages(metrics_port)
        settings = {
            "archives": [str(archive)],
            "candidates": [f"{self._model}={following}"],
            "model_store": str(archive.parent),
            "inference_port": nodes.ports[0],
            "metrics_port": metrics_port,
            "replicas": str(replicas),
            "log_dir": str(folder / "logs"),
            "state_dir": str(folder / "state"),
            "drain_s": 20,
            "health_period_s": 2,
        }
        self._service = Deployed(settings, self._pages)
        self.found: dict[str, Any] = {}

    def run(self, seconds: float, *, brief: bool) -> dict[str, Any]:
        """Everything, one after the other.

        Args:
            seconds: of load around each change.
            brief: without the last one, in which replicas are exchanged and their number follows the load.
        """
        self._say("the proxies listen")
        self._service.deploy()
        until(self._has_all, "all replicas run")
        self._say(f"{self._replicas} replicas run")
        self.found["niceness of the replicas"] = sorted({process.nice() for process in self._nodes.replicas()})
        with self._phase("quiet", seconds):
            pass
        self._compare()
        with self._phase("replica killed", seconds):
            (name,) = self._load.replicas(1)
            victim = psutil.Process(self._service.running()[name])
            victim.kill()
            until(lambda: victim not in self._nodes.replicas() and self._are_all_there(), "it is replaced")
        with self._phase("node killed", seconds):
            self._nodes.kill(self._nodes.with_a_replica())
        until(self._has_all, "other nodes have its replica")
        self.found["counted after the kills"] = counted = self._counts()
        self._promote(seconds)
        if self._haproxy is not None:
            self._balance(self._haproxy, seconds)
        if not brief:
            self._scale(seconds)
        self.found["counted at the end"] = self._counts(counted["clients"] - counted["totals"])
        return self.found

    def _compare(self) -> None:
        """What two nodes' replicas have counted beside their answers."""
        self._load.ask_once(self._nodes.ports[0])  # a slow machine's clients had not come to each
        self._others.ask_once(self._nodes.ports[self._nodes.with_a_replica()])
        images = [*self._load.images, *self._others.images]
        classes = [*self._load.classes(), *self._others.classes()]
        labels = labelled(self._pages, self._model, images, classes)
        self.found["counted before a kill"] = self._counts(lost=0)
        until(lambda: waiting(self._pages.totals()) == 0, "every chosen image is answered again")
        read = self._read()
        self.found["compared"] = {
            "images": len(images),
            "replicas with pairs": sum(total(counted, SHADOW_PAIRS) > 0 for counted in self._service.each().values()),
            **figures(read.counted, self._model),
            "labels": labels,
            "verdicts": verdicts(self._pages, self._model, self._following.stem),
            "not the sum of the replicas": outside(read),
        }
        self._say(f"compared: {json.dumps(self.found['compared'])}")

    def _promote(self, seconds: float) -> None:
        """Serve the candidate, in the same replicas."""
        before = self._pids()
        with self._phase("candidate promoted in place", seconds):
            self._service.deploy(user_config={self._model: str(self._following)})
            until(lambda: self._load.versions(_SETTLED) == {"2.0"}, "the new version answers")
            until(self._service.is_as_deployed, "all replicas have it")
        self.found["replicas kept in place"] = len(before & self._pids())
        self.found["verdicts that are not of the promoted"] = outside(Reading(*map(of_verdicts, self._read())))

    def _balance(self, program: Path, seconds: float) -> None:
        """Kill what clients ask: a node's proxy, alone and behind a balancer, then the whole node."""
        self._nodes.add()
        node = self._nodes.with_a_replica()
        port = self._nodes.ports[node]
        until(lambda: listens(port), "the node's proxy answers")
        with self._phase(UNCOVERED, seconds, port):
            self._kill_proxy(node)
        with haproxy(program, self._folder, (self._nodes.ports[0], port)) as own:
            with self._phase("proxy killed behind HAProxy", seconds, own):
                self._kill_proxy(node)
            with self._phase("node killed behind HAProxy", seconds, own):
                self._nodes.kill(node)
        until(self._has_all, "other nodes have its replica")

    def _kill_proxy(self, node: int) -> None:
        port = self._nodes.ports[node]
        self._nodes.kill_proxy(node)
        until(lambda: not listens(port), "the proxy is gone")
        until(lambda: listens(port), "Ray has started another one")

    def _scale(self, seconds: float) -> None:
        """Exchange the replicas for others, whose number follows the load."""
        with self._phase("replicas exchanged one by one", seconds):
            old = self._load.replicas(_SETTLED)
            scaling = {"replicas": "1:3", "target_ongoing": 1, "upscale_delay_s": 1, "downscale_delay_s": 3}
            self._service.deploy(scaling | {"queue_size": 90}, user_config={self._model: str(self._following)})
            until(lambda: not (old & self._load.replicas(_SETTLED)), "none of the old replicas answers")
            until(lambda: len(self._service.running()) == 3, "load has made three of them")
        until(lambda: len(self._service.running()) == 1, "one is left without load")

    @contextmanager
    def _phase(self, name: str, seconds: float, port: int | None = None) -> Iterator[None]:
        """Clients ask all the time, at the head's proxy where no port is given."""
        first = len(self._load.seen)
        began = time.monotonic()
        with self._load.clients(self._clients, port or self._nodes.ports[0]):
            time.sleep(seconds / 2)
            yield
            time.sleep(seconds / 2)
        took = {"seconds": round(time.monotonic() - began, 1)}
        self.found[name] = summary(self._load.seen[first:]) | took
        self._say(f"{name}: {json.dumps(self.found[name])}")

    def _read(self) -> Reading:
        """What the totals show, and what the replicas' own pages said before and after, added up."""
        low = added(self._service.each().values())
        self._service.settle(lambda: not below(self._pages.totals(), low))
        return Reading(self._pages.totals(), low, added(self._service.each().values()))

    def _has_all(self) -> bool:
        return self._are_all_there() and len(self._service.running()) == self._replicas

    def _are_all_there(self) -> bool:
        """Whether Ray has a process for each replica, whatever it does so far."""
        return len(self._nodes.replicas()) == self._replicas

    def _pids(self) -> set[int]:
        return {process.pid for process in self._nodes.replicas()}

    def _counts(self, lost: float = math.nan) -> dict[str, int]:
        """What clients saw, and what the totals show once every replica has handed over what they saw.

        Args:
            lost: by kills before.
        """
        asked = sum(not seen.is_lost for load in (self._load, self._others) for seen in load.seen)
        self._service.settle(lambda: asked - self._answers() == lost)
        return {"clients": asked, "totals": self._answers()}

    def _answers(self) -> int:
        """What clients were answered, without a balancer's checks."""
        totals = self._pages.totals()
        return total(totals, ANSWERS, code="200") - total(totals, ANSWERS, code="200", protocol=OTHER)
