"""groupnl validate with checkpoints of the published training script: classes, input, plain and averaged weights."""

import json
import shutil
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
import torch
from support.colours import NAMES as COLOURS
from support.colours import colour_network, solid
from support.tiny import ARCHITECTURE, INPUT, published_checkpoint
from support.validation_runs import AS_CARD, read, validate

from groupnl.card.imagenet import imagenet_synsets


def test_a_published_checkpoint_knows_imagenets_folders(tmp_path: Path) -> None:
    weights = published_checkpoint(tmp_path)
    synsets = imagenet_synsets()
    for synset in (synsets[3], synsets[998]):
        solid(tmp_path / "data" / synset, {"": ["red", "blue"]})
    assert validate(weights, tmp_path / "out", "--data", tmp_path / "data", *AS_CARD) == 0
    settings = read(tmp_path / "out")["settings"]
    assert (settings["architecture"], settings["classes"], settings["imagenet"]) == (ARCHITECTURE, 1000, True)
    assert settings["input"] == INPUT.model_dump(mode="json")
    record = json.loads((tmp_path / "out" / "counts.json").read_text())
    assert (record["clean"]["images"], record["cells"]) == (4, [])


def published_colours(folder: Path, names: list[str], **arguments: Any) -> Path:
    """A checkpoint of the published training script, and beside it solid pictures in `data` of classes of other names.

    Args:
        folder: of both.
        names: of the classes, in the order of the colours.
        arguments: of the script.
    """
    solid(folder / "data", {name: [colour] for name, colour in zip(names, COLOURS, strict=True)})
    content = {"arch": ARCHITECTURE, "args": Namespace(**arguments), "state_dict": colour_network().state_dict()}
    torch.save(content, folder / "model_best.pth.tar")
    return folder / "model_best.pth.tar"


def test_classes_without_a_card_need_their_order_where_it_is_not_plain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["8", "9", "10", "11", "12", "13"]  # as timm's script sorts them
    weights = published_colours(tmp_path, names)
    options = ["--data", tmp_path / "data", *AS_CARD]
    assert validate(weights, tmp_path / "out", *options) == 1
    assert "give their names in the order of its training with --classes FILE" in capsys.readouterr().err
    (tmp_path / "names.txt").write_text("\n".join(names))
    shutil.rmtree(tmp_path / "data" / "8")  # not all need be there
    assert validate(weights, tmp_path / "out", *options, "--classes", tmp_path / "names.txt") == 0
    assert read(tmp_path / "out")["clean_top1"] == 1


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["a", "b"], "there are 2 names, and the network has 6 classes"),
        (list("aaaaaa"), "'a' stands twice"),
    ],
)
def test_names_that_are_not_those_of_the_classes_are_refused(
    names: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = published_colours(tmp_path, list("abcdef"))
    (tmp_path / "names.txt").write_text("\n".join(names))
    assert validate(weights, tmp_path / "out", "--data", tmp_path / "data", "--classes", tmp_path / "names.txt") == 1
    assert f"{tmp_path / 'names.txt'}: {sentence}" in capsys.readouterr().err


def test_the_input_is_what_the_training_script_was_told(
    published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = {"img_size": 32, "crop_pct": 1.0, "interpolation": "bilinear", "mean": INPUT.mean, "std": INPUT.std}
    weights = published_colours(tmp_path, list(COLOURS), **told)
    assert validate(weights, tmp_path / "out", "--data", tmp_path / "data") == 0
    assert read(tmp_path / "out")["settings"]["input"] == INPUT.model_dump(mode="json")
    assert "clean images: 32 pixels, crop 1, bilinear\n" in capsys.readouterr().out
    assert validate(weights, tmp_path / "other", "--data", tmp_path / "data", "--size", "40", "--crop-pct", "0.8") == 0
    assert "clean images: 40 pixels, crop 0.8, bilinear\n" in capsys.readouterr().out
    (tmp_path / "names.txt").write_text("\n".join(COLOURS))
    cells = ["--imagenet-c", published, "--severities", "1", "--classes", tmp_path / "names.txt"]
    assert validate(weights, tmp_path / "c", *cells) == 1
    assert "takes 32 pixels, and ImageNet-C's crop is 224: choose with --input-size" in capsys.readouterr().err
    assert validate(weights, tmp_path / "c", *cells, "--size", "32") == 0
    assert "clean images" not in capsys.readouterr().out


@pytest.mark.slow
def test_one_cache_keeps_both_networks_of_a_checkpoint_apart(tmp_path: Path) -> None:
    averaged = colour_network().state_dict()
    rolled = {name: averaged[name].roll(1, 0) for name in ("classifier.weight", "classifier.bias")}
    content = {"arch": ARCHITECTURE, "state_dict": averaged | rolled, "state_dict_ema": averaged}
    torch.save(content, tmp_path / "last.pth.tar")
    solid(tmp_path / "data", {name: [name] for name in COLOURS})
    options = ["--data", tmp_path / "data", "--cache", tmp_path / "cache", "--engine", "onnx", *AS_CARD]
    assert validate(tmp_path / "last.pth.tar", tmp_path / "averaged", *options) == 0
    assert validate(tmp_path / "last.pth.tar", tmp_path / "plain", *options, "--no-ema") == 0
    assert (read(tmp_path / "averaged")["clean_top1"], read(tmp_path / "plain")["clean_top1"]) == (1, 0)
