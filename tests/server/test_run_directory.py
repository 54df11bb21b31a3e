"""groupnl.server.run_directory: gone with its run; what a killed one leaves goes at the next start."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from groupnl.server.run_directory import LOCK, PREFIX, run_directory

RUN = """
import sys
from groupnl.server.run_directory import run_directory
with run_directory() as folder:
    (folder / "store").mkdir()
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def _run() -> tuple["subprocess.Popen[str]", Path]:
    process = subprocess.Popen([sys.executable, "-c", RUN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_it_goes_with_its_run(below: Path) -> None:
    with run_directory() as folder:
        assert folder.parent == below
        (folder / "store").mkdir()
    assert list(below.iterdir()) == []


def test_what_a_killed_run_left_goes_at_the_next_start(below: Path) -> None:
    killed, left = _run()
    with killed:
        killed.kill()
    assert (left / "store").is_dir()
    living, kept = _run()
    with living:
        assert not left.exists()
        with run_directory() as own, run_directory() as another:
            assert {kept, own, another} == set(below.iterdir())
        living.communicate("")
    assert list(below.iterdir()) == []


def test_nothing_else_goes(below: Path) -> None:
    (below / f"{PREFIX}without").mkdir()
    (below / "groupnl-state").mkdir()
    (below / "groupnl-state" / LOCK).touch()
    with run_directory():
        pass
    assert {path.name for path in below.iterdir()} == {f"{PREFIX}without", "groupnl-state"}
