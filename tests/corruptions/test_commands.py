"""groupnl corrupt and groupnl bench corruptions."""

from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import torch
from PIL import Image

from groupnl.cli import main
from groupnl.corruptions import CELLS, CorruptionSpec, corrupt_each
from groupnl.corruptions.sheet_command import HEAD, LABEL, MARGIN


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.linear_gradient("L").convert("RGB").resize((80, 64)).save(path)
    return path


def test_the_sheet_shows_every_cell(picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = tmp_path / "sheet.png"
    assert main(["corrupt", str(picture), "-o", str(sheet), "--size", "32", "--seed", "4"]) == 0
    assert capsys.readouterr().out.strip() == str(sheet)
    with Image.open(sheet) as image:
        pixels = torch.from_numpy(np.array(image))
    clean = pixels[MARGIN : MARGIN + 32, MARGIN + LABEL : MARGIN + LABEL + 32].permute(2, 0, 1)[None]
    expected = corrupt_each(clean, [CorruptionSpec(*CELLS[0], 4)])[0].permute(1, 2, 0)
    top = MARGIN + HEAD + 28
    assert torch.equal(pixels[top : top + 32, MARGIN + LABEL : MARGIN + LABEL + 32], expected)


def test_a_sheet_that_is_not_written_to_its_end_leaves_the_one_before(
    picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(image: Image.Image, file: BinaryIO, form: str) -> None:
        file.write(b"a half")
        raise KeyboardInterrupt

    sheet = tmp_path / "sheet.JPG"
    sheet.write_text("before")
    words = ["corrupt", str(picture), "-o", str(sheet), "--size", "32"]
    monkeypatch.setattr(Image.Image, "save", killed)
    with suppress(KeyboardInterrupt):
        main(words)
    assert sheet.read_text() == "before"
    assert sorted(tmp_path.iterdir()) == [picture, sheet]
    monkeypatch.undo()
    assert main(words) == 0
    with Image.open(sheet) as image:
        assert image.format == "JPEG"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--size", "16"], "--size 16: it must be 32 or more"),
        (["--size", "0"], "--size 0: it must be 32 or more"),
        (["--size", "99999999"], "--size 99999999: it must be 1024 or less"),
        (["--scale", "0"], "--scale 0: it must be 1 or more"),
        (["--scale", "33"], "--scale 33: it must be 32 or less"),
        (["--size", "512", "--scale", "4"], "--size 512 with --scale 4 makes tiles of 2048 pixels: 1024 is the most"),
        (
            ["--size", "900", "-o", "a.webp"],
            "--size 900 with --scale 1 makes tiles of 900 pixels: 800 is the most",
        ),
        (["--seed", "-5"], "--seed -5: it must be 0 or more"),
        (["-o", "x.foo"], "--output x.foo: it names no format that can be written: end it in .png, .jpg"),
        (["-o", "sheet"], "--output sheet: it names no format"),
    ],
)
def test_options_that_cannot_be_used(
    options: list[str], problem: str, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["corrupt", str(picture), "--size", "32", *options]) == 2
    assert capsys.readouterr().err.startswith(f"groupnl corrupt: {problem}")


def test_an_image_that_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.png").write_bytes(b"no image")
    assert main(["corrupt", str(tmp_path / "x.png")]) == 1
    assert "x.png cannot be used" in capsys.readouterr().err


@pytest.mark.slow
def test_the_bench_compares_every_corruption(capsys: pytest.CaptureFixture[str]) -> None:
    threads = torch.get_num_threads()
    try:
        assert main(["bench", "corruptions", "--size", "64", "--batch", "1", "--repeats", "1"]) == 0
    finally:
        torch.set_num_threads(threads)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 19 + 1
    assert lines[-1].startswith("| **mean** |")
    assert all(float(cell) > 0 for cell in lines[-1].split("|")[2:5])
