"""A real server for tests: `groupnl serve` as an operator starts it, on free loopback ports."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from support.waiting import until

from groupnl.server.management_socket import management_socket
from groupnl_studies.harness.ports import free_ports

KINDS = ("torchserve", "groupnl")
_OURS = ("inference", "metrics")  # ports of our own server; its management API has a socket
START_LIMIT_S = 180
STOP_LIMIT_S = 90
CLIENT_S = 240  # for an answer; a reload takes long on a busy machine


only_torchserve = pytest.mark.parametrize("kind", ["torchserve"], indirect=True)
only_ours = pytest.mark.parametrize("kind", ["groupnl"], indirect=True)


class Answer(NamedTuple):
    """What a client sees; `content` is the decoded JSON, None for an empty body."""

    status: int
    content: Any
    content_type: str | None


class Server:
    """`groupnl serve` with the given options, in `folder`.

    Args:
        folder: where it is started.
        options: of the command.
        kind: which server it starts.
        ports: four that are free; None: some are looked for.

    Attributes:
        inference: port of predictions.
        management: port of the management API.
        metrics: port of the workers' metrics.
        frontend_metrics: port of TorchServe's own metrics.
        logs: folder of its log files.
    """

    def __init__(
        self, folder: Path, *options: str, kind: str = "torchserve", ports: Sequence[int] | None = None
    ) -> None:
        self.kind = kind
        self.inference, self.management, self.metrics, self.frontend_metrics = ports = ports or free_ports(4)
        names = ("inference", "management", "metrics", "frontend-metrics")
        taken = [(name, port) for name, port in zip(names, ports, strict=True) if kind != "groupnl" or name in _OURS]
        given = [word for name, port in taken for word in (f"--{name}-port", str(port))]
        given += ["--notice-s", "0"] if kind == "groupnl" else []  # no balancer is to learn that it ends
        self._output = folder / "output.txt"
        self.logs = folder / "logs"
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "groupnl.cli", "serve", "--server", kind, *given, *options],
                cwd=folder,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )

    def output(self) -> str:
        return self._output.read_text()

    def wait_for(self, text: str) -> str:
        """Wait until the server has printed `text`; returns everything it printed."""

        def has_printed() -> bool:
            has_ended = self.process.poll() is not None
            is_there = text in self.output()
            assert is_there or not has_ended, self.output()
            return is_there

        until(has_printed, START_LIMIT_S, self.output)
        return self.output()

    def wait_for_processes(self, count: int) -> list[psutil.Process]:
        """Wait until the server has started at least so many processes of its own."""

        def found() -> list[psutil.Process]:
            return psutil.Process(self.process.pid).children(recursive=True)

        until(lambda: len(found()) >= count, START_LIMIT_S, self.output)
        return found()

    def end(self) -> int:
        """Wait until the server has ended by itself; returns its exit status."""
        return self.process.wait(START_LIMIT_S)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask the server to stop; returns its exit status, and fails if any process of it is left."""
        started = psutil.Process(self.process.pid).children(recursive=True)
        sessions = {os.getsid(process.pid) for process in started} - {os.getsid(0)}
        self.process.send_signal(number)
        status = self.process.wait(STOP_LIMIT_S)
        until(lambda: not living(started, sessions), STOP_LIMIT_S, lambda: living(started, sessions))
        return status

    def kill(self) -> None:
        """End everything, whatever state it is in; for the end of a test that failed."""
        if self.process.poll() is None:
            for process in [*psutil.Process(self.process.pid).children(recursive=True), self.process]:
                process.kill()
            self.process.wait()

    def ask(self, path: str, body: bytes = b"", method: str = "PUT", headers: dict[str, str] | None = None) -> Answer:
        """One request to the inference port."""
        return ask(self.inference, method, path, body, headers or {})

    def predict(self, model: str, body: bytes, headers: dict[str, str] | None = None) -> Answer:
        """As `curl -T FILE` asks: PUT, no content type."""
        return self.ask(f"/predictions/{model}", body, headers=headers)

    def manage(self, method: str, path: str, body: bytes = b"") -> Answer:
        """One request to the management API."""
        if self.kind == "torchserve":
            return ask(self.management, method, path, body, {})
        return _answer(_UnixConnection(management_socket(self.inference, None)), method, path, body, {})

    def samples(self, name: str = "groupnl_") -> list[Sample]:
        """What the metrics port shows at this moment; all others than those whose names begin so are not parsed."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=30) as answer:
            lines = [line for line in answer.read().decode().splitlines(keepends=True) if line.startswith(name)]
        return [sample for family in text_string_to_metric_families("".join(lines)) for sample in family.samples]

    def count(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels, at this moment; `name` is without our prefix."""
        samples = [sample for sample in self.samples(f"groupnl_{name}") if sample.name == f"groupnl_{name}"]
        found = [sample.value for sample in samples if labels.items() <= sample.labels.items()]
        assert found, f"no sample {name} {labels}"
        return sum(found)

    def workers(self, model: str) -> list[int]:
        """The process ids of a model's ready workers."""
        described = self.manage("GET", f"/models/{model}").content
        return [worker["pid"] for worker in described[0]["workers"] if worker["status"] == "READY"]


@contextmanager
def serving(folder: Path, *options: str, kind: str = "groupnl") -> Iterator[Server]:
    """A server that is up, and stops in order when nothing has failed; see `Server`."""
    server = Server(folder, *options, kind=kind)
    try:
        server.wait_for("Ctrl-C stops")
        yield server
        assert server.stop() == 0
    finally:
        server.kill()


def living(processes: list[psutil.Process], sessions: set[int]) -> list[psutil.Process]:
    """Those of the processes, and of the members of the sessions, that still run."""
    members = [process for process in psutil.process_iter() if _session(process) in sessions]
    return [process for process in {*processes, *members} if _runs(process)]


def _session(process: psutil.Process) -> int | None:
    try:
        return os.getsid(process.pid)
    except ProcessLookupError:
        return None


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def ask(port: int, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
    """One request to a port of this machine."""
    return _answer(http.client.HTTPConnection("127.0.0.1", port, timeout=CLIENT_S), method, path, body, headers)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=CLIENT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


def _answer(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes, headers: dict[str, str]
) -> Answer:
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        content = response.read()
        return Answer(response.status, json.loads(content) if content else None, response.getheader("Content-Type"))
    finally:
        connection.close()


def form(field: str, content: bytes) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a form with one file."""
    boundary = "aB3cD4"
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="a.png"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}
