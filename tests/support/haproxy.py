"""A real HAProxy with the settings that are handed out: the one on the path, or what `.ci/haproxy.sh` fetches."""

import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from support.fetched import fetched
from support.ports import free_ports

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "serving_config" / "haproxy.cfg"
REPLICAS = ROOT / "serving_config" / "haproxy_replicas.cfg"
STOP_LIMIT_S = 30
_SOCKET = "/run/haproxy/admin.sock"


def program() -> Path:
    """HAProxy's; see `fetched`."""
    return fetched("haproxy.sh")


@contextmanager
def haproxy(folder: Path, port: int, changes: Mapping[str, str] | None = None) -> Iterator[int]:
    """The port of a proxy before `port`.

    Args:
        folder: for its configuration.
        port: of the service.
        changes: of the configuration's text.
    """
    with _running(CONFIG, folder, {"127.0.0.1:8080": f"127.0.0.1:{port}", **(changes or {})}) as own:
        yield own


@contextmanager
def haproxy_before(folder: Path, one: int, two: int, changes: Mapping[str, str] | None = None) -> Iterator[int]:
    """The port of a proxy before two services; its runtime socket is `admin.sock` in the folder.

    Args:
        folder: for its configuration.
        one: port of the service that is called so.
        two: the same of the other one.
        changes: of the configuration's text.
    """
    services = {"127.0.0.1:8080": f"127.0.0.1:{one}", "127.0.0.1:8090": f"127.0.0.1:{two}"}
    with _running(REPLICAS, folder, {**services, _SOCKET: str(folder / "admin.sock"), **(changes or {})}) as own:
        yield own


@contextmanager
def _running(config: Path, folder: Path, changes: Mapping[str, str]) -> Iterator[int]:
    (own,) = free_ports(1)
    text = config.read_text()
    for old, new in {"127.0.0.1:8443": f"127.0.0.1:{own}", **changes}.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "haproxy.cfg").write_text(text)
    with subprocess.Popen([program(), "-db", "-f", str(folder / "haproxy.cfg")]) as process:
        try:
            _wait_for(own, process)
            yield own
        finally:
            process.terminate()
            process.wait(STOP_LIMIT_S)


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    while process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise AssertionError("haproxy has ended")
