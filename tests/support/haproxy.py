"""A real HAProxy with the settings that are handed out, on free ports."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

CONFIG = Path(__file__).parents[2] / "serving_config" / "haproxy.cfg"
needs_haproxy = pytest.mark.skipif(shutil.which("haproxy") is None, reason="there is no haproxy")


@contextmanager
def haproxy(folder: Path, port: int, changes: dict[str, str] | None = None) -> Iterator[int]:
    """The port of a proxy before `port`.

    Args:
        folder: for its configuration.
        port: of the service.
        changes: of the configuration's text.
    """
    with socket.create_server(("127.0.0.1", 0)) as taken:
        own = taken.getsockname()[1]
    text = CONFIG.read_text()
    for old, new in {
        "127.0.0.1:8443": f"127.0.0.1:{own}",
        "127.0.0.1:8080": f"127.0.0.1:{port}",
        **(changes or {}),
    }.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "haproxy.cfg").write_text(text)
    with subprocess.Popen(["haproxy", "-db", "-f", str(folder / "haproxy.cfg")]) as process:
        try:
            _wait_for(own, process)
            yield own
        finally:
            process.terminate()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    while process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise AssertionError("haproxy has ended")
