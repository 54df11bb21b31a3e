"""Dockerfile and .dockerignore: all that the build reads is sent to it."""

import re
from pathlib import PurePosixPath

import pytest
from support.dockerfile import ROOT, TEXT

LINES = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
PATTERNS = [line for line in LINES if line and not line.startswith("#")]
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
