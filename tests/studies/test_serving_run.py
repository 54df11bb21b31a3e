"""`groupnl bench serve` with a tiny network at 224 pixels: every part of the run is real, and short."""

import argparse
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import torch
from support.tiny import ARCHITECTURE, CLASSES, tiny_card, tiny_checkpoint, tiny_network

from groupnl.archive.load import load_unpacked
from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack
from groupnl.archive.read import read_manifest, unpack
from groupnl.archive.speed.machine import Machine
from groupnl.archive.speed.speeds import Plan, Speed, Speeds
from groupnl.base.options import read_options
from groupnl.errors import CheckpointError, ConfigError, ServerError
from groupnl.models import save_checkpoint
from groupnl_studies.harness import photographs
from groupnl_studies.harness.photographs import photograph
from groupnl_studies.serving import command as serving_command
from groupnl_studies.serving import run as serving_run
from groupnl_studies.serving import stock as serving_stock
from groupnl_studies.serving.archive import random_archive
from groupnl_studies.serving.figures import OURS, STOCK, UNDER_TORCHSERVE
from groupnl_studies.serving.offline import Mode, Offline
from groupnl_studies.serving.pipeline import Pipeline, measure
from groupnl_studies.serving.stock import StockSettings, pack_stock

Children = Callable[[], list[psutil.Process]]
HANDLER = {"device": "cpu", "precision": "float32"}


def packed(folder: Path, handler: dict[str, str]) -> Path:
    card = tiny_card()
    checkpoint = folder / "tiny224.safetensors"
    save_checkpoint(
        checkpoint,
        tiny_network().state_dict(),
        card.model_copy(update={"input": card.input.model_copy(update={"size": 224, "crop_pct": 0.875})}),
    )
    settings = ServingSettings(workers=1, batch_size=4, max_batch_delay_ms=5, handler=handler)
    return pack(checkpoint, folder, "tiny224", settings=settings)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packed(tmp_path_factory.mktemp("archive"), HANDLER)


@pytest.fixture
def unpacked(archive: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "unpacked"
    unpack(archive, folder)
    return folder


def arguments(*words: str) -> serving_command.Options:
    parser = argparse.ArgumentParser()
    serving_command.add_arguments(parser)
    return read_options(serving_command.Options, parser.parse_args(words))


def speeds(**images_per_second: float) -> Speeds:
    found = tuple(
        Speed.model_validate({"engine": name, "precision": "float32", "full": rate, "beside": rate, "alone": rate})
        for name, rate in images_per_second.items()
    )
    return Speeds(machine=Machine.here(), plan=Plan(workers=1, batch_size=4, threads=None), speeds=found)


@pytest.mark.service
def test_one_run_measures_limit_service_and_stock(
    children: Children,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The limit is of the fastest engine, the service runs the one that its archive wants."""
    archive = packed(tmp_path, HANDLER | {"engine": "onnx"})
    monkeypatch.setattr(serving_run, "engine_speeds", lambda _: speeds(eager=2.0, onnx=1.0))
    monkeypatch.setattr(photographs, "COUNT", 4)
    monkeypatch.setattr(serving_command, "modes", lambda cores: {"alone": Mode(1, 1, True)})
    monkeypatch.setattr(serving_run, "IDLE_S", 0.2)
    figures, picture = tmp_path / "serve.json", tmp_path / "serve.svg"
    options = ("--rounds", "1", "--seconds", "0.3", "--clients", "3", "1", "--stock-workers", "1")
    files = ("--json", str(figures), "--plot", str(picture))
    assert serving_command.run(arguments(str(archive), *options, *files)) == 0
    assert not children()

    printed = capsys.readouterr()
    assert "4 JPEG files" in printed.out
    assert f"| {STOCK} | 3 |" in printed.out
    assert "other programs used meanwhile" in printed.out
    assert f"round 1, {OURS}, 3 clients: " in printed.err
    content = json.loads(figures.read_text(encoding="utf-8"))
    assert len(content["rounds"]) == 1
    assert content["same_answers"] == 4
    assert (content["engine"], content["served_engine"]) == ("eager", "onnx")
    assert [each["engine"] for each in content["engines"]["speeds"]] == ["eager", "onnx"]
    assert f"the offline limit is of the engine eager, the fastest; {OURS} runs onnx" in printed.out
    assert set(content["summary"]["served"]) == {OURS, UNDER_TORCHSERVE, STOCK}
    for slots in content["summary"]["served"].values():
        assert list(slots) == ["1", "3"]
        for slot in slots.values():
            assert slot["failures"] == 0
            assert slot["throughput"] > 0
            assert 0 < slot["p50_ms"] <= slot["p95_ms"] <= slot["p99_ms"]
            assert min(slot["workers_cpu_ms"], slot["frontend_cpu_ms"], slot["client_cpu_ms"]) > 0
    assert "<svg" in picture.read_text(encoding="utf-8")
    assert ET.parse(picture).getroot().tag.endswith("svg")


@pytest.mark.slow
def test_the_pipeline_answers_as_the_network_does(unpacked: Path) -> None:
    files = [photograph(seed) for seed in range(3)]
    before = torch.get_num_threads()
    try:
        alone, pooled = (Pipeline(unpacked, threads, max_batch=3) for threads in (1, 2))
        logits = alone(files)
        run = measure(alone, files, batch=2, seconds=0.05)
        single = measure(alone, files, batch=1, seconds=0.0)
        torch.testing.assert_close(pooled(files), logits, rtol=1e-4, atol=1e-5)
    finally:
        torch.set_num_threads(before)
    assert logits.shape == (3, len(CLASSES))
    assert len(logits.unique(dim=0)) == 3  # each image has an answer of its own
    torch.testing.assert_close(alone(files[1:2])[0], logits[1], rtol=1e-4, atol=1e-5)
    assert run.images == 2 * len(run.latencies_s)
    assert run.seconds == pytest.approx(sum(run.latencies_s))
    assert run.seconds >= 0.05
    assert (single.images, single.latencies_s) == (0, [])


@pytest.mark.slow
def test_the_processes_of_a_mode_work_side_by_side(children: Children, unpacked: Path, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    (images / "one.jpg").write_bytes(photograph(0))
    with Offline(Mode(2, 1, True), unpacked, images, 2) as offline:
        assert len(children()) == 2
        assert offline.engine == "eager"
        speed = offline.run(batch=2, seconds=0.5)
    assert not children()
    assert speed.throughput > 0
    # Both processes' batches are there, and the rates are added: about as many batches a second as both took.
    assert speed.throughput == pytest.approx(2 * 2 * len(speed.latencies_s) / sum(speed.latencies_s), rel=0.3)


@pytest.mark.slow
def test_a_process_that_cannot_load_the_archive(
    children: Children, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with (
        pytest.raises(ServerError, match="ended with code 1"),
        Offline(Mode(1, 1, False), tmp_path, tmp_path, 1),
    ):
        pass
    assert "model-config.yaml" in capfd.readouterr().err
    assert not children()


def test_the_stock_archive_holds_the_published_network(unpacked: Path, tmp_path: Path) -> None:
    mar = pack_stock(unpacked, tmp_path / "store", StockSettings())
    assert [path.name for path in mar.parent.iterdir()] == ["stock.mar"]
    unpack(mar, tmp_path / "stock")
    names = json.loads((tmp_path / "stock" / "index_to_name.json").read_text())
    assert list(names.values()) == list(CLASSES)
    assert not (tmp_path / "stock" / "model-config.yaml").exists()  # TorchServe's defaults
    with pytest.warns(FutureWarning, match=r"torch\.jit\.load"):
        traced = torch.jit.load(tmp_path / "stock" / "traced.pt")
    _, network = load_unpacked(unpacked)
    images = torch.rand(3, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(traced(images), network(images), rtol=1e-4, atol=1e-5)


def test_a_stock_archive_with_settings(unpacked: Path, tmp_path: Path) -> None:
    unpack(pack_stock(unpacked, tmp_path / "store", StockSettings(batch_size=8)), tmp_path / "stock")
    assert (tmp_path / "stock" / "model-config.yaml").read_text() == "batchSize: 8\n"


def test_the_stock_classifier_cannot_do_the_work_of_another_input_size(tmp_path: Path) -> None:
    unpack(pack(tiny_checkpoint(tmp_path), tmp_path, "tiny"), tmp_path / "unpacked")
    with pytest.raises(ConfigError, match=r"works at 224 pixels .* works at 32 .* --no-stock"):
        pack_stock(tmp_path / "unpacked", tmp_path / "store", StockSettings())
    assert not (tmp_path / "store").exists()


@pytest.mark.slow
def test_an_archive_with_random_weights(tmp_path: Path) -> None:
    """Its answers depend on the image, and are the same at every call; activations neither vanish nor grow."""
    archives = [random_archive(ARCHITECTURE, "eager", tmp_path / name) for name in ("one", "two")]
    first, second = (read_manifest(archive) for archive in archives)
    assert first == second
    assert (first.model_name, first.card.input.size, len(first.card.classes)) == (ARCHITECTURE, 224, 1000)
    unpack(archives[0], tmp_path / "unpacked")
    before = torch.get_num_threads()
    logits = Pipeline(tmp_path / "unpacked", 1, max_batch=3)([photograph(seed) for seed in range(20, 23)])
    torch.set_num_threads(before)
    assert 0.01 < (logits[0] - logits[1]).std() < 10


def test_an_unknown_architecture(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="'no_such_net' is unknown to timm"):
        random_archive("no_such_net", "eager", tmp_path)


def test_the_stock_handler_imports_what_is_not_installed(
    unpacked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving_stock, "_REQUIREMENT", "no_such_package")
    with pytest.raises(ConfigError, match=r"no_such_package is not installed: .*-e \./groupnl_studies`"):
        pack_stock(unpacked, tmp_path / "store", StockSettings())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--rounds", "0"), "must be 1 or more"),
        (("--clients", "4", "0"), "must be 1 or more"),
        (("--seconds", "0"), "above 0"),
        (("--stock-batch-size", "0"), "--stock-batch-size"),
        (("--others", "mosec", "--other-workers", "0"), "--other-workers must be 1 or more"),
        (("--plot", "figure.pdf"), "must end in .svg or .png"),
        (("--json", "nowhere/figures.json"), "there is no folder nowhere"),
    ],
)
def test_options_that_cannot_be_used_are_refused_before_anything_starts(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        serving_command.run(arguments("archive.mar", *words))
