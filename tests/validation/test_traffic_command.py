"""groupnl traffic: its counts against a plain loop over single images; one file a checkpoint; what is refused."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support.pictures import scene
from support.tiny import CLASSES, INPUT, tiny_card, tiny_checkpoint, tiny_network
from support.traffic import tiny_confusion

from groupnl.base.files import sha256_of
from groupnl.cli import main
from groupnl.corruptions.names import NAMES as CORRUPTIONS
from groupnl.inference.engines.torch_engine import TorchEngine
from groupnl.metrics import CONFIDENCE, ENTROPY
from groupnl.traffic.file import read_traffic
from groupnl.traffic.fit import Fitted
from groupnl.traffic.onlooker import Onlooker
from groupnl.traffic.recogniser import Recogniser
from groupnl.traffic.record import LOOKS
from groupnl.traffic.statistics import STATISTICS, pixel_statistics
from groupnl.validation.offline import read_images
from groupnl.validation.traffic import clean_answers, looks_carried, statistics_in_all_cells

NAMES = ("red/1", "red/2", "round/1", "blue/1", "dotted/1", "dotted/2")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    picture = Image.fromarray(scene())
    for number, name in enumerate(NAMES):
        path = tmp_path / "data/test" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.rotate(40 * number).save(path)
    return tmp_path / "data"


def command(data: Path, *words: str | Path) -> int:
    return main(["traffic", *map(str, words), "--data", str(data), "--splits", "test", "--precision", "float32"])


def test_a_file_beside_the_checkpoint(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("groupnl.traffic.fit.EPOCHS", 1)
    checkpoint = tiny_checkpoint(tmp_path)
    assert command(data, checkpoint) == 0
    path = tmp_path / "tiny.traffic.safetensors"
    out, err = capsys.readouterr()
    assert out == f"{path}\n"
    assert "the images are of 4 of the 7 classes" in err
    traffic = read_traffic(path)
    record = traffic.record
    assert (record.images, record.size, record.splits, record.data) == (6, INPUT.size, ("test",), "data")
    assert record.weights_sha256 == sha256_of(checkpoint)
    assert (traffic.confusion.sum(axis=1) == 6).all()
    images = read_images(data, ["test"], tiny_card(), None, 0)
    np.testing.assert_array_equal(
        traffic.reference, np.sort(pixel_statistics(images.pixels)[:, : len(STATISTICS)].T, axis=1)
    )
    assert len(Onlooker(traffic).look(images.pixels)) == 6
    first = path.read_bytes()
    assert command(data, checkpoint) == 0
    assert path.read_bytes() == first


def test_live_images_say_what_is_clean(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("groupnl.traffic.fit.EPOCHS", 1)
    checkpoint, live = tiny_checkpoint(tmp_path), tmp_path / "live"
    live.mkdir()
    for number in range(8):
        Image.fromarray(scene()).rotate(30 * number).save(live / f"{number}.png")
    assert command(data, checkpoint, "--live", live) == 0
    assert "beside held-back images, the 8 live ones look " in capsys.readouterr().err
    traffic = read_traffic(tmp_path / "tiny.traffic.safetensors")
    assert (traffic.record.images, traffic.record.live_images) == (6, 8)
    assert traffic.confusion.sum(axis=1).tolist() == [8, *[6] * 95]
    for number in range(3):
        (live / f"{number}.png").unlink()
    assert command(data, checkpoint, "--live", live) == 1
    assert "has 5 images; give 6 or more" in capsys.readouterr().err


def test_what_live_images_carry_is_told() -> None:
    # A small model by one statistic: what is bright carries fog.
    count, fog = 3, 1 + 5 * CORRUPTIONS.index("fog")
    recogniser = Recogniser(
        mean=np.zeros(count, np.float32),
        scale=np.ones(count, np.float32),
        hidden_weight=np.eye(1, count, dtype=np.float32),
        hidden_bias=np.zeros(1, np.float32),
        weight=np.eye(len(LOOKS), dtype=np.float32)[:, [fog]] * 10,
        bias=9 * np.eye(1, len(LOOKS), dtype=np.float32)[0],
        caution=np.ones(19, np.float32),
    )
    fitted = Fitted(recogniser, tiny_confusion(images=400), np.zeros((96, 1, 96), np.float32))
    statistics = np.zeros((100, count), np.float32)
    assert looks_carried(fitted, statistics) == {}
    statistics[:40, 0] = 5
    told = looks_carried(fitted, statistics)
    assert list(told) == ["fog"]
    assert 0.3 < told["fog"] < 0.6


def test_clean_answers_are_those_of_single_images(data: Path) -> None:
    images = read_images(data, ["test"], tiny_card(), None, 0)
    engine = TorchEngine(tiny_network(), INPUT, torch.device("cpu"), torch.float32)
    answers = clean_answers(engine, images, CLASSES, batch_size=4)
    confidence, entropy, predicted = [0] * 10, [0] * 10, dict.fromkeys(CLASSES, 0)
    for pixels in images.pixels.split(1):
        shares = engine(pixels)[0].double().softmax(0).tolist()
        predicted[CLASSES[int(np.argmax(shares))]] += 1
        ratio = -sum(share * math.log(share) for share in shares) / math.log(len(CLASSES))
        confidence[next(index for index, bound in enumerate(CONFIDENCE.buckets) if max(shares) <= bound)] += 1
        entropy[next(index for index, bound in enumerate(ENTROPY.buckets) if ratio <= bound)] += 1
    assert answers.confidence == tuple(confidence)
    assert answers.entropy == tuple(entropy)
    assert answers.predicted == {name: count for name, count in predicted.items() if count}
    assert answers.ece_calibrated <= answers.ece or answers.temperature == pytest.approx(1, abs=0.2)


def test_statistics_are_those_of_the_corrupted_images(data: Path) -> None:
    images = read_images(data, ["test"], tiny_card(), None, 0)
    done: list[int] = []
    found = statistics_in_all_cells(images, seed=3, batch_size=4, progress=done.append)
    assert found.shape[:2] == (96, 6)
    assert sum(done) == 96 * 6
    np.testing.assert_allclose(found[0], pixel_statistics(images.pixels), rtol=1e-4, atol=1e-4)
    noise = STATISTICS.index("noise")
    assert (found[5, :, noise] > found[1, :, noise]).all()
    assert (found[1, :, noise] > found[0, :, noise]).all()


def test_what_cannot_be_used_is_refused(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = tiny_checkpoint(tmp_path)
    assert command(data, checkpoint, "--limit", "4") == 1
    assert "4 images; 5 or more are needed" in capsys.readouterr().err
    assert command(data, checkpoint, checkpoint, "--output", tmp_path / "file") == 2
    assert "is for one checkpoint" in capsys.readouterr().err
    assert command(tmp_path / "nowhere", checkpoint) == 1
    assert "does not exist" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.traffic.safetensors"))
