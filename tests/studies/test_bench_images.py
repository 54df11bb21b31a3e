"""`groupnl bench images`: the table of a few small images."""

import argparse
from pathlib import Path

import pytest
from PIL import Image
from support.photographs import resized

import groupnl_studies.images.command as bench
from groupnl.base.options import read_options
from groupnl.errors import ConfigError
from groupnl_studies.harness.photographs import blotches


def arguments(*words: str) -> bench.Options:
    parser = argparse.ArgumentParser()
    bench.add_arguments(parser)
    return read_options(bench.Options, parser.parse_args(words))


def table(text: str) -> list[list[str]]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return [rows[0], *rows[2:]]


@pytest.mark.parametrize("threads", [1, 2])
def test_prints_a_row_for_each_file(threads: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [tmp_path / "small.png", tmp_path / "large.jpg"]
    resized("coffee", 70, 60).save(files[0])
    resized("coffee", 900, 700).save(files[1], quality=90)
    words = ["--size", "64", "--crop-pct", "1", "--repeats", "2", "--threads", str(threads)]
    assert bench.run(arguments(*map(str, files), *words)) == 0
    head, small, large = table(capsys.readouterr().out)
    assert [small[0], large[0]] == ["small.png", "large.jpg"]
    for row in (small, large):
        figures = dict(zip(head, row, strict=True))
        assert float(figures["KiB"]) > 0
        assert float(figures["reference"]) > 0
        assert float(figures["here"]) > 0
        assert float(figures["mean levels apart"]) < 0.3
        assert (figures["batch, clock"] == "") == (threads == 1)
    assert dict(zip(head, large, strict=True))["mean levels apart"] != "0.000"  # decoded at a part of its size


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--size", "7"], "--size 7"),
        (["--crop-pct", "1.5"], "--crop-pct 1.5"),
        (["--repeats", "0"], "--repeats is 0"),
        (["--threads", "-1"], "--threads is -1"),
    ],
)
def test_an_option_that_cannot_be_used_is_told(words: list[str], what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        bench.run(arguments(*words))


def test_a_file_that_is_no_image_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no image")
    with pytest.raises(ConfigError, match=r"notes\.txt cannot be used: .*looks like text"):
        bench.run(arguments(str(path), "--repeats", "1"))


def test_generated_photographs_are_as_heavy_as_real_ones(tmp_path: Path) -> None:
    sizes = []
    for seed in (0, 1):
        Image.fromarray(blotches((640, 480), seed)).save(tmp_path / "a.jpg", quality=85)
        sizes.append((tmp_path / "a.jpg").stat().st_size)
    assert all(40_000 < size < 150_000 for size in sizes)
    assert sizes[0] != sizes[1]
