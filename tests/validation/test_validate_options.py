"""The options of groupnl validate: which cells are asked for."""

import argparse

import pytest

from groupnl.base.options import read_options
from groupnl.corruptions import BENCHMARK, CELLS, VALIDATION, Cell
from groupnl.validation import options as module
from groupnl.validation.options import Options, add_arguments

NEW = Cell("rain", 1)


def cells(*words: str) -> list[Cell]:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return read_options(Options, parser.parse_args(["--checkpoint", "x", *words])).cells


def test_only_imagenet_cs_own_corruptions_are_looked_for_in_its_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CELLS", (*CELLS, NEW))
    monkeypatch.setattr(module, "NAMES", (*module.NAMES, NEW.corruption))
    published = [cell for cell in CELLS if cell.corruption in BENCHMARK + VALIDATION]
    assert cells("--imagenet-c", "folder") == published
    assert cells("--data", "folder", "--corrupt") == [*CELLS, NEW]
    assert cells("--imagenet-c", "folder", "--corruptions", "rain", "--severities", "1") == [NEW]
