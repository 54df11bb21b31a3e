"""Containers of an image, run as docs/container.md says: by Docker, or by Podman, which has the same commands."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.waiting import until

_ENGINES = ("docker", "podman")


class Container:
    """A container that runs in the foreground of a process.

    Args:
        engine: the program that runs it.
        name: of the container.
        image: its image.
        log: file for what it prints.
        arguments: after those of the image.
    """

    def __init__(self, engine: str, name: str, image: str, log: Path, arguments: list[str]) -> None:
        self._engine, self._name, self._log = engine, name, log
        closed = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
        # Where no network can be set up for a container, the machine's serves; nothing listens but on loopback.
        command = [engine, "run", "--name", name, "--network", "host", *closed, *_options(), image, *arguments]
        with log.open("w") as file:
            self._process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)

    def output(self) -> str:
        """What it has printed."""
        return self._log.read_text()

    def wait_for(self, text: str, limit_s: float) -> None:
        """Until it has printed this; fails where it ends before."""
        until(lambda: text in self.output() or self._process.poll() is not None, limit_s, self.output)
        assert text in self.output(), self.output()

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program in the container."""
        return self._ask("exec", self._name, *command)

    def fetch(self, path: str, folder: Path) -> None:
        """Copy a folder out of the container."""
        self._ask("cp", f"{self._name}:{path}", str(folder)).check_returncode()

    def terminate(self) -> None:
        """Send TERM, as a stop of the container does."""
        self._ask("kill", "--signal", "TERM", self._name).check_returncode()

    def wait(self, limit_s: float) -> int:
        """The exit status, which the engine hands on."""
        return self._process.wait(limit_s)

    def remove(self) -> None:
        """End it, and take its volumes away."""
        self._ask("rm", "--force", "--volumes", self._name)
        self._process.wait(60)

    def _ask(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([self._engine, *command], capture_output=True, text=True, check=False, timeout=120)


def _options() -> list[str]:
    """RUN_OPTIONS: what the engine needs on this machine."""
    return os.environ.get("RUN_OPTIONS", "").split()


def engine() -> str:
    """The first that works here; ENGINE names one."""
    for name in os.environ.get("ENGINE", " ".join(_ENGINES)).split():
        if shutil.which(name) and subprocess.run([name, "info"], capture_output=True, check=False).returncode == 0:
            return name
    pytest.skip("neither Docker nor Podman works here")


@contextmanager
def running(image: str, folder: Path, *arguments: str) -> Iterator[Container]:
    """A container of the image, until the block ends.

    Args:
        image: its name.
        folder: for what it prints.
        arguments: after those of the image.
    """
    container = Container(engine(), f"groupnl-test-{os.getpid()}", image, folder / "container.log", list(arguments))
    try:
        yield container
    finally:
        container.remove()
