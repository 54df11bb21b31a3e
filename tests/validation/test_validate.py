"""groupnl validate: a tree in ImageNet-C's layout with known answers, going on after an interruption, and refusals."""

import csv
import json
import shutil
import tarfile
from pathlib import Path

import pytest
import torch
from PIL import Image
from support.colours import NAMES as COLOURS
from support.colours import colour_checkpoint, colour_network, solid
from support.folder_holder import held
from support.pictures import scene
from support.tiny import ARCHITECTURE, INPUT
from support.validation_runs import WRONG, read, validate

from groupnl.corruptions import CELLS, NAMES, Cell, CorruptionSpec, corrupt_each
from groupnl.corruptions.kinds import frost
from groupnl.inference.engines.torch_engine import TorchEngine
from groupnl.robustness.sampling import seed_of
from groupnl.validation.how import share_cores
from groupnl.validation.pixels import Resized


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return colour_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four images, one of them in the wrong folder."""
    folder = tmp_path_factory.mktemp("clean")
    solid(folder, {"red": ["red", "red"], "blue": ["blue", "yellow"]}, side=48)
    return folder


def write_shard(folder: Path, path: Path) -> None:
    """A WebDataset's shard of class folders."""
    with tarfile.open(path, "w") as shard:
        for number, file in enumerate(sorted(folder.glob("*/*"))):
            label = path.with_suffix(".label")
            label.write_text(str(COLOURS.index(file.parent.name)))
            shard.add(file, f"{number}.jpg")
            shard.add(label, f"{number}.cls")


def test_figures_of_a_published_tree_are_those_computed_by_hand(
    checkpoint: Path, clean: Path, published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert validate(checkpoint, output, "--data", clean, "--imagenet-c", published, "--size", "32") == 0
    found = read(output)
    assert (found["clean_top1"], found["settings"]["input"]["size"]) == (0.75, 32)
    for place, name in enumerate(NAMES):
        assert list(found["errors"][name].values()) == [count / 4 for count in WRONG[place % 3]]
        assert found["ce"][name] == pytest.approx((0.5, 0.25, 0.9)[place % 3])
    assert found["mean_ce"] == pytest.approx((7 * 0.5 + 6 * 0.25 + 6 * 0.9) / 19)
    assert found["mean_accuracy"] == pytest.approx(1 - (7 * 0.5 + 6 * 0.25 + 6 * 0.9) / 19)
    # By the paper's table, in percent; five types of each kind are in the benchmark.
    halves, quarters, most = (
        (88.6, 82.0, 79.8, 81.9, 64.6),
        (89.4, 82.6, 86.7, 56.5, 71.8),
        (92.3, 78.6, 82.7, 85.3, 60.7),
    )
    by_hand = (
        [50 / alexnet for alexnet in halves] + [25 / alexnet for alexnet in quarters] + [90 / each for each in most]
    )
    assert found["mce"] == pytest.approx(sum(by_hand) / 15, rel=1e-3)
    relative = [25 / (alexnet - 43.5) for alexnet in halves] + [65 / (alexnet - 43.5) for alexnet in most]
    assert found["relative_mce"] == pytest.approx(sum(relative) / 15, rel=3e-3)  # the quarters lose nothing
    shown = capsys.readouterr().out
    assert "clean: top-1 75.0 %" in shown
    assert "mean unnormalised CE of 19 types                 54.7" in shown
    assert "mean corruption accuracy                         45.3" in shown
    assert f"relative mCE (15 types, AlexNet = 100)           {100 * found['relative_mce']:.1f}" in shown
    assert "not known to be of those classes and these are of 32 pixels" in shown
    _check_files(output)


def _check_files(output: Path) -> None:
    rows = list(csv.DictReader((output / "cells.csv").read_text().splitlines()))
    assert len(rows) == 96
    assert list(rows[0].values())[:4] == ["clean", "0", "4", "3"]
    assert list(rows[-1].values())[:4] == ["saturate", "5", "4", "0"]
    figures = {
        row["figure"]: float(row["share"]) for row in csv.DictReader((output / "figures.csv").read_text().splitlines())
    }
    shares = {name: value for name, value in read(output).items() if isinstance(value, float)}
    assert len(shares) == 6
    assert shares.items() <= {name: pytest.approx(value, abs=1e-6) for name, value in figures.items()}.items()
    assert figures["ce fog"] == pytest.approx(read(output)["ce"]["fog"], abs=1e-6)
    with Image.open(output / "heat_map.png") as picture:
        assert (picture.format, picture.height > 900, picture.width > 900) == ("PNG", True, True)


@pytest.mark.slow
def test_batches_across_cells_give_what_single_cells_do(checkpoint: Path, published: Path, tmp_path: Path) -> None:
    tree = ["--imagenet-c", published, "--size", "32", "--corruptions", "fog", "snow", "spatter"]
    for name, size in (("cells", "4"), ("across", "7"), ("single", "1")):
        assert validate(checkpoint, tmp_path / name, *tree, "--batch-size", size) == 0
    assert validate(checkpoint, tmp_path / "workers", *tree, "--batch-size", "7", "--workers", "2") == 0
    texts = [(tmp_path / name / "counts.json").read_text() for name in ("cells", "across", "single", "workers")]
    assert texts == texts[:1] * 4


def test_what_was_finished_before_an_interruption_is_not_measured_again(
    checkpoint: Path, published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = tmp_path / "tree"
    for name in ("fog", "contrast"):
        shutil.copytree(published / name, tree / name)
    victim = tree / "contrast" / "3" / "green" / "1.JPEG"
    whole = victim.read_bytes()
    victim.write_bytes(b"x" * len(whole))
    options = ["--imagenet-c", tree, "--size", "32", "--corruptions", "fog", "contrast", "--batch-size", "4"]
    assert validate(checkpoint, tmp_path / "out", *options) == 1
    assert f"the image {victim} cannot be used: " in capsys.readouterr().err
    assert not (tmp_path / "out" / "figures.json").exists()
    record = json.loads((tmp_path / "out" / "counts.json").read_text())
    assert [(cell["corruption"], cell["severity"]) for cell in record["cells"]][:5] == [("fog", s) for s in range(1, 6)]
    assert 5 <= len(record["cells"]) <= 7
    # Another count shows whether the cell is measured again.
    record["cells"][0] |= {"top1": 1, "top5": 2}
    (tmp_path / "out" / "counts.json").write_text(json.dumps(record))
    victim.write_bytes(whole)
    assert validate(checkpoint, tmp_path / "out", *options) == 0
    found = read(tmp_path / "out")
    assert list(found["errors"]["fog"].values()) == [0.75, 0.25, 0.5, 0.75, 1.0]
    assert list(found["errors"]["contrast"].values()) == [count / 4 for count in WRONG[NAMES.index("contrast") % 3]]


def test_cells_can_be_added_to_a_record(checkpoint: Path, clean: Path, published: Path, tmp_path: Path) -> None:
    tree = ["--imagenet-c", published, "--size", "32"]
    assert validate(checkpoint, tmp_path, "--data", clean, "--size", "32") == 0
    assert not (tmp_path / "heat_map.png").exists()
    assert validate(checkpoint, tmp_path, *tree, "--corruptions", "fog", "--severities", "2", "4") == 0
    assert validate(checkpoint, tmp_path, *tree, "--corruptions", "snow") == 0
    found = read(tmp_path)
    assert (found["clean_top1"], found["mce"]) == (0.75, None)
    assert found["errors"]["fog"] == {"2": 0.25, "4": 0.75}
    assert len(found["errors"]["snow"]) == 5
    assert "they need the 15 types at 5 severities, and 68 of the 75 are missing" in found["notes"][0]


def test_cells_that_were_measured_need_not_lie_there_any_more(
    checkpoint: Path, published: Path, tmp_path: Path
) -> None:
    for name in ("fog", "snow"):
        root = tmp_path / f"only {name}"
        root.mkdir()
        (root / name).symlink_to(published / name)
        options = ["--imagenet-c", root, "--size", "32", "--corruptions", name]
        assert validate(checkpoint, tmp_path / "out", *options) == 0
    assert set(read(tmp_path / "out")["ce"]) == {"fog", "snow"}


def test_uneven_cells_and_other_files_are_seen(
    checkpoint: Path, published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "c"
    shutil.copytree(published / "fog", root / "fog")
    green = root / "fog" / "3" / "green"
    next(green.iterdir()).unlink()
    (green / "Thumbs.db").write_bytes(b"no picture")
    options = ["--imagenet-c", root, "--size", "32", "--corruptions", "fog", "--severities"]
    assert validate(checkpoint, tmp_path / "out", *options, "1", "2", "3") == 1
    assert "fog at severity 3 has 3 images of the class green, and most cells" in capsys.readouterr().err
    assert validate(checkpoint, tmp_path / "out", *options, "3") == 0
    assert validate(checkpoint, tmp_path / "out", *options, "1", "2") == 0
    shown = capsys.readouterr().out
    assert "Most cells have 4 images, but not fog 3 (3): are images missing?" in shown
    assert "Not all five severities were measured of fog" in shown


def test_shards_take_their_classes_from_the_corrupted_folders(
    checkpoint: Path, clean: Path, published: Path, tmp_path: Path
) -> None:
    """Numbers in the shards, names in the folders: in one run, and in two."""
    shard = tmp_path / "clean-0.tar"
    write_shard(clean, shard)
    cells = ["--imagenet-c", published, "--size", "32", "--corruptions", "fog"]
    assert validate(checkpoint, tmp_path / "one", "--data", shard, *cells) == 0
    assert validate(checkpoint, tmp_path / "two", "--data", shard, "--size", "32") == 0
    assert validate(checkpoint, tmp_path / "two", "--data", shard, *cells) == 0
    assert read(tmp_path / "one") == read(tmp_path / "two")
    assert read(tmp_path / "one")["clean_top1"] == 0.75


def test_corrupted_here_is_corrupted_by_hand(checkpoint: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    for number, (name, angle) in enumerate((("red", 0), ("red", 90), ("cyan", 30), ("grey", 200), ("blue", 10))):
        (data / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(scene()).rotate(angle).save(data / name / f"{number}.png")
    names = ["impulse_noise", "glass_blur", "contrast"]
    options = ["--data", data, "--corrupt", "--corruptions", *names, "--seed", "5", "--batch-size", "4"]
    assert validate(checkpoint, tmp_path / "out", *options) == 0
    assert validate(checkpoint, tmp_path / "jpeg", *options, "--as-published", "--workers", "1") == 0
    engine = TorchEngine(colour_network(), INPUT, torch.device("cpu"), torch.float32)
    files = sorted(data.glob("*/*"))
    for folder, is_published in (("out", False), ("jpeg", True)):
        record = json.loads((tmp_path / folder / "counts.json").read_text())
        assert record["corrupted"] == {"origin": "made", "size": 32, "seed": 5, "published": is_published}
        found = {Cell(cell["corruption"], cell["severity"]): cell for cell in record["cells"]}
        for cell in (cell for cell in CELLS if cell.corruption in names):
            right = 0
            for file in files:
                seed = seed_of(f"{file.parent.name}/{file.name}", *cell, 5)
                pixels = Resized(INPUT)(file.read_bytes())[None]
                corrupted = corrupt_each(pixels, [CorruptionSpec(*cell, seed)], published=is_published)
                right += COLOURS[int(engine(corrupted).argmax())] == file.parent.name
            assert (found[cell]["images"], found[cell]["top1"]) == (5, right)


def test_missing_folders_are_named(
    checkpoint: Path, published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(published, tree)
    shutil.rmtree(tree / "fog")
    shutil.rmtree(tree / "snow" / "3")
    assert validate(checkpoint, tmp_path / "out", "--imagenet-c", tree, "--size", "32") == 1
    said = capsys.readouterr().err
    assert "snow at 3; fog at 1, 2, 3, 4, 5" in said
    assert "--corruptions" in said
    assert not (tmp_path / "out").exists()


def test_a_record_of_something_else_is_in_the_way(
    checkpoint: Path, clean: Path, published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    part = ["--corruptions", "contrast", "--severities", "1", "--size", "32"]
    assert validate(checkpoint, output, "--data", clean, "--corrupt", *part) == 0
    before = (output / "counts.json").read_text()
    other = tmp_path / "other"
    shutil.copytree(clean, other)
    solid(other, {"green": ["green"]})
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(checkpoint.read_bytes()[:-1] + bytes([checkpoint.read_bytes()[-1] ^ 1]))
    for options, words in (
        (["--data", other, "--corrupt", *part], "the clean images were measured on 4 images that are not these 5"),
        (["--data", clean, "--corrupt", *part, "--seed", "1"], "seed was 0, is 1"),
        (["--data", clean, "--corrupt", *part, "--as-published"], "published was False, is True"),
        (["--data", clean, "--imagenet-c", published, *part], "origin was made, is files"),
        (["--data", clean, "--corrupt", *part, "--precision", "bfloat16"], "precision was float32, is bfloat16"),
        (["--data", clean, "--corrupt", *part, "--interpolation", "bicubic"], "input was"),
    ):
        assert validate(checkpoint, output, *options) == 1
        assert words in capsys.readouterr().err
    assert validate(weights, output, "--data", clean, "--corrupt", *part) == 1
    assert "weights_sha256 was" in capsys.readouterr().err
    assert (output / "counts.json").read_text() == before


def test_tars_and_shards_give_what_folders_do(checkpoint: Path, clean: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "clean.tar", "w") as tar:
        tar.add(clean, ".")
    write_shard(clean, tmp_path / "shard.tar")
    for name in ("clean.tar", "shard.tar"):
        assert validate(checkpoint, tmp_path / f"{name}.out", "--data", tmp_path / name) == 0
        assert read(tmp_path / f"{name}.out")["clean_top1"] == 0.75


@pytest.mark.parametrize("workers", ["0", "2"])
def test_an_image_that_cannot_be_decoded_is_named(
    checkpoint: Path, clean: Path, tmp_path: Path, workers: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    shutil.copytree(clean, data)
    victim = data / "red" / "1.JPEG"
    victim.write_bytes(victim.read_bytes()[:200])
    assert validate(checkpoint, tmp_path / "out", "--data", data, "--workers", workers) == 1
    said = capsys.readouterr().err
    assert f"the image {victim} cannot be used: " in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_another_engine_answers_alike(checkpoint: Path, clean: Path, tmp_path: Path) -> None:
    assert validate(checkpoint, tmp_path, "--data", clean, "--engine", "onnx") == 0
    assert (read(tmp_path)["clean_top1"], read(tmp_path)["settings"]["engine"]) == (0.75, "onnx")


def test_one_process_at_a_time_counts_in_a_folder(
    checkpoint: Path, clean: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with held(tmp_path):
        assert validate(checkpoint, tmp_path, "--data", clean) == 1
    assert f"another process works in {tmp_path}: wait for it, or name another --output" in capsys.readouterr().err
    assert not (tmp_path / "counts.json").exists()
    assert validate(checkpoint, tmp_path, "--data", clean) == 0


@pytest.mark.parametrize(
    ("cores", "workers", "threads", "shares"),
    [
        (1, None, None, (0, 1)),
        (2, None, None, (1, 1)),
        (16, None, None, (8, 8)),
        (16, 2, None, (2, 14)),
        (16, None, 12, (4, 12)),
        (2, None, 2, (1, 2)),
        (2, 0, None, (0, 2)),
        (4, 9, None, (9, 1)),
        (4, 3, 3, (3, 3)),
    ],
)
def test_workers_and_threads_share_the_cores(
    cores: int, workers: int | None, threads: int | None, shares: tuple[int, int]
) -> None:
    assert share_cores(cores, workers, threads) == shares


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "name images with --data, with --imagenet-c, or with both"),
        (["--corrupt"], "--corrupt needs the clean images"),
        (["--data", "nowhere"], "nowhere does not exist"),
        (["--data", "CLEAN", "--as-published"], "--as-published is for --corrupt"),
        (["--data", "CLEAN", "--batch-size", "0"], "--batch-size 0: it must be 1 or more"),
        (["--data", "CLEAN", "--workers", "-1"], "--workers -1: it must be 0 or more"),
        (["--data", "CLEAN", "--crop-pct", "1.5"], "--crop-pct 1.5: it must be 1 or less"),
        (["--data", "CLEAN", "--corrupt", "--size", "24"], "--corrupt needs an input of 32 pixels or more"),
        (["--data", "CLEAN", "--model", "resnet50"], f"--architecture resnet50: CHECKPOINT holds {ARCHITECTURE}"),
        (["--data", "CLEAN", "--classes", "names.txt"], "--classes names.txt: CHECKPOINT names its classes"),
        (
            ["--imagenet-c", "PUBLISHED"],
            "CHECKPOINT takes 32 pixels, and ImageNet-C's crop is 224: choose with --input-size",
        ),
        (["--imagenet-c", "PUBLISHED", "--input-size", "64"], "it has 32 x 32 pixels; the crop takes 64"),
        (["--data", "CLEAN", "--engine", "onnx", "--precision", "bfloat16"], "ONNX Runtime has no bfloat16"),
    ],
)
def test_what_cannot_be_used_is_told(
    checkpoint: Path,
    clean: Path,
    published: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    sentence: str,
) -> None:
    places = {"CLEAN": str(clean), "PUBLISHED": str(published)}
    assert validate(checkpoint, tmp_path / "out", *(places.get(word, word) for word in options)) in {1, 2}
    assert sentence.replace("CHECKPOINT", str(checkpoint)) in capsys.readouterr().err


def test_textures_that_are_missing_are_told_before_anything_is_measured(
    checkpoint: Path,
    clean: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(frost, "PACKAGE", "no-such-package")
    words = ("--data", clean, "--corrupt", "--size", "32", "--severities", "1", "--corruptions")
    assert validate(checkpoint, tmp_path / "without", *words, "fog") == 0
    assert validate(checkpoint, tmp_path / "with", *words, "fog", "frost") == 1
    assert "pip install --no-deps no-such-package" in capsys.readouterr().err
    assert not list((tmp_path / "with").glob("*.json"))
