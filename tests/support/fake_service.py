"""A service that answers like ours, without a network behind it, and misbehaves on demand."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

import psutil

from loadtests._answers import Refusal
from loadtests._hostile_files import BAD_FORM, INVALID_HEADER, bad_files

CLASSES = ("one", "two", "three", "four", "five")
REFUSALS = {file.image.data: file.refusals[0] for file in bad_files() if not file.headers}


class FakeService(ThreadingHTTPServer):
    """Listens on loopback, for predictions and for the management API alike; a context manager.

    Args:
        delay_s: of one answer; a model gives one at a time.
        queue: requests that may wait for a model; more are answered 503.
        flaw: what it does wrongly, once `patience` predictions were given; see `Handler`.
        patience: predictions that are right whatever the flaw.
        mortal: its workers are processes, and another one takes the place of one that has died.
    """

    daemon_threads = True
    request_queue_size = 256

    def __init__(
        self, delay_s: float = 0.002, queue: int = 100, flaw: str = "", patience: int = 24, mortal: bool = False
    ) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.mortal = mortal
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self.delay_s, self.queue, self.flaw, self.patience = delay_s, queue, flaw, patience
        self.locks = {"gnl_effnet_es": threading.Lock(), "effnet_es": threading.Lock()}
        self.waiting = dict.fromkeys(self.locks, 0)
        self.counting = threading.Lock()
        self.given = 0
        self.looks = 0
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def worker(self, model: str) -> subprocess.Popen[bytes]:
        """A process that does nothing."""
        if model not in self.workers or self.workers[model].poll() is not None:
            self.workers[model] = subprocess.Popen(["sleep", "600"])
        return self.workers[model]

    def end_workers(self) -> None:
        for worker in self.workers.values():
            worker.kill()
            worker.wait()

    def flawed(self, flaw: str) -> bool:
        return self.flaw == flaw and self.given > self.patience

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()
        self.end_workers()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: FakeService

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        model = self.path.removeprefix("/predictions/")
        if model not in self.server.locks:
            self.send(404, {"code": 404, "type": "ModelNotFoundException", "message": f"Model not found: {model}"})
            return
        with self.server.counting:
            full = self.server.waiting[model] > self.server.queue
            self.server.waiting[model] += not full
        if full:
            self.send(503, {"code": 503, "type": "ServiceUnavailableException", "message": "full"})
            return
        with self.server.locks[model]:
            time.sleep(self.server.delay_s)
        with self.server.counting:
            self.server.waiting[model] -= 1
            self.server.given += 1
        if self.server.flawed("loses") and not self.server.given % 5:
            self.close_connection = True
            return
        self.predict(model, body)

    def predict(self, model: str, body: bytes) -> None:
        refusal = self.refusal(body)
        if self.server.flawed("refuses all"):
            self.send(500, {"code": "internal", "message": "our fault"})
        elif refusal and self.server.flawed("takes all"):
            self.send(200, prediction(model, b"anything"))
        elif refusal:
            self.send(refusal.status, {"code": refusal.code, "message": "a sentence"})
        else:
            self.send(200, self.answer(model, body))

    def answer(self, model: str, body: bytes) -> dict[str, float]:
        mixed_up = self.server.flawed("mixes up") and not self.server.given % 5
        return prediction(model, body + b"another" if mixed_up else body)

    def refusal(self, body: bytes) -> Refusal | None:
        if "X-Top-K" in self.headers:
            return INVALID_HEADER
        return BAD_FORM if "multipart" in self.headers["Content-Type"] else REFUSALS.get(body)

    def do_GET(self) -> None:
        self.server.looks += 1
        # From the third look on, each model having been looked at once.
        pid = 2 if self.server.flaw == "new worker" and self.server.looks > 2 else 1
        model, started = self.path.removeprefix("/models/"), "2026-01-01T00:00:00.000Z"
        if self.server.mortal:
            pid = self.server.worker(model).pid
            started = datetime.fromtimestamp(psutil.Process(pid).create_time(), UTC).isoformat()
        worker = {"pid": pid, "startTime": started, "status": "READY", "memoryUsage": 2**29}
        self.send(200, [{"modelName": model, "workers": [worker]}])

    def send(self, status: int, answer: object) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if status >= 400:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def prediction(model: str, body: bytes) -> dict[str, float]:
    """Five classes whose order depends on model and image."""
    first = int.from_bytes(hashlib.sha256(model.encode() + body).digest()[:4], "big")
    names = [CLASSES[(first + place) % 5] for place in range(5)]
    return dict(zip(names, (0.6, 0.2, 0.1, 0.05, 0.01), strict=True))


def main() -> None:
    """A service in a process of its own, which TERM ends with all that is asked at that moment."""
    with FakeService(delay_s=0.1, mortal=True) as service:

        def end(*_: object) -> None:
            service.end_workers()
            os._exit(0)

        signal.signal(signal.SIGTERM, end)
        sys.stdout.write(f"{service.url}\n")
        sys.stdout.flush()
        signal.pause()


if __name__ == "__main__":
    main()
