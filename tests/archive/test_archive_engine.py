"""The engines of an archive: made, timed, checked, used, or told why not."""

import errno
import json
import logging
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from support.tiny import tiny_checkpoint

from groupnl.archive.engine import Choice, as_packed, candidates, choose, load_engine
from groupnl.archive.engine_record import ENGINES_FOLDER, RECORD_FILE, EngineRecord, packed_engines
from groupnl.archive.handler_config import HandlerConfig
from groupnl.archive.load import checked_manifest, load_model
from groupnl.archive.making import add_engines
from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack
from groupnl.archive.read import DIGEST_FILE, unpack
from groupnl.archive.speed import measure as measuring
from groupnl.archive.speed.machine import Machine
from groupnl.archive.speed.replace import replace_speeds
from groupnl.archive.speed.speeds import SPEEDS_FILE, read_speeds, write_speeds
from groupnl.base.atomic_file import WriteError
from groupnl.cli import main
from groupnl.errors import ArchiveError, ConfigError, EngineStartError, RewriteError
from groupnl.inference.engine_names import EngineName
from groupnl.inference.engines.aot import PackageEngine
from groupnl.inference.engines.onnx import OnnxEngine
from groupnl.inference.engines.openvino import OpenVinoEngine
from groupnl.inference.engines.torch_engine import TorchEngine

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
ENGINES = {"aot": PackageEngine, "onnx": OnnxEngine, "openvino": OpenVinoEngine}
ENGINES_KIND = {"aot": "Aot", "openvino": "OpenVino"}
AUTO = Choice("auto", CPU, torch.float32)


@pytest.fixture(scope="module", autouse=True)
def briefly() -> Iterator[None]:
    """Engines are timed for moments."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "_ROUNDS", 1)
        patch.setattr(measuring, "_SECONDS", 0.05)
        yield


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With all engines, in float32."""
    folder = tmp_path_factory.mktemp("engines")
    settings = ServingSettings(handler={"engine": "auto", "precision": "float32", "device": "cpu"})
    return pack(tiny_checkpoint(folder), folder, "tiny", settings=settings)


@pytest.fixture(scope="module")
def unpacked(archive: Path) -> Path:
    folder = archive.parent / "unpacked"
    unpack(archive, folder)
    return folder


@pytest.fixture(params=ENGINES)
def choice(request: pytest.FixtureRequest) -> Choice:
    return Choice(request.param, CPU, torch.float32)


def folder_of(folder: Path, choice: Choice) -> Path:
    return folder / ENGINES_FOLDER / choice.name


def record_of(folder: Path, choice: Choice) -> EngineRecord:
    return packed_engines(folder, checked_manifest(folder))[choice.name].record  # type: ignore[index]


def rewrite(folder: Path, tmp_path: Path, choice: Choice, **changes: object) -> Path:
    """A copy of an unpacked archive with another record."""
    copy = shutil.copytree(folder, tmp_path / "copy")
    record = record_of(folder, choice).model_copy(update=changes)
    (folder_of(copy, choice) / RECORD_FILE).write_text(record.model_dump_json())
    return copy


def ranked(folder: Path, tmp_path: Path, *names: EngineName) -> Path:
    """A copy of an unpacked archive whose engines are as fast as they stand here."""
    copy = shutil.copytree(folder, tmp_path / "ranked")
    speeds = read_speeds(folder)
    assert speeds is not None
    by_name = {speed.engine: speed for speed in speeds.speeds}
    ordered = tuple(by_name[name].model_copy(update={"full": 100.0 / 2**place}) for place, name in enumerate(names))
    write_speeds(speeds.model_copy(update={"speeds": ordered}), copy)
    return copy


def test_the_packed_engine_answers_as_the_network(unpacked: Path, choice: Choice) -> None:
    manifest = checked_manifest(unpacked)
    loaded = load_engine(unpacked, manifest, choice)
    assert loaded.name == choice.name
    assert isinstance(loaded.engine, ENGINES[loaded.name])
    loaded.engine.warm_up(3)
    size = manifest.card.input.size
    pixels = torch.randint(0, 256, (3, 3, size, size), dtype=torch.uint8)
    eager = load_engine(unpacked, manifest, choice._replace(name="eager"))
    assert isinstance(eager.engine, TorchEngine)
    torch.testing.assert_close(loaded.engine(pixels), eager.engine(pixels), rtol=1e-4, atol=1e-4)


def test_packing_has_timed_all_engines_on_this_machine(unpacked: Path) -> None:
    speeds = read_speeds(unpacked)
    assert speeds is not None
    assert {speed.engine for speed in speeds.speeds} == {*ENGINES, "eager"}
    assert speeds.machine == Machine.here()
    assert (speeds.plan.workers, speeds.plan.batch_size) == (2, 8)
    assert not speeds.left_out


def test_the_fastest_engine_is_taken(unpacked: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for names in (("openvino", "aot"), ("onnx", "openvino"), ("eager", "onnx")):
        copy = ranked(unpacked, tmp_path / names[0], *names)  # type: ignore[arg-type]
        assert load_engine(copy, checked_manifest(copy), AUTO).name == names[0]
    assert not caplog.records


def test_the_next_fastest_engine_is_taken_where_the_first_cannot_be_used(
    unpacked: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = ranked(unpacked, tmp_path, "aot", "openvino", "onnx")
    shutil.rmtree(copy / ENGINES_FOLDER / "openvino")
    target = record_of(copy, AUTO._replace(name="aot")).target
    assert target is not None
    changed = rewrite(
        copy, tmp_path, AUTO._replace(name="aot"), target=target.model_copy(update={"instructions": ("avx1024",)})
    )
    for name in ("auto", "aot"):  # as a wish, or as the only one
        with caplog.at_level(logging.WARNING):
            loaded = load_engine(changed, checked_manifest(changed), AUTO._replace(name=name))
        assert loaded.name == "onnx"
        assert "runs in 'onnx' instead of its engine 'aot'" in caplog.text
        assert "avx1024, which this one lacks" in caplog.text
        caplog.clear()


def test_an_engine_whose_library_is_missing_is_not_the_fastest(
    unpacked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = ranked(unpacked, tmp_path, "openvino", "onnx")
    monkeypatch.setattr(
        "groupnl.inference.engines.kind.importlib.util.find_spec", lambda name: None if name == "openvino" else name
    )
    reasons = candidates(copy, checked_manifest(copy), AUTO)
    assert "openvino" in str(reasons["openvino"])
    assert [name for name, reason in reasons.items() if reason is None] == ["onnx", "aot", "eager"]
    assert load_engine(copy, checked_manifest(copy), AUTO).name == "onnx"


def test_an_engine_that_was_named_is_not_exchanged_because_its_library_is_missing(
    unpacked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ConfigError, match="the engine 'openvino' needs a package"):
        load_engine(unpacked, checked_manifest(unpacked), AUTO._replace(name="openvino"))


def test_the_next_engine_is_taken_where_the_fastest_does_not_start(
    unpacked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def does_not_start(*_: object, **__: object) -> None:
        raise EngineStartError("ONNX Runtime cannot use CUDAExecutionProvider here: install what it needs")

    monkeypatch.setattr("groupnl.inference.engines.onnx.OnnxEngine", does_not_start)
    copy = ranked(unpacked, tmp_path, "onnx", "openvino", "aot")
    with caplog.at_level(logging.WARNING):
        assert load_engine(copy, checked_manifest(copy), AUTO).name == "openvino"
    assert "tiny runs in 'openvino' instead of its engine 'onnx', which cannot be used: ONNX Runtime ca" in caplog.text
    assert "make the archive again" not in caplog.text
    with pytest.raises(EngineStartError, match="install what it needs"):
        load_engine(copy, checked_manifest(copy), AUTO._replace(name="onnx"))


def test_a_twin_takes_the_best_precision_that_nobody_has_chosen(
    unpacked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("groupnl.archive.engine.choose_precision", lambda *_: torch.bfloat16)
    manifest, of_model = checked_manifest(unpacked), Choice("onnx", CPU, torch.float32)
    assert as_packed(unpacked, manifest, of_model).precision == torch.float32
    assert as_packed(unpacked, manifest, of_model._replace(is_flexible=True)).precision == torch.bfloat16


def test_without_speeds_the_order_is_that_of_the_table(unpacked: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(unpacked, tmp_path / "copy")
    (copy / SPEEDS_FILE).unlink()
    assert list(candidates(copy, checked_manifest(copy), AUTO)) == ["aot", "onnx", "openvino", "eager"]


def test_a_precision_that_was_asked_for_leaves_out_engines_without_it(unpacked: Path) -> None:
    manifest = checked_manifest(unpacked)
    wanted = AUTO._replace(precision=torch.bfloat16)
    assert "bfloat16" in str(candidates(unpacked, manifest, wanted)["onnx"])
    assert candidates(unpacked, manifest, wanted._replace(is_flexible=True))["onnx"] is None


def test_what_cannot_be_made_is_left_out_and_told(
    unpacked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise RewriteError("it has an operator that ONNX lacks")

    def fail(*_: object) -> None:
        raise RuntimeError("no such kernel")

    for engine, make in (("aot", refuse), ("openvino", fail)):
        monkeypatch.setattr(f"groupnl.inference.engines.{engine}.{ENGINES_KIND[engine]}.make", make)
    copy = shutil.copytree(unpacked, tmp_path / "copy")
    shutil.rmtree(copy / ENGINES_FOLDER)
    said: list[str] = []
    manifest = checked_manifest(copy)
    add_engines(load_model(copy, manifest), manifest, AUTO, copy, said.append)
    assert set(packed_engines(copy, manifest)) == {"onnx"}
    assert "without the engine aot: it has an operator that ONNX lacks" in said
    assert "without the engine openvino: no such kernel" in said
    assert any(line.startswith("engine ") and "onnx" in line for line in said)


def test_a_full_disk_is_no_fault_of_an_engine(unpacked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise RewriteError("it cannot be compiled") from error

    monkeypatch.setattr("groupnl.inference.engines.aot.Aot.make", fail)
    copy = shutil.copytree(unpacked, tmp_path / "copy")
    shutil.rmtree(copy / ENGINES_FOLDER)
    manifest = checked_manifest(copy)
    with pytest.raises(WriteError, match="No space left on device"):
        add_engines(load_model(copy, manifest), manifest, AUTO, copy, lambda _: None)


def test_files_that_were_changed_are_refused(unpacked: Path, tmp_path: Path, choice: Choice) -> None:
    copy = rewrite(unpacked, tmp_path, choice)
    file = folder_of(copy, choice) / next(iter(record_of(unpacked, choice).sha256))
    file.write_bytes(file.read_bytes() + b"!")
    with pytest.raises(ArchiveError, match=r"has SHA-256 .* was packed; make the archive again"):
        load_engine(copy, checked_manifest(copy), choice)


def test_files_of_other_weights_are_refused(unpacked: Path, tmp_path: Path, choice: Choice) -> None:
    copy = rewrite(unpacked, tmp_path, choice, weights_sha256="0" * 64)
    with pytest.raises(ArchiveError, match="is of weights with SHA-256 000"):
        load_engine(copy, checked_manifest(copy), choice)


@pytest.mark.parametrize("file", [f"{ENGINES_FOLDER}/onnx/{RECORD_FILE}", SPEEDS_FILE])
def test_a_record_that_cannot_be_read_is_refused(unpacked: Path, tmp_path: Path, file: str) -> None:
    copy = shutil.copytree(unpacked, tmp_path / "copy")
    (copy / file).write_text("{}")
    with pytest.raises(ArchiveError, match=rf"{Path(file).name} cannot be used"):
        load_engine(copy, checked_manifest(copy), AUTO)


def test_an_archive_without_files_runs_in_eager_and_says_so(
    unpacked: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, choice: Choice
) -> None:
    copy = shutil.copytree(unpacked, tmp_path / "copy")
    shutil.rmtree(copy / ENGINES_FOLDER)
    (copy / SPEEDS_FILE).unlink()
    with caplog.at_level(logging.WARNING):
        loaded = load_engine(copy, checked_manifest(copy), choice)
    assert loaded.name == "eager"
    assert "eager PyTorch, several times as slow," in caplog.text
    assert "the archive has no files for it; make the archive again for this machine and precision" in caplog.text


def test_onnx_runtime_computes_in_float32_on_a_cpu() -> None:
    assert choose(HandlerConfig(engine="onnx", device="cpu")).precision == torch.float32
    with pytest.raises(ConfigError, match="'onnx' has no precision 'bfloat16'"):
        choose(HandlerConfig(engine="onnx", device="cpu", precision="bfloat16"))


def test_the_precision_of_an_onnx_file_is_told_wherever_it_runs(tmp_path: Path, unpacked: Path, choice: Choice) -> None:
    if choice.name != "onnx":
        assert record_of(unpacked, choice).precision is None
        return
    assert record_of(unpacked, choice).precision == "float32"
    copy = rewrite(unpacked, tmp_path, choice, precision="float16")  # as packed on CUDA
    loaded = load_engine(copy, checked_manifest(copy), choice)
    assert (loaded.name, loaded.precision) == ("onnx", torch.float16)


def test_an_older_archive_with_one_engine_beside_the_weights_is_read(
    unpacked: Path, tmp_path: Path, choice: Choice
) -> None:
    copy = shutil.copytree(unpacked, tmp_path / "copy")
    shutil.copytree(folder_of(copy, choice), copy, dirs_exist_ok=True)
    shutil.rmtree(copy / ENGINES_FOLDER)
    (copy / SPEEDS_FILE).unlink()
    content = json.loads((copy / RECORD_FILE).read_text())
    del content["precision"]
    (copy / RECORD_FILE).write_text(json.dumps(content))
    loaded = load_engine(copy, checked_manifest(copy), choice)
    assert (loaded.name, loaded.precision) == (choice.name, torch.float32)


def test_a_twin_runs_as_it_was_packed(unpacked: Path, tmp_path: Path, choice: Choice) -> None:
    copy = ranked(unpacked, tmp_path, choice.name)  # type: ignore[arg-type]
    manifest = checked_manifest(copy)
    taken = as_packed(copy, manifest, choice._replace(name="eager"))
    assert load_engine(copy, manifest, taken).name == choice.name
    shutil.rmtree(copy / ENGINES_FOLDER)
    assert load_engine(copy, manifest, as_packed(copy, manifest, choice)).name == "eager"
    assert as_packed(copy, manifest, choice._replace(name="compile")).name == "compile"


def test_the_command_shows_what_was_measured_and_keeps_what_is_measured_again(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Path(shutil.copy(archive, tmp_path))
    unpack(archive, tmp_path / "before")
    before = read_speeds(tmp_path / "before")
    assert before is not None
    elsewhere = before.model_copy(update={"machine": before.machine.model_copy(update={"cpu": "Another CPU"})})
    replace_speeds(copy, elsewhere)
    assert main(["engines", str(copy)]) == 0
    shown = capsys.readouterr().out
    assert "Another CPU, " in shown
    assert "measured on another machine (cpu Another CPU, here " in shown
    assert main(["engines", str(copy), "--write"]) == 0
    assert "measured on another machine" not in capsys.readouterr().out
    unpack(copy, tmp_path / "after")
    after = read_speeds(tmp_path / "after")
    assert after is not None
    assert after.machine == before.machine
    for file in (tmp_path / "before").rglob("*"):
        if file.is_file() and file.name not in (SPEEDS_FILE, DIGEST_FILE):
            assert (tmp_path / "after" / file.relative_to(tmp_path / "before")).read_bytes() == file.read_bytes()
