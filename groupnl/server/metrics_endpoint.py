"""The metrics of all workers at one address: each worker writes its counts to files, and this adds them up.

A worker that has ended leaves its counts behind, so that totals never fall; its gauges are taken out.
"""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from wsgiref.simple_server import WSGIServer

import psutil
from prometheus_client import CollectorRegistry, Metric, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

# prometheus_client's names: counter_PID.db, histogram_PID.db, gauge_livesum_PID.db, ...
_LIVE_GAUGE = re.compile(r"gauge_live[a-z]*_(\d+)\.db")


class WorkerMetrics:
    """Adds up what the workers wrote; a collector of prometheus_client.

    Args:
        folder: the workers' `PROMETHEUS_MULTIPROC_DIR`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._one_at_a_time = threading.Lock()  # two scrapes must not remove the same file

    def collect(self) -> Iterator[Metric]:
        """The metrics at this moment."""
        with self._one_at_a_time:
            self._forget_dead_gauges()
            metrics = list(MultiProcessCollector.merge(self._files()))  # type: ignore[no-untyped-call]
        yield from metrics

    def _files(self) -> list[str]:
        # A worker that begins has made its file before it gives it a size.
        return [str(file) for file in self._folder.glob("*.db") if file.stat().st_size]

    def _forget_dead_gauges(self) -> None:
        matches = (_LIVE_GAUGE.fullmatch(file.name) for file in self._folder.iterdir())
        for pid in {int(match[1]) for match in matches if match}:
            if not psutil.pid_exists(pid):
                mark_process_dead(pid, str(self._folder))  # type: ignore[no-untyped-call]


class MetricsEndpoint:
    """An HTTP server of `/metrics`.

    Args:
        folder: the workers' `PROMETHEUS_MULTIPROC_DIR`; made if missing.
        host: address to listen on.
        port: port to listen on.
    """

    def __init__(self, folder: Path, host: str, port: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._registry = CollectorRegistry()
        self._registry.register(WorkerMetrics(folder))
        self._address = (host, port)
        self._server: WSGIServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen, in a thread of its own. Raises OSError when the port is taken."""
        host, port = self._address
        self._server, self._thread = start_http_server(port, host, self._registry)

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
