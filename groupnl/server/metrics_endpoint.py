"""The metrics of all processes at one address: what the workers wrote, added up, and what the server itself counts."""

import threading
from pathlib import Path
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server

from groupnl.server.observed.worker_files import WorkerFiles


class MetricsEndpoint:
    """An HTTP server of `/metrics`.

    Args:
        folder: the workers' `PROMETHEUS_MULTIPROC_DIR`; made if missing.
        host: address to listen on.
        port: port to listen on.

    Attributes:
        registry: of what is shown; the server that counts by itself registers its own metrics there.
        workers: what the workers wrote.
    """

    def __init__(self, folder: Path, host: str, port: int) -> None:
        self.registry = CollectorRegistry()
        self.workers = WorkerFiles(folder)
        self.registry.register(self.workers)
        self._address = (host, port)
        self._server: WSGIServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen, in a thread of its own. Raises OSError when the port is taken."""
        host, port = self._address
        self._server, self._thread = start_http_server(port, host, self.registry)

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
