"""groupnl.archive.assumed_input: what was assumed of an input is told; what the checkpoint or the user says is not."""

import argparse
from pathlib import Path
from typing import Any

import pytest
import torch
from support.tiny import ARCHITECTURE, CLASSES, INPUT, published_checkpoint, tiny_checkpoint, tiny_network

from groupnl.archive.assumed_input import assumed_input
from groupnl.archive.command import Options, add_arguments
from groupnl.archive.pack import pack
from groupnl.archive.read import read_manifest
from groupnl.base.options import read_options
from groupnl.models.trained import open_trained

GIVEN = {name: getattr(INPUT, name) for name in ("size", "mean", "std", "crop_pct", "interpolation")}


def test_all_of_it_is_told(tmp_path: Path) -> None:
    path = published_checkpoint(tmp_path, classes=7)
    assert assumed_input(open_trained(path), {}) == (
        f"{path} does not say its input; assumed is timm's usual one of {ARCHITECTURE}: 160 pixels, mean 0.485 0.456 "
        "0.406, std 0.229 0.224 0.225, crop 0.95, bicubic. Change it with --input-size, --mean, --std, --crop-pct, "
        "--crop-mode, --interpolation; weights of torchvision need that (docs/pack.md)"
    )


def test_what_is_given_is_not_assumed(tmp_path: Path) -> None:
    trained = open_trained(published_checkpoint(tmp_path, classes=7))
    line = assumed_input(trained, {name: GIVEN[name] for name in ("size", "mean", "std")})
    assert line is not None
    assert f"of {ARCHITECTURE}: crop 0.95, bicubic. Change" in line
    assert assumed_input(trained, GIVEN) is None


@pytest.mark.parametrize(
    "told",
    [
        {"img_size": None, "crop_pct": None, "interpolation": ""},
        {"model": ARCHITECTURE, "val_crop_size": 224, "val_resize_size": 256, "interpolation": "bilinear"},
    ],
    ids=["timm's script", "torchvision's"],
)
def test_a_script_that_settles_it_is_believed(tmp_path: Path, told: dict[str, Any]) -> None:
    content = {"arch": ARCHITECTURE, "args": argparse.Namespace(**told), "model": tiny_network().state_dict()}
    torch.save(content, tmp_path / "last.pth")
    assert assumed_input(open_trained(tmp_path / "last.pth"), {}) is None
    assert assumed_input(open_trained(tiny_checkpoint(tmp_path)), {}) is None


def options(*words: str) -> Options:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return read_options(Options, parser.parse_args(["x.pth", "--model-name", "tiny", *words]))


def test_the_command_takes_the_whole_input() -> None:
    assert options().given_input == {}
    words = ["--input-size", "32", "--mean", *[".5"] * 3, "--std", *[".25"] * 3, "--crop-pct", "1"]
    words += ["--interpolation", "bilinear"]
    assert options(*words).given_input == GIVEN
    assert options(*words, "--workers", "3").settings["workers"] == 3


def test_packing_tells_it_and_takes_what_is_given(tmp_path: Path) -> None:
    path, said = published_checkpoint(tmp_path, classes=7), list[str]()
    archive = pack(path, tmp_path, "tiny", classes=CLASSES, given_input={"crop_pct": 0.875}, say=said.append)
    assert read_manifest(archive).card.input.crop_pct == 0.875
    assert _assumed(said) == said[:1]
    assert "160 pixels" in said[0]
    assert "crop 0." not in said[0]
    pack(path, tmp_path, "tiny", classes=CLASSES, given_input=GIVEN, say=said.append, overwrite=True)
    assert read_manifest(archive).card.input == INPUT
    assert _assumed(said) == said[:1]  # nothing more


def _assumed(said: list[str]) -> list[str]:
    return [line for line in said if "does not say its input" in line]
