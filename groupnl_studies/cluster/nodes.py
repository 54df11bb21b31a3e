"""Ray's nodes, several on this machine: each with a raylet, processes and a proxy of its own."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import ray
from ray import serve
from ray._common.utils import get_default_ray_temp_dir
from ray.cluster_utils import Cluster

from groupnl.base.environment import prepare_ray
from groupnl.cluster.running import connect
from groupnl_studies.harness.closed import Closed
from groupnl_studies.harness.ports import HOST, free_ports

_REPLICA, _PROXY = "ServeReplica", "ProxyActor"  # in the names of their processes
_SMALL = {"node_ip_address": HOST, "object_store_memory": 80 * 1024 * 1024, "include_dashboard": False}
_NEITHER = {"no_monitor": True, "include_log_monitor": False}  # programs of Ray's that nobody needs here
# Ray looks for dead nodes every 3 s, and believes it after five looks; a study need not wait for that. No processes
# are started before there is something to do.
_QUICK = {"health_check_initial_delay_ms": 1000, "health_check_period_ms": 500, "prestart_worker_first_driver": False}


class Nodes(Closed):
    """A cluster, which ends with a `with` block; the first node is its head.

    Args:
        count: of nodes.
        room: cores that each says it has; a replica needs one, where its settings do not say otherwise.

    Attributes:
        ports: of the nodes' proxies, in order; those of nodes that have ended are among them.
    """

    def __init__(self, count: int, room: int) -> None:
        prepare_ray()
        self.ports: list[int] = []
        self._room = room
        self._nodes: list[Any] = []  # in order; None: it was killed
        self._folder = Path(tempfile.mkdtemp(prefix="gnlray", dir="/tmp"))
        Path(get_default_ray_temp_dir()).mkdir(exist_ok=True)  # where Ray notes the address; only init() makes it
        self._cluster = Cluster()
        try:
            for _ in range(count):
                self.add(wait=False)  # they start at the same time
            self._cluster.wait_for_nodes()
        except BaseException:
            self.close()
            raise

    @property
    def address(self) -> str:
        """Where Ray's drivers connect."""
        return str(self._cluster.address)

    def add(self, *, wait: bool = True) -> None:
        """Add a node, whose proxy has a port of its own.

        Args:
            wait: until it runs.
        """
        (port,) = free_ports(1)
        self.ports.append(port)
        if self._nodes:
            own: dict[str, Any] = {"env_vars": {"RAY_SERVE_WORKER_PROXY_HTTP_PORT": str(port)}}
        else:
            own = {"temp_dir": str(self._folder), "_system_config": _QUICK, **_NEITHER}
        self._nodes.append(self._cluster.add_node(wait, num_cpus=self._room, **own, **_SMALL))

    def replicas(self) -> list[psutil.Process]:
        """The processes of all replicas."""
        return [process for node in self._cluster.list_all_nodes() for process in _of(node, _REPLICA)]

    def with_a_replica(self) -> int:
        """The number of a node that is not the head, and has a replica."""
        return next(
            number for number, node in enumerate(self._nodes) if number and node is not None and _of(node, _REPLICA)
        )

    def kill(self, number: int) -> None:
        """Kill a node that is not the head: all its processes, by KILL."""
        node = self._nodes[number]
        started = psutil.Process(_raylet(node)).children(recursive=True)
        self._cluster.remove_node(node, allow_graceful=False)
        self._nodes[number] = None
        for process in started:
            _kill(process)

    def kill_proxy(self, number: int) -> None:
        """Kill a node's proxy, by KILL."""
        for process in _of(self._nodes[number], _PROXY):
            _kill(process)

    def close(self) -> None:
        """End it."""
        self._cluster.shutdown()
        shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def cluster(count: int, room: int) -> Iterator[Nodes]:
    """Nodes to which this process is connected; with the block what is served there ends, and they do.

    Args:
        count: of nodes.
        room: cores that each says it has.
    """
    with Nodes(count, room) as nodes:
        connect(nodes.address)
        try:
            yield nodes
        finally:
            serve.shutdown()
            ray.shutdown()


def _raylet(node: Any) -> int:
    return int(node.all_processes["raylet"][0].process.pid)


def _of(node: Any, name: str) -> list[psutil.Process]:
    """A node's processes of this name."""
    children = psutil.Process(_raylet(node)).children(recursive=True)
    return [process for process in children if name in _name(process)]


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
