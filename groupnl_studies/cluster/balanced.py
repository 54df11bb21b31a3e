"""HAProxy before the proxies of several nodes, with the settings that are handed out for plain replicas."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from groupnl.base.child_process import end_with_parent
from groupnl.errors import ServerError
from groupnl_studies.harness.service import HOST, STOP_LIMIT_S, free_ports

SETTINGS = Path(__file__).parents[2] / "serving_config" / "haproxy_replicas.cfg"
_LATE_S = 10.0


@contextmanager
def balancer(program: Path, folder: Path, one: int, two: int) -> Iterator[int]:
    """The port of a HAProxy before two proxies, as long as the block runs.

    Args:
        program: HAProxy.
        folder: for its configuration.
        one: port of a proxy.
        two: port of another.

    Raises:
        ServerError: it does not start.
    """
    (own,) = free_ports(1)
    text = SETTINGS.read_text(encoding="utf-8")
    for old, new in ((8443, own), (8080, one), (8090, two)):
        text = text.replace(f"{HOST}:{old}", f"{HOST}:{new}")
    config = folder / "haproxy.cfg"
    config.write_text(text.replace("/run/haproxy/admin.sock", str(folder / "admin.sock")), encoding="utf-8")
    with subprocess.Popen([program, "-db", "-f", config], preexec_fn=end_with_parent) as process:  # noqa: S603 (given)
        try:
            _wait_for(own, process)
            yield own
        finally:
            process.terminate()
            process.wait(STOP_LIMIT_S)


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _LATE_S
    while process.poll() is None and time.monotonic() < deadline:
        if listens(port):
            return
        time.sleep(0.05)
    raise ServerError(f"HAProxy does not listen on {port}")


def listens(port: int) -> bool:
    """Whether somebody listens on the port."""
    with suppress(OSError), socket.create_connection((HOST, port), 1.0):
        return True
    return False
