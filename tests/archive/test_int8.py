"""Int8 in an archive: which images calibrate and prove it, what is refused, what is packed, and where it is used."""

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support.tiny import CLASSES, tiny_card, tiny_checkpoint, tiny_network
from torch import Tensor, nn

from groupnl.archive import engine as engine_module
from groupnl.archive import int8, making
from groupnl.archive.engine import Choice, as_packed, choose, load_engine
from groupnl.archive.engine_record import packed_engines
from groupnl.archive.handler_config import HandlerConfig
from groupnl.archive.int8 import Int8Images, ProofImages, calibration_images, int8_images, prove, without
from groupnl.archive.load import checked_manifest
from groupnl.archive.pack import pack
from groupnl.archive.probe import ProbeSet, read_folder
from groupnl.archive.proof import Proof
from groupnl.archive.read import unpack
from groupnl.cli import main
from groupnl.errors import ArchiveError, ConfigError

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)


def pictures(folder: Path, count: int, first: int = 0) -> Path:
    """Labelled noise."""
    for number in range(first, first + count):
        pixels = np.random.default_rng(number).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        place = folder / CLASSES[number % len(CLASSES)]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{number:03}.png")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures(tmp_path_factory.mktemp("pictures") / "probe", 210)


@pytest.fixture(scope="module")
def probe(folder: Path) -> ProbeSet:
    return read_folder(folder, tiny_card())


def contents(images: Tensor) -> set[bytes]:
    return {image.numpy().tobytes() for image in images}


def test_the_probe_set_is_cut_in_two(probe: ProbeSet) -> None:
    images = int8_images(tiny_card(), probe, None, None)
    assert images.calibrated_on == images.source == "half of the probe set"
    assert images.proof.labels is not None
    assert len(images.calibration) == len(images.proof.pixels) == len(images.proof.labels) == 105
    assert not contents(images.calibration) & contents(images.proof.pixels)
    assert set(images.proof.labels.tolist()) == set(range(len(CLASSES)))


def test_a_named_folder_leaves_the_probe_set_for_the_proof(probe: ProbeSet, folder: Path, tmp_path: Path) -> None:
    others = pictures(tmp_path / "any", 60, first=200)  # ten of which are in the probe set
    images = int8_images(tiny_card(), probe, others, None)
    assert (images.calibrated_on, images.source) == (str(others), "the probe set")
    assert (len(images.calibration), len(images.proof.pixels)) == (50, 210)
    turned = int8_images(tiny_card(), None, others, folder)
    assert (turned.source, len(turned.calibration)) == (str(folder), 50)


def test_images_without_labels_are_cut_in_two_or_prove_as_they_lie(folder: Path, tmp_path: Path) -> None:
    images = int8_images(tiny_card(), None, folder, None)
    assert images.calibrated_on == images.source == f"half of {folder}"
    assert (len(images.calibration), len(images.proof.pixels), images.proof.labels) == (105, 105, None)
    assert not contents(images.calibration) & contents(images.proof.pixels)
    flat = tmp_path / "flat"
    flat.mkdir()
    for file in pictures(tmp_path / "labelled", 120, first=500).rglob("*.png"):
        file.rename(flat / file.name)
    named = int8_images(tiny_card(), None, folder, flat)
    assert (len(named.calibration), len(named.proof.pixels), named.proof.labels) == (210, 120, None)


def test_an_image_beside_class_folders_is_refused(folder: Path, tmp_path: Path) -> None:
    labelled = pictures(tmp_path / "labelled", 120, first=500)
    Image.new("RGB", (32, 32)).save(labelled / "overview.png")
    with pytest.raises(ConfigError, match=r"overview\.png outside of any class folder"):
        int8_images(tiny_card(), None, folder, labelled)


def test_without_labels_only_the_first_classes_prove(probe: ProbeSet) -> None:
    images = Int8Images(probe.pixels, "X", ProofImages(probe.pixels, None), "Y")
    proof = prove(
        Other(tiny_network(), 2), tiny_network(), tiny_card(), images
    )  # two of 210 are a shift of 0.95 points
    assert (proof.same, proof.correct, proof.correct_in_float32) == (208, None, None)
    assert "for 99.05% (95% interval 96.6% to 99.7%); how many are right nobody knows" in proof.in_a_line()
    with pytest.raises(ArchiveError, match=r"for 98\.57% .*at least 99% and at most 0\.5 points are wanted"):
        prove(Other(tiny_network(), 3), tiny_network(), tiny_card(), images)


def test_an_image_that_is_there_several_times_counts_once(probe: ProbeSet, folder: Path) -> None:
    again = ProbeSet(probe.pixels.repeat(2, 1, 1, 1), probe.labels.repeat(2))
    images = int8_images(tiny_card(), again, None, None)
    assert (len(images.calibration), len(images.proof.pixels)) == (105, 105)
    assert images.proof.labels is not None
    assert torch.equal(images.proof.labels, probe.labels[1::2])
    one = ProbeSet(probe.pixels[:1].repeat(120, 1, 1, 1), probe.labels[:1].repeat(120))
    with pytest.raises(
        ConfigError, match=r"different images for the proof, and the probe set has 1: give more \(--prove DIR"
    ):
        int8_images(tiny_card(), one, folder, None)
    with pytest.raises(
        ConfigError, match=r"calibration beside those of the proof, and .* has 0: give more \(--calibrate DIR"
    ):
        int8_images(tiny_card(), None, folder, folder)


def test_calibration_images_lie_anywhere_and_are_300_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures(tmp_path / "a" / "deep", 12)
    (tmp_path / "a" / "notes.txt").write_text("no image")
    (tmp_path / ".hidden").mkdir()
    Image.new("RGB", (32, 32)).save(tmp_path / ".hidden" / "x.png")
    assert len(calibration_images(tmp_path, tiny_card())) == 12
    monkeypatch.setattr(int8, "MOST_CALIBRATION", 5)
    first, again = (calibration_images(tmp_path, tiny_card()) for _ in range(2))
    assert len(first) == 5
    assert torch.equal(first, again)
    assert len(without(first, first[:2])) == 3


def test_what_is_too_little_is_refused(probe: ProbeSet, folder: Path, tmp_path: Path) -> None:
    few = ProbeSet(probe.pixels[:120], probe.labels[:120])
    with pytest.raises(
        ConfigError, match="needs at least 100 different images for the proof, and half of the probe set has 60"
    ):
        int8_images(tiny_card(), few, None, None)
    with pytest.raises(ConfigError, match=r"needs at least 50 different images for calibration .*, and .* has 40"):
        int8_images(tiny_card(), probe, pictures(tmp_path / "few", 40, first=300), None)
    for proof in (None, folder):
        with pytest.raises(
            ConfigError, match="packed only with proof: name images like those that will come with --cal"
        ):
            int8_images(tiny_card(), None, None, proof)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="there is no image in it"):
        calibration_images(tmp_path / "empty", tiny_card())
    with pytest.raises(ConfigError, match="there is no such folder"):
        calibration_images(tmp_path / "nowhere", tiny_card())


class Other:
    """The network in float32, which names another class for the first so many images."""

    def __init__(self, network: nn.Module, wrong: int) -> None:
        self._network, self._wrong = network, wrong

    def __call__(self, pixels: Tensor) -> Tensor:
        with torch.inference_mode():
            logits = self._network((pixels.float() / 255 - 0.5) / 0.25)
            wrong, self._wrong = min(self._wrong, len(pixels)), max(self._wrong - len(pixels), 0)
            logits[:wrong] *= -1
        return logits

    def warm_up(self, max_batch: int) -> None:
        raise AssertionError


def test_the_proof_counts_and_refuses_with_figures(probe: ProbeSet) -> None:
    images = Int8Images(probe.pixels, "X", ProofImages(probe.pixels, torch.full_like(probe.labels, -1)), "Y")
    proof = prove(Other(tiny_network(), 2), tiny_network(), tiny_card(), images)
    assert (proof.images, proof.same, proof.correct, proof.calibrated_on) == (210, 208, 0, "X")
    assert "int8 on 210 images of Y: the same first class as in float32 for 99.05%" in proof.in_a_line()
    assert "(95% interval 96.6% to 99.7%)" in proof.in_a_line()
    with pytest.raises(ArchiveError, match=r"for 98\.57% .* at least 99% and at most 0\.5 points are wanted"):
        prove(Other(tiny_network(), 3), tiny_network(), tiny_card(), images)


def test_a_shift_of_the_accuracy_is_refused_too(probe: ProbeSet) -> None:
    with torch.inference_mode():
        right = Other(tiny_network(), 0)(probe.pixels).argmax(1)
    images = Int8Images(probe.pixels, "X", ProofImages(probe.pixels, right), "Y")
    with pytest.raises(ArchiveError, match=r"for 99\.05% .* accuracy 99\.05%, -0\.95 points"):
        prove(Other(tiny_network(), 2), tiny_network(), tiny_card(), images)


def test_auto_takes_the_engine_that_has_int8_and_others_refuse_it_by_name() -> None:
    choice = choose(HandlerConfig(engine="auto", precision="int8", device="cpu"))
    assert (choice.name, choice.precision) == ("openvino", torch.int8)
    assert choice.for_engine("eager").precision == torch.float32
    for name in ("eager", "compile", "aot", "onnx"):
        with pytest.raises(ConfigError, match=f"the engine '{name}' has no precision 'int8': use --engine openvino"):
            choose(HandlerConfig(engine=name, precision="int8", device="cpu"))


def test_it_is_refused_on_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "choose_device", lambda wanted, gpu: CUDA)
    with pytest.raises(ConfigError, match="precision 'int8' is for the CPU"):
        choose(HandlerConfig(engine="auto", precision="int8"))


def test_folders_for_int8_without_int8_are_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["archive", str(tiny_checkpoint(tmp_path)), "--model-name", "tiny", "--output", str(tmp_path)]
    assert main([*words, "--engine", "eager", "--calibrate", str(folder)]) == 1
    assert "--calibrate and --prove are for precision 'int8'" in capsys.readouterr().err


@pytest.fixture(scope="module")
def unpacked(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With int8; what it answers is not looked at, since a random network's classes all are nearly the same."""
    place = tmp_path_factory.mktemp("int8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("groupnl.inference.engines.quantise.LEAST_SAME", 0.0)
        patch.setattr("groupnl.inference.engines.quantise._TRIED_WITH", 1)
        patch.setattr(making, "prove", lambda *_: Proof(**PROOF))
        words = ["archive", str(tiny_checkpoint(place)), "--model-name", "tiny", "--output", str(place)]
        assert main([*words, "--precision", "int8", "--probe", str(folder)]) == 0
    unpack(place / "tiny.mar", place / "unpacked")
    return place / "unpacked"


PROOF = {"source": "Y", "calibrated_on": "X", "images": 9, "same": 9, "correct": 1, "correct_in_float32": 1}


@pytest.mark.slow
def test_the_record_says_what_is_int8_and_why_it_may_be(unpacked: Path) -> None:
    packed = packed_engines(unpacked, checked_manifest(unpacked))
    assert {name: engine.record.precision for name, engine in packed.items()} == {"openvino": "int8", "onnx": "float32"}
    record = packed["openvino"].record
    assert (record.precision, record.target) == ("int8", None)
    assert record.quantised is not None
    assert record.quantised.images == 105
    assert record.proof == Proof(**PROOF)


@pytest.mark.slow
def test_it_is_used_where_int8_or_nothing_else_is_wanted(unpacked: Path) -> None:
    manifest = checked_manifest(unpacked)
    for choice in (Choice("openvino", CPU, torch.int8), Choice("auto", CPU, torch.float32, is_flexible=True)):
        loaded = load_engine(unpacked, manifest, choice)
        assert (loaded.name, loaded.precision) == ("openvino", torch.int8)
        assert loaded.engine(torch.zeros(3, 3, 32, 32, dtype=torch.uint8)).shape == (3, len(CLASSES))


@pytest.mark.slow
def test_float_is_not_answered_in_int8_nor_int8_where_sums_overflow(
    unpacked: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = checked_manifest(unpacked)
    loaded = load_engine(unpacked, manifest, Choice("openvino", CPU, torch.float32))
    assert (loaded.name, loaded.precision) == ("onnx", torch.float32)
    assert "the archive has it in int8 only, and float32 is wanted" in caplog.text
    both = packed_engines(unpacked, manifest)
    packed = both["openvino"]
    quantised = packed.record.quantised
    assert quantised is not None
    record = packed.record.model_copy(update={"quantised": quantised.model_copy(update={"weight_bits": 8})})
    monkeypatch.setattr(engine_module, "packed_engines", lambda *_: both | {"openvino": packed._replace(record=record)})
    monkeypatch.setattr(engine_module, "cpu_has_int8_sums", lambda: False)
    loaded = load_engine(unpacked, manifest, Choice("openvino", CPU, torch.int8))
    assert (loaded.name, loaded.precision) == ("onnx", torch.float32)
    assert "its int8 weights are for a CPU with VNNI instructions" in caplog.text


@pytest.mark.slow
def test_an_archive_in_float_is_not_taken_for_one_in_int8(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pack(tiny_checkpoint(tmp_path), tmp_path, "tiny")
    unpack(tmp_path / "tiny.mar", tmp_path / "unpacked")
    manifest = checked_manifest(tmp_path / "unpacked")
    loaded = load_engine(tmp_path / "unpacked", manifest, Choice("openvino", CPU, torch.int8))
    assert (loaded.name, loaded.precision) == ("eager", torch.float32)
    assert "the archive has no files for it" in caplog.text


@pytest.mark.slow
def test_who_compares_int8_with_float_is_told(unpacked: Path, caplog: pytest.LogCaptureFixture) -> None:
    manifest = checked_manifest(unpacked)
    with caplog.at_level(logging.WARNING):
        alike = as_packed(unpacked, manifest, Choice("openvino", CPU, torch.int8))
    assert not caplog.records
    assert (alike.name, alike.precision) == ("auto", torch.int8)
    as_packed(unpacked, manifest, Choice("onnx", CPU, torch.float32))
    assert "the twin tiny is packed in int8 and its model is not: that is no fair comparison" in caplog.text
