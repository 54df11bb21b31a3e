"""Ray's nodes, several on this machine: each with a raylet, processes and a proxy of its own."""

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
from ray.cluster_utils import Cluster

from groupnl.base.environment import report_no_usage
from groupnl_studies.harness.service import free_ports

_REPLICA = "ServeReplica"  # in the names of their processes
_SMALL = {"object_store_memory": 80 * 1024 * 1024, "include_dashboard": False}


class Nodes:
    """A cluster, which ends with a `with` block; the first node is its head.

    Args:
        count: of nodes.
        room: replicas that each has room for.

    Attributes:
        port: of the head's proxy.
    """

    def __init__(self, count: int, room: int = 1) -> None:
        report_no_usage()
        (self.port,) = free_ports(1)
        self._room = room
        self._folder = Path(tempfile.mkdtemp(prefix="gnlray", dir="/tmp"))
        head = {"num_cpus": room, "temp_dir": str(self._folder), **_SMALL}
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        for _ in range(count - 1):
            self.add()

    @property
    def address(self) -> str:
        """Where Ray's drivers connect."""
        return str(self._cluster.address)

    def add(self) -> None:
        """Add a node, whose proxy has a port of its own."""
        (port,) = free_ports(1)
        proxy = {"RAY_SERVE_WORKER_PROXY_HTTP_PORT": str(port)}
        self._cluster.add_node(num_cpus=self._room, env_vars=proxy, **_SMALL)

    def replicas(self) -> list[psutil.Process]:
        """The processes of all replicas."""
        return [process for node in self._cluster.list_all_nodes() for process in _replicas_of(node)]

    def kill_one_with_a_replica(self) -> None:
        """Kill a node that is not the head, and has a replica: all its processes, by KILL."""
        node = next(node for node in self._cluster.worker_nodes if _replicas_of(node))
        started = psutil.Process(_raylet(node)).children(recursive=True)
        self._cluster.remove_node(node, allow_graceful=False)
        for process in started:
            _kill(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cluster.shutdown()
        shutil.rmtree(self._folder, ignore_errors=True)


def _raylet(node: Any) -> int:
    return int(node.all_processes["raylet"][0].process.pid)


def _replicas_of(node: Any) -> list[psutil.Process]:
    children = psutil.Process(_raylet(node)).children(recursive=True)
    return [process for process in children if _REPLICA in _name(process)]


def _name(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return
