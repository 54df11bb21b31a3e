"""groupnl validate --set: sets of folders, whatever their corruptions are called, with answers known by hand."""

import json
import shutil
import tarfile
from pathlib import Path

import pytest
import torch
from support.colours import COLOURS, colour_checkpoint, colour_network, solid
from support.constant import constant_checkpoint
from support.tiny import ARCHITECTURE, INPUT
from support.validation_runs import AS_CARD, read, validate

from groupnl.card import ModelCard
from groupnl.card.imagenet import imagenet_synsets
from groupnl.models import save_checkpoint
from groupnl.validation.sets.table import C_BAR, THREE_D

SYNSETS = ("n01443537", "n01484850", "n01494475", "n01498041", "n01514859", "n01518878")  # six of ImageNet-R's


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return colour_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="module")
def constant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return constant_checkpoint(tmp_path_factory.mktemp("constant"))


def test_the_published_names_are_looked_for_and_their_mean_is_no_mce(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in C_BAR:
        for severity in range(1, 6):
            shown = ["yellow"] * (severity - 1) + ["red"] * (5 - severity)
            solid(tmp_path / "bar" / name / str(severity), {"red": shown[:4]})
    options = ["--set", "imagenet-c-bar", tmp_path / "bar", "--size", "32"]
    assert validate(checkpoint, tmp_path / "out", *options) == 0
    found = read(tmp_path / "out")
    assert list(found["errors"]) == list(C_BAR)
    assert list(found["errors"]["sparkles"].values()) == [0, 0.25, 0.5, 0.75, 1]
    assert (found["mean_ce"], found["mce"], found["relative_mce"]) == (0.5, None, None)
    shown_text = capsys.readouterr().out
    assert "mean unnormalised CE of 10 types                 50.0\n" in shown_text
    assert "mCE (15" not in shown_text
    assert "No mCE is given for ImageNet-C-bar: the mean of its ten types' is what its authors report" in shown_text
    assert "ImageNet-C-bar has 50000 images a cell, and here are 4; 1000 classes, and here 6 classes" in shown_text
    record = json.loads((tmp_path / "out" / "counts.json").read_text())
    assert record["corrupted"]["origin"] == "imagenet-c-bar"
    shutil.rmtree(tmp_path / "bar" / "sparkles" / "4")
    assert validate(checkpoint, tmp_path / "other", *options) == 1
    assert "bar lacks folders <corruption>/<severity> of ImageNet-C-bar: sparkles at 4" in capsys.readouterr().err


def test_the_folders_of_c_bars_script_are_in_the_order_of_their_strengths(checkpoint: Path, tmp_path: Path) -> None:
    strengths = ("2.00", "9.00", "10.00", "4.00", "1.00")  # the text's order is another
    for strength in strengths:
        severity = sorted(strengths, key=float).index(strength) + 1
        shown = ["yellow"] * (severity - 1) + ["red"] * (5 - severity)
        solid(tmp_path / "bar" / "inverse_sparkles" / strength, {"red": shown})
    options = ["--set", "imagenet-c-bar", tmp_path / "bar", "--size", "32", "--corruptions", "inverse_sparkles"]
    assert validate(checkpoint, tmp_path / "out", *options) == 0
    assert list(read(tmp_path / "out")["errors"]["inverse_sparkles"].values()) == [0, 0.25, 0.5, 0.75, 1]
    shutil.rmtree(tmp_path / "bar" / "inverse_sparkles" / "4.00")
    assert validate(checkpoint, tmp_path / "other", *options) == 1


def test_3dcc_has_twelve_types(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    solid(tmp_path / "3d" / "near_focus" / "1", {"red": ["red", "blue"]})
    part = ["--corruptions", "near_focus", "--severities", "1", "--size", "32"]
    assert validate(checkpoint, tmp_path / "out", "--set", "imagenet-3dcc", tmp_path / "3d", *part) == 0
    assert read(tmp_path / "out")["errors"] == {"near_focus": {"1": 0.5}}
    assert "Not all five severities were measured of near_focus" in capsys.readouterr().out
    assert validate(checkpoint, tmp_path / "out", "--set", "imagenet-3dcc", tmp_path / "3d", "--size", "32") == 1
    said = capsys.readouterr().err
    assert all(f"{name} at" in said for name in THREE_D)
    assert "near_focus at 2, 3, 4, 5" in said


def test_any_names_and_any_number_of_severities_are_a_set(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for level in (1, 2, 7):
        solid(tmp_path / "own" / "rain" / str(level), {"red": ["red"] * 3 + ["blue"], "cyan": ["cyan"]})
        solid(tmp_path / "own" / "fog" / str(level), {"red": ["blue"] * 4, "cyan": ["cyan"]})
    options = ["--set", "corrupted", tmp_path / "own", "--size", "32"]
    assert validate(checkpoint, tmp_path / "out", *options) == 0
    found = read(tmp_path / "out")
    assert found["errors"] == {
        name: dict.fromkeys("127", pytest.approx(error)) for name, error in (("fog", 0.8), ("rain", 0.2))
    }
    assert (found["mean_ce"], found["mean_accuracy"]) == (pytest.approx(0.5), pytest.approx(0.5))
    assert "at severity                         1      2      7   unnormalised CE" in capsys.readouterr().out
    shutil.rmtree(tmp_path / "own" / "rain" / "2")
    assert validate(checkpoint, tmp_path / "less", *options) == 1
    assert "of corrupted images: rain at 2" in capsys.readouterr().err
    (tmp_path / "own" / "rain" / "some").mkdir()
    assert validate(checkpoint, tmp_path / "less", *options) == 1
    assert f"there is a folder {tmp_path / 'own' / 'rain' / 'some'}, which is no severity" in capsys.readouterr().err
    (tmp_path / "own" / "snow").symlink_to(tmp_path / "nowhere")
    assert validate(checkpoint, tmp_path / "less", *options) == 1
    assert f"{tmp_path / 'own' / 'snow'} is a link that leads nowhere: mend it" in capsys.readouterr().err


def test_a_cell_that_lacks_images_is_refused_by_name(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("rain", "snow"):
        for level in (1, 2):
            solid(tmp_path / "own" / name / str(level), {"red": ["red"] * 3, "cyan": ["cyan"] * 2})
    (tmp_path / "own" / "snow" / "2" / "cyan" / "1.JPEG").unlink()
    options = ["--set", "corrupted", tmp_path / "own", "--size", "32"]
    assert validate(checkpoint, tmp_path / "out", *options) == 1
    said = capsys.readouterr().err
    assert "snow at severity 2 has 1 images of the class cyan, and most cells that are measured with it have 2" in said
    assert not (tmp_path / "out" / "counts.json").exists()
    assert validate(checkpoint, tmp_path / "out", *options, "--corruptions", "snow", "--severities", "2") == 0
    assert validate(checkpoint, tmp_path / "out", *options, "--corruptions", "rain") == 0
    assert "Most cells have 5 images, but not snow 2 (4): are images missing?" in capsys.readouterr().out


def test_only_the_classes_of_the_folders_can_be_answered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = ModelCard(architecture=ARCHITECTURE, classes=SYNSETS, input=INPUT)
    checkpoint = tmp_path / "synsets.safetensors"
    save_checkpoint(checkpoint, colour_network().state_dict(), card)
    of = dict(zip(sorted(COLOURS), SYNSETS, strict=True))
    solid(tmp_path / "r", {of["blue"]: ["blue", "cyan"], of["green"]: ["green"], of["red"]: ["red", "yellow", "grey"]})
    (tmp_path / "r" / of["yellow"]).mkdir()  # its class can be answered, though it has no image
    assert validate(checkpoint, tmp_path / "all", "--data", tmp_path / "r") == 0
    assert validate(checkpoint, tmp_path / "r.out", "--set", "imagenet-r", tmp_path / "r") == 0
    shown = capsys.readouterr()
    assert "imagenet-r: top-1 " in shown.out
    assert "among the set's 4 classes of 6 images of 32 pixels" in shown.out
    assert "the images are of 3 of the 4 classes: none is of n01518878" in shown.err
    assert "ImageNet-R has 30000 images, and here are 6; 200 classes, and here 4 classes" in shown.out
    with torch.no_grad():
        pixels = torch.tensor([COLOURS[name] for name in ("blue", "cyan", "green", "red", "yellow", "grey")])
        flat = (pixels.view(-1, 3, 1, 1).expand(-1, -1, 32, 32) / 255 - 0.5) / 0.25
        logits = colour_network()(flat)
    labels = torch.tensor([0, 0, 2, 4, 4, 4])
    kept = logits[:, [0, 2, 4, 5]]
    right = torch.tensor([0, 2, 4, 5])[kept.argmax(1)] == labels
    assert read(tmp_path / "all")["clean_top1"] == 0.5
    assert read(tmp_path / "r.out")["clean_top1"] == pytest.approx(float(right.float().mean()))
    assert not right[4]  # yellow may be answered


def test_imagenet_v2s_numbers_are_not_sorted_as_text(
    constant: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    solid(tmp_path / "v2", {"2": ["red", "blue"], "10": ["red"], "5": ["red"], "999": ["red"]})
    options = ["--set", "imagenet-v2", tmp_path / "v2", *AS_CARD]
    assert validate(constant, tmp_path / "out", *options) == 0
    found = read(tmp_path / "out")
    assert (found["clean_top1"], found["clean_top5"], found["settings"]["imagenet"]) == (0.4, 0.6, True)
    (tmp_path / "v2" / "1000").mkdir()
    assert validate(constant, tmp_path / "more", *options) == 1
    assert (
        f"there is a folder {tmp_path / 'v2' / '1000'}, but folders of this set are called 0" in capsys.readouterr().err
    )


def test_sketches_have_synsets(constant: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    synsets = imagenet_synsets()
    solid(tmp_path / "sketch", {synsets[2]: ["red"], synsets[3]: ["red"], synsets[700]: ["red", "red"]})
    options = ["--set", "imagenet-sketch", tmp_path / "sketch", *AS_CARD]
    assert validate(constant, tmp_path / "out", *options) == 0
    assert (read(tmp_path / "out")["clean_top1"], read(tmp_path / "out")["clean_top5"]) == (0.25, 0.5)
    solid(tmp_path / "sketch", {"n00000000": ["red"]})
    assert validate(constant, tmp_path / "more", *options) == 1
    assert "n00000000, but the network has no such class" in capsys.readouterr().err


def test_validation_images_come_as_a_tar_and_may_have_their_synset_in_their_names(
    constant: Path, tmp_path: Path
) -> None:
    solid(tmp_path, {"val": ["red"] * 3})
    (tmp_path / "real.json").write_text(json.dumps([[7], [], [2, 5], [2]]))
    with tarfile.open(tmp_path / "val.tar", "w") as file:
        for number, name in enumerate(("1", "2_n01443537", "4_n01491361")):
            file.add(tmp_path / "val" / f"{number}.JPEG", f"ILSVRC2012_val_0000000{name}.JPEG")
    options = ["--set", "imagenet-real", tmp_path / "val.tar", tmp_path / "real.json", *AS_CARD]
    assert validate(constant, tmp_path / "out", *options) == 0
    assert read(tmp_path / "out")["clean_top1"] == 0.5  # of images 1 and 4; the constant answer is 2


@pytest.mark.parametrize("flat", [False, True])
def test_several_labels_are_right_and_images_without_any_left_out(
    constant: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], flat: bool
) -> None:
    lists = [[2], [7, 2], [], [5], [999, 998]]
    for number in range(1, 6):
        folder = tmp_path / "val" / ("." if flat else f"{imagenet_synsets()[number]}")
        solid(folder.parent, {folder.name: ["red"]})
        (folder / "0.JPEG").rename(folder / f"ILSVRC2012_val_{number:08}.JPEG")
    labels = tmp_path / "real.json"
    labels.write_text(json.dumps(lists))
    options = ["--set", "imagenet-real", tmp_path / "val", labels, *AS_CARD]
    assert validate(constant, tmp_path / "out", *options) == 0
    found = read(tmp_path / "out")
    assert (found["clean_top1"], found["clean_top5"]) == (0.5, 0.75)
    assert "imagenet-real: top-1 50.0 %, top-5 75.0 % of 4 images" in capsys.readouterr().out
    labels.write_text(json.dumps([[2], [7, 2], [], [5], [2]]))  # other labels are other images
    assert validate(constant, tmp_path / "out", *options) == 1
    assert "the clean images were measured on 4 images that are not these 4" in capsys.readouterr().err
    for content, words in (
        (json.dumps(lists[:4]), "has 4 lists, so none for ILSVRC2012_val_00000005.JPEG"),
        (json.dumps([*lists[:4], [1000]]), "list 5 has 1000, which is none of the classes 0 to 999"),
        (json.dumps([[]] * 5), "gives none of the images a class"),
        ('{"a": 1}', "is no list of lists of class numbers"),
    ):
        labels.write_text(content)
        assert validate(constant, tmp_path / "other", *options) == 1
        assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--set", "imagenet-rr", "x"], "--set imagenet-rr: there is no such set, only images, imagenet-r"),
        (["--set", "imagenet-rr", "x"], "did you mean imagenet-r"),
        (["--set", "imagenet-r"], "--set imagenet-r needs a path"),
        (["--set", "imagenet-r", "x", "--data", "y"], "images and imagenet-r are two sets"),
        (["--set", "imagenet-3dcc", "x", "--imagenet-c", "y"], "imagenet-c and imagenet-3dcc are two sets"),
        (["--set", "imagenet-3dcc", "x", "--data", "y", "--corrupt"], "imagenet-3dcc and --corrupt are two sets"),
        (["--set", "imagenet-r", "x", "--imagenet-c", "y"], "imagenet-r and imagenet-c are not of the same images"),
        (["--data", "x", "--corrupt", "--corruptions", "fogg"], "--corruptions fogg: --corrupt makes no such"),
        (["--data", "x", "--corrupt", "--severities", "6"], "--severities 6: --corrupt makes severities 1 to 5"),
        (["--set", "imagenet-v2", "x", "y"], "this set has one path, and there are 2: x, y"),
        (["--set", "imagenet-real", "x"], "imagenet-real takes the validation images and then the labels"),
        (["--set", "corrupted", "nowhere"], "nowhere does not exist: name the unpacked folder of corrupted images"),
        (["--imagenet-c", __file__], "test_folder_sets.py is no folder: name the unpacked folder of ImageNet-C"),
    ],
)
def test_what_cannot_be_measured_is_told(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], sentence: str
) -> None:
    assert validate(checkpoint, tmp_path / "out", *options) in {1, 2}
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
