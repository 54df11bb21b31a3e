"""The files of an engine in an archive: made, checked, used, or told why not."""

import json
import logging
import shutil
from pathlib import Path

import pytest
import torch
from support.tiny import tiny_checkpoint

from groupnl.archive.engine import Choice, as_packed, choose, load_engine
from groupnl.archive.engine_record import RECORD_FILE, EngineRecord, read_engine_record
from groupnl.archive.handler_config import HandlerConfig
from groupnl.archive.load import checked_manifest
from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack
from groupnl.archive.read import unpack
from groupnl.errors import ArchiveError, ConfigError
from groupnl.inference.engine_names import EngineName
from groupnl.inference.engines.aot import PackageEngine
from groupnl.inference.engines.onnx import OnnxEngine
from groupnl.inference.engines.openvino import OpenVinoEngine
from groupnl.inference.engines.torch_engine import TorchEngine

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
ENGINES = {"aot": PackageEngine, "onnx": OnnxEngine, "openvino": OpenVinoEngine}


@pytest.fixture(scope="module", params=ENGINES)
def unpacked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive for one engine, in float32."""
    folder = tmp_path_factory.mktemp(request.param)
    settings = ServingSettings(handler={"engine": request.param, "precision": "float32", "device": "cpu"})
    archive = pack(tiny_checkpoint(folder), folder, "tiny", settings=settings)
    unpack(archive, folder / "unpacked")
    return folder / "unpacked"


def record_of(folder: Path) -> EngineRecord:
    record = read_engine_record(folder, checked_manifest(folder))
    assert record is not None
    return record


def choice_of(folder: Path) -> Choice:
    return Choice(record_of(folder).engine, CPU, torch.float32)


def rewrite(folder: Path, tmp_path: Path, **changes: object) -> Path:
    """A copy of an unpacked archive with another record."""
    copy = shutil.copytree(folder, tmp_path / "copy")
    record = record_of(folder).model_copy(update=changes)
    (copy / RECORD_FILE).write_text(record.model_dump_json())
    return copy


def test_the_packed_engine_answers_as_the_network(unpacked: Path) -> None:
    manifest, choice = checked_manifest(unpacked), choice_of(unpacked)
    loaded = load_engine(unpacked, manifest, choice)
    assert loaded.name == choice.name
    assert isinstance(loaded.engine, ENGINES[loaded.name])
    loaded.engine.warm_up(3)
    size = manifest.card.input.size
    pixels = torch.randint(0, 256, (3, 3, size, size), dtype=torch.uint8)
    eager = load_engine(unpacked, manifest, choice._replace(name="eager"))
    assert isinstance(eager.engine, TorchEngine)
    torch.testing.assert_close(loaded.engine(pixels), eager.engine(pixels), rtol=1e-4, atol=1e-4)


def test_files_that_were_changed_are_refused(unpacked: Path, tmp_path: Path) -> None:
    copy = rewrite(unpacked, tmp_path)
    file = copy / next(iter(record_of(unpacked).sha256))
    file.write_bytes(file.read_bytes() + b"!")
    with pytest.raises(ArchiveError, match=r"has SHA-256 .* was packed; make the archive again"):
        load_engine(copy, checked_manifest(copy), choice_of(unpacked))


def test_files_of_other_weights_are_refused(unpacked: Path, tmp_path: Path) -> None:
    copy = rewrite(unpacked, tmp_path, weights_sha256="0" * 64)
    with pytest.raises(ArchiveError, match="is of weights with SHA-256 000"):
        load_engine(copy, checked_manifest(copy), choice_of(unpacked))


def test_a_record_that_cannot_be_read_is_refused(unpacked: Path, tmp_path: Path) -> None:
    copy = rewrite(unpacked, tmp_path)
    (copy / RECORD_FILE).write_text("{}")
    with pytest.raises(ArchiveError, match=r"engine\.json cannot be used"):
        load_engine(copy, checked_manifest(copy), choice_of(unpacked))


def test_files_for_another_engine_are_not_used(
    unpacked: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    others: dict[EngineName, EngineName] = {"aot": "onnx", "onnx": "openvino", "openvino": "aot"}
    choice = choice_of(unpacked)
    with caplog.at_level(logging.WARNING):
        loaded = load_engine(unpacked, checked_manifest(unpacked), choice._replace(name=others[choice.name]))
    assert loaded.name == "eager"
    assert isinstance(loaded.engine, TorchEngine)
    assert f"they are for the engine {choice.name!r}" in caplog.text


def test_an_archive_without_files_runs_in_eager_and_says_so(
    unpacked: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = rewrite(unpacked, tmp_path)
    (copy / RECORD_FILE).unlink()
    with caplog.at_level(logging.WARNING):
        loaded = load_engine(copy, checked_manifest(copy), choice_of(unpacked))
    assert loaded.name == "eager"
    assert "the archive has none; make the archive again on this machine" in caplog.text


def test_a_package_for_another_machine_is_not_used(
    unpacked: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    target = record_of(unpacked).target
    if target is None:
        assert record_of(unpacked).engine in ("onnx", "openvino")  # these run everywhere
        return
    copy = rewrite(unpacked, tmp_path, target=target.model_copy(update={"instructions": ("avx1024",)}))
    with caplog.at_level(logging.WARNING):
        loaded = load_engine(copy, checked_manifest(copy), choice_of(unpacked))
    assert loaded.name == "eager"
    assert "avx1024, which this one lacks" in caplog.text


def test_onnx_runtime_computes_in_float32_on_a_cpu() -> None:
    assert choose(HandlerConfig(engine="onnx", device="cpu")).precision == torch.float32
    with pytest.raises(ConfigError, match="'onnx' has no precision 'bfloat16'"):
        choose(HandlerConfig(engine="onnx", device="cpu", precision="bfloat16"))


def test_the_precision_of_an_onnx_file_is_told_wherever_it_runs(tmp_path: Path, unpacked: Path) -> None:
    if record_of(unpacked).engine != "onnx":
        assert record_of(unpacked).precision is None
        return
    assert record_of(unpacked).precision == "float32"
    copy = rewrite(unpacked, tmp_path, precision="float16")  # as packed on CUDA
    loaded = load_engine(copy, checked_manifest(copy), choice_of(unpacked))
    assert (loaded.name, loaded.precision) == ("onnx", torch.float16)


def test_the_record_of_an_older_archive_is_read(unpacked: Path, tmp_path: Path) -> None:
    copy = rewrite(unpacked, tmp_path)
    content = json.loads((copy / RECORD_FILE).read_text())
    del content["precision"]
    (copy / RECORD_FILE).write_text(json.dumps(content))
    loaded = load_engine(copy, checked_manifest(copy), choice_of(unpacked))
    assert (loaded.name, loaded.precision) == (record_of(unpacked).engine, torch.float32)


def test_a_twin_runs_as_it_was_packed(unpacked: Path, tmp_path: Path) -> None:
    manifest, choice = checked_manifest(unpacked), choice_of(unpacked)
    assert as_packed(unpacked, manifest, choice._replace(name="eager")) == choice
    copy = rewrite(unpacked, tmp_path)
    (copy / RECORD_FILE).unlink()
    assert as_packed(copy, manifest, choice).name == "eager"
    assert as_packed(copy, manifest, choice._replace(name="compile")).name == "compile"
