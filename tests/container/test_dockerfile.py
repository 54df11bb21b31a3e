"""Dockerfile and .dockerignore: all that the build reads is sent to it."""

import os
import re
import subprocess
from pathlib import Path, PurePosixPath

import pytest
from support.dockerfile import ROOT, TEXT

LINES = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
PATTERNS = [line for line in LINES if line and not line.startswith("#")]
SITE = "opt/groupnl/lib/python3.11/site-packages"
COPIED = [source for line in re.findall(r"^COPY (?!--from)(.+) \S+$", TEXT, re.MULTILINE) for source in line.split()]
NAMED = sorted(set(re.findall(r"(?<![/\w])model_store/[\w./]+", TEXT)))


def is_sent(path: str) -> bool:
    """Whether Docker sends a path: the last pattern counts that names it or a folder above it."""
    sent = True
    names = [path, *map(str, PurePosixPath(path).parents)]
    for pattern in PATTERNS:
        expression = as_expression(pattern.removeprefix("!"))
        if any(expression.fullmatch(name) for name in names):
            sent = pattern.startswith("!")
    return sent


def as_expression(pattern: str) -> re.Pattern[str]:
    """Docker's pattern: * stays within one name, **/ stands for any folders."""
    parts = {"**/": "(?:.*/)?", "*": "[^/]*"}
    return re.compile("".join(parts.get(part, re.escape(part)) for part in re.split(r"(\*\*/|\*)", pattern)))


def files_of(path: str) -> list[str]:
    """The path itself where it is a file, else every file in it that belongs to the sources."""
    place = ROOT / path
    found = [place] if place.is_file() else [file for file in place.rglob("*") if file.is_file()]
    return [file.relative_to(ROOT).as_posix() for file in found if "__pycache__" not in file.parts]


@pytest.mark.parametrize("path", [path for path in COPIED if path != "model_store"] + NAMED)
def test_what_the_build_reads_is_sent(path: str) -> None:
    files = files_of(path)
    assert files
    assert [file for file in files if not is_sent(file)] == []


def test_the_checkpoints_and_what_is_packed_with_them_are_named() -> None:
    """So that the test above is about something."""
    assert "model_store" in COPIED
    assert {PurePosixPath(path).suffix for path in NAMED} == {".safetensors", ".json", ".yaml", ""}


@pytest.mark.parametrize(
    "path", ["model_store/gnl_effnet_es.mar", ".git/config", "docs/serve.md", "groupnl/images/__pycache__/reader.pyc"]
)
def test_nothing_else_is_sent(path: str) -> None:
    assert not is_sent(path)


def leave_out(root: Path, device: str = "cpu") -> int:
    """Run what takes away what a service does not need, on packages below `root`; returns its status."""
    (line,) = re.findall(r"^RUN (.*strip --strip-unneeded.*)$", TEXT, re.MULTILINE)
    programs = root / "bin"
    programs.mkdir()
    (programs / "strip").symlink_to("/bin/true")
    environment = {"DEVICE": device, "PATH": f"{programs}:{os.environ['PATH']}"}
    command = line.replace("/opt/groupnl", str(root / "opt/groupnl"))
    return subprocess.run(["sh", "-c", command], env=environment, timeout=60).returncode


def test_what_a_release_does_not_have_is_not_missed(tmp_path: Path) -> None:
    (tmp_path / SITE / "torch" / "lib").mkdir(parents=True)
    assert leave_out(tmp_path) == 0


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_what_a_service_does_not_need_is_left_out_for_cpus(tmp_path: Path, device: str) -> None:
    needed = ["torch/bin/torch_shm_manager", "torch/testing/a.py", "openvino/libs/libopenvino_intel_cpu_plugin.so"]
    others = ["torch/bin/test_api", "torch/include/a.h", "torch/test/a", "onnx/backend/test/a", "sympy/core/tests/a.py"]
    others += [f"openvino/libs/{name}" for name in ("libopenvino_intel_gpu_plugin.so", "cache.json")]  # no NPU's
    for name in needed + others:
        file = tmp_path / SITE / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert leave_out(tmp_path, device) == 0
    left = {file.relative_to(tmp_path / SITE).as_posix() for file in (tmp_path / SITE).rglob("*") if file.is_file()}
    assert left == set(needed if device == "cpu" else needed + others)
