"""Answers as many replicas would: the page of one real service, whose counters have grown since."""

import http.server
import sys
import threading
import time
from pathlib import Path

_GROWTH_S = 600.0  # in which a counter doubles
_GROWING = ("counter", "histogram")


class Page:
    """What a service showed, as it would look later.

    Args:
        text: of its metrics, in Prometheus' format.

    Attributes:
        series: that it holds.
    """

    def __init__(self, text: str) -> None:
        self._lines: list[tuple[str, float | None]] = []  # a value that grows stands apart
        kinds: dict[str, str] = {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ", 3)
                kinds[name] = kind
            if line.startswith("#") or not line:
                self._lines.append((line, None))
                continue
            before, _, value = line.rpartition(" ")
            grows = kinds.get(_family(before, kinds)) in _GROWING
            self._lines.append((before, float(value)) if grows else (line, None))
        self.series = sum(not line.startswith("#") and bool(line) for line, _ in self._lines)

    def later(self, seconds: float) -> bytes:
        """The page so many seconds later; whole numbers stay whole."""
        growth = 1 + seconds / _GROWTH_S
        return "".join(
            f"{line}\n" if value is None else f"{line} {_grown(value, growth)}\n" for line, value in self._lines
        ).encode()


def _family(series: str, kinds: dict[str, str]) -> str:
    """The name that a series' `# TYPE` line has: without the endings of a histogram's parts."""
    name = series.partition("{")[0]
    stems = (name.removesuffix(ending) for ending in ("", "_bucket", "_sum", "_count", "_total"))
    return next((stem for stem in stems if stem in kinds), name)


def _grown(value: float, growth: float) -> float:
    return float(round(value * growth)) if value.is_integer() else value * growth


class Exporter(http.server.ThreadingHTTPServer):
    """Shows the page at every address, made anew once a second for all who ask.

    Args:
        page: that is shown.
        port: on loopback.
    """

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, page: Page, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self._page, self._began = page, time.monotonic()
        self._made: tuple[int, bytes] = (-1, b"")
        self._lock = threading.Lock()

    def body(self) -> bytes:
        """The page of this second."""
        second = int(time.monotonic() - self._began)
        with self._lock:
            if self._made[0] != second:
                self._made = (second, self._page.later(second))
            return self._made[1]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # Prometheus keeps its connections
    server: Exporter

    def do_GET(self) -> None:
        body = self.server.body()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


if __name__ == "__main__":
    file, port = sys.argv[1:]
    with Exporter(Page(Path(file).read_text(encoding="utf-8")), int(port)) as exporter:
        exporter.serve_forever()
