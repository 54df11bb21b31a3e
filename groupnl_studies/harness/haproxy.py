"""HAProxy before services of this machine, with the settings that are handed out."""

import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from groupnl.base.child_process import end_with_parent
from groupnl.errors import ServerError
from groupnl_studies.harness.ports import HOST, free_ports, listens

_SETTINGS = Path(__file__).parents[2] / "serving_config"
_FILES = {1: _SETTINGS / "haproxy.cfg", 2: _SETTINGS / "haproxy_replicas.cfg"}  # by the number of services
_OWN, _SERVICES = 8443, (8080, 8090)  # ports in these files
_SOCKET = "/run/haproxy/admin.sock"
_START_LIMIT_S, _STOP_LIMIT_S = 10.0, 30.0


@contextmanager
def haproxy(
    program: Path, folder: Path, services: Sequence[int], changes: Mapping[str, str] | None = None
) -> Iterator[int]:
    """The port of a HAProxy before one service, or before two that are each other's replicas, while the block runs.

    Args:
        program: HAProxy.
        folder: for its configuration; before two services its runtime socket is `admin.sock` there.
        services: their ports.
        changes: of the settings' text: what stands there -> what takes its place.

    Raises:
        ServerError: it does not start, or nothing like that stands in the settings.
    """
    (own,) = free_ports(1)
    ports = zip((_OWN, *_SERVICES), (own, *services), strict=False)  # there may be one service
    places = {f"{HOST}:{usual}": f"{HOST}:{port}" for usual, port in ports}
    sockets = {_SOCKET: str(folder / "admin.sock")} if len(services) > 1 else {}
    config = folder / "haproxy.cfg"
    config.write_text(_changed(_FILES[len(services)], places | sockets | dict(changes or {})), encoding="utf-8")
    with subprocess.Popen([program, "-db", "-f", config], preexec_fn=end_with_parent) as process:  # noqa: S603 (given)
        try:
            _wait_for(own, process)
            yield own
        finally:
            process.terminate()
            process.wait(_STOP_LIMIT_S)


def _changed(settings: Path, changes: Mapping[str, str]) -> str:
    text = settings.read_text(encoding="utf-8")
    for old, new in changes.items():
        if old not in text:
            raise ServerError(f"{settings} has no {old!r}, which {new!r} is to replace")
        text = text.replace(old, new)
    return text


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_LIMIT_S
    while process.poll() is None and time.monotonic() < deadline:
        if listens(port):
            return
        time.sleep(0.05)
    raise ServerError(f"HAProxy does not listen on {port}")
