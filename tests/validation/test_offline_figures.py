"""groupnl robustness: counts against a plain loop over single images; going on where it stopped; what is refused."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from support.pictures import scene
from support.tiny import INPUT, tiny_card, tiny_checkpoint, tiny_network

from groupnl.base.files import sha256_of
from groupnl.cli import main
from groupnl.corruptions import CELLS, NAMES, Cell, CorruptionSpec, corrupt_each
from groupnl.inference.engines.torch_engine import TorchEngine
from groupnl.robustness.record import read_record
from groupnl.robustness.sampling import seed_of
from groupnl.validation.offline import Measurement, read_images

CPU = torch.device("cpu")
CARD = tiny_card()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    picture = Image.fromarray(scene())
    for number, name in enumerate(
        ("test_a/red/1", "test_a/red/2", "test_a/round/1", "test_b/blue/1", "test_b/dotted/1")
    ):
        path = tmp_path / "data" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.rotate(40 * number).save(path)
    return tmp_path / "data"


def test_counts_are_those_of_single_images(data: Path) -> None:
    network = tiny_network()
    engine = TorchEngine(network, INPUT, CPU, torch.float32)
    other = TorchEngine(torch.nn.Sequential(network, torch.nn.Hardtanh(-0.1, 0.1)), INPUT, CPU, torch.float32)
    images = read_images(data, ["test_a", "test_b"], CARD, None, 0)
    assert images.keys == (
        "test_a/red/1.png",
        "test_a/red/2.png",
        "test_a/round/1.png",
        "test_b/blue/1.png",
        "test_b/dotted/1.png",
    )
    measured = Measurement([engine, other], images, seed=7, batch_size=2)
    for cell in (Cell("impulse_noise", 5), Cell("contrast", 5), Cell("glass_blur", 3)):
        for model, figures in zip((engine, other), measured.cell(cell), strict=True):
            flips = correct = 0
            for key, pixels, label in zip(images.keys, images.pixels.split(1), images.labels.tolist(), strict=True):
                corrupted = corrupt_each(pixels, [CorruptionSpec(*cell, seed_of(key, *cell, 7))])
                before, after = int(model(pixels).argmax()), int(model(corrupted).argmax())
                flips += before != after
                correct += after == label
            assert (figures.cell, figures.flips, figures.correct) == (cell, flips, correct)
    clean = [int(engine(pixels).argmax()) for pixels in images.pixels.split(1)]
    assert measured.clean_correct()[0] == sum(
        best == label for best, label in zip(clean, images.labels.tolist(), strict=True)
    )


def test_a_random_part_is_the_same_for_a_seed(data: Path) -> None:
    parts = [read_images(data, ["test_a", "test_b"], CARD, 3, seed).keys for seed in range(6)]
    assert all(len(set(part)) == 3 for part in parts)
    assert len(set(parts)) > 1
    assert read_images(data, ["test_a", "test_b"], CARD, 3, 0).keys == parts[0]
    assert len(read_images(data, ["test_a"], CARD, 99, 0).keys) == 3


def _robustness(data: Path, checkpoint: Path, *options: str) -> int:
    splits = ["--splits", "test_a", "test_b", "--precision", "float32", "--device", "cpu"]
    return main(["robustness", str(checkpoint), "--data", str(data), *splits, *options])


def test_the_command_writes_a_whole_record_and_goes_on_with_a_part_of_one(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = tiny_checkpoint(tmp_path)
    assert _robustness(data, checkpoint) == 0
    file = tmp_path / "tiny.robustness.json"
    record = read_record(file)
    assert (record.missing(), record.images, record.data, record.splits) == ([], 5, "data", ("test_a", "test_b"))
    assert record.weights_sha256 == sha256_of(checkpoint)
    text = file.read_text()
    content = json.loads(text)
    content["cells"] = content["cells"][:90]
    content["cells"][0] |= {"flips": 5}  # so that it can be seen that it was not measured again
    file.write_text(json.dumps(content))
    assert _robustness(data, checkpoint) == 0
    found = read_record(file)
    assert found.missing() == []
    assert found.cells[0].flips == 5
    assert found.cells[1:] == record.cells[1:]
    assert len(text.splitlines()) > len(CELLS)
    text = file.read_text()
    for image in data.rglob("*.png"):
        image.write_bytes(b"no image")  # what is finished asks about none
    unlooked = f"no image was looked at again; to measure anew, remove {file}"
    assert unlooked not in capsys.readouterr().err
    assert _robustness(data, checkpoint) == 0
    assert file.read_text() == text
    assert unlooked in capsys.readouterr().err


@pytest.mark.slow
def test_a_corruption_that_is_new_is_added_to_a_whole_record(data: Path, tmp_path: Path) -> None:
    checkpoint = tiny_checkpoint(tmp_path)
    file = tmp_path / "tiny.robustness.json"
    assert _robustness(data, checkpoint) == 0
    text = file.read_text()
    content = json.loads(text) | {"corruptions": list(NAMES[:-1])}  # as if the last had not been known
    content["cells"] = content["cells"][:-5]
    file.write_text(json.dumps(content))
    assert read_record(file).missing() == []
    assert _robustness(data, checkpoint) == 0
    assert file.read_text() == text


@pytest.mark.slow
def test_a_record_of_other_settings_is_in_the_way(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = tiny_checkpoint(tmp_path)
    output = ["--output", str(tmp_path / "x.json")]
    assert _robustness(data, checkpoint, *output) == 0
    assert _robustness(data, checkpoint, *output, "--seed", "1") == 1
    assert "was measured with other settings (seed was 0, is 1)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--limit", "0"], "--limit 0: it must be 1 or more"),
        (["--splits", "nowhere"], "nowhere does not exist"),
        (["other.safetensors", "--output", "x.json"], "--output x.json is for one checkpoint"),
    ],
)
def test_what_cannot_be_used_is_told(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], sentence: str
) -> None:
    words = ["robustness", str(tiny_checkpoint(tmp_path)), "--data", str(data)]
    given = [*words[:2], *options[:1], *words[2:], *options[1:]] if options[0][0] != "-" else [*words, *options]
    assert main(given) in {1, 2}
    assert sentence in capsys.readouterr().err
