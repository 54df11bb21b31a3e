"""`groupnl bench shadow` with a tiny network: a short run, and one that TERM ends."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from support.tiny import HANDLER, tiny_checkpoint

from groupnl import cli
from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack

pytestmark = pytest.mark.service

Children = Callable[[], list[psutil.Process]]


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory, networks_exported_once: None) -> list[str]:
    folder = tmp_path_factory.mktemp("archive")
    pack(tiny_checkpoint(folder), folder, "tiny", settings=ServingSettings(workers=1, handler=HANDLER))
    return ["bench", "shadow", "--model", "tiny", "--model-store", str(folder), "--rounds", "1", "--clients", "2"]


def test_it_says_how_busy_the_machine_was(
    children: Children, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*words, "--seconds", "0.2"]) == 0
    assert "cores that other programs used meanwhile, on average: " in capsys.readouterr().out
    assert not children()


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder whose name is short enough for a service's sockets, which pytest's own are not everywhere."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        yield Path(name)


def test_term_leaves_neither_folders_nor_processes(words: list[str], temporary: Path) -> None:
    command = [sys.executable, "-m", "groupnl.cli", *words, "--seconds", "60"]
    process = subprocess.Popen(command, env=os.environ | {"TMPDIR": str(temporary)})
    while not [*temporary.glob("groupnl-bench-*/*/output.txt")]:
        assert process.poll() is None
        time.sleep(0.05)
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 128 + signal.SIGTERM
    assert not [*temporary.glob("groupnl-bench-*")]
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not alive
