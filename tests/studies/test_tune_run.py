"""`groupnl tune` with a tiny network: real services, short loads."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import yaml
from support.tiny import HANDLER, tiny_checkpoint

from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack
from groupnl.archive.speed.machine import Machine
from groupnl.archive.speed.speeds import Plan as SpeedPlan
from groupnl.archive.speed.speeds import Speed, Speeds
from groupnl.base.options import read_options
from groupnl.errors import ArchiveError, ConfigError, ServerError
from groupnl_studies.harness import photographs
from groupnl_studies.tune import command as tune_command
from groupnl_studies.tune import run as tune_run
from groupnl_studies.tune.search import Axes, Candidate

Children = Callable[[], list[psutil.Process]]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, networks_exported_once: None) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    return pack(tiny_checkpoint(folder), folder, "tiny", settings=ServingSettings(workers=1, handler=HANDLER))


def arguments(*words: str) -> tune_command.Options:
    parser = argparse.ArgumentParser()
    tune_command.add_arguments(parser)
    return read_options(tune_command.Options, parser.parse_args(words))


@pytest.mark.service
def test_one_run_chooses_and_writes_the_choice(
    children: Children,
    archive: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(photographs, "COUNT", 4)
    monkeypatch.setattr(tune_run, "WARM_S", 0.1)
    out = tmp_path / "tune.yaml"
    values = ("--workers", "1", "--batch-sizes", "4", "1", "--delays-ms", "40", "--threads", "1")
    assert tune_command.run(arguments(str(archive), *values, *SHORT, "--out", str(out))) == 0
    assert not children()

    printed = capsys.readouterr()
    assert "4 JPEG files" in printed.out
    assert "other programs used meanwhile" in printed.out
    chosen = yaml.safe_load(out.read_text(encoding="utf-8"))
    found = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
    assert found["chosen"] == chosen
    (step,) = found["steps"]
    single, four = step["rounds"][0]
    assert (single["batch_size"], four["batch_size"]) == (1, 4)
    # The settings have arrived: batches are as large as allowed.
    assert single["batch"] == 1
    assert 2 < four["batch"] <= 4
    assert four["alone"]["failures"] == 0
    assert single["saturated"]["failures"] == four["saturated"]["failures"] == 0
    assert min(single["saturated"]["throughput"], four["saturated"]["throughput"]) > 0
    assert "<svg" in out.with_suffix(".svg").read_text(encoding="utf-8")


SHORT = ("--rounds", "1", "--seconds", "0.4", "--clients", "8")


def test_a_service_that_does_not_start_is_named_by_its_settings(
    children: Children, tmp_path: Path, archive: Path
) -> None:
    missing = archive.with_name("gone.mar")
    plan = tune_run.Plan(missing, [b"image"], Axes((1, 2), (4,), (1,)), 1, 1, 0.1)
    with pytest.raises(ServerError, match=r"with workers 1, batch size 4, delay 1 ms: .*\n.*gone\.mar"):
        tune_run.tune(plan, lambda candidate, figures: None)
    assert not children()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--rounds", "0"), "must be 1 or more"),
        (("--clients", "0"), "must be 1 or more"),
        (("--seconds", "0"), "above 0"),
        (("--workers", "2", "0"), "must be 1 or more"),
        (("--delays-ms", "0"), "must be 1 or more"),
        (("--batch-sizes", "4096"), "at most 1024"),
        (("--out", "tune.json"), "must end in .yaml or .yml"),
        (("--out", "nowhere/tune.yaml"), "there is no folder nowhere"),
    ],
)
def test_options_that_cannot_be_used_are_refused_before_anything_starts(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        tune_command.run(arguments("archive.mar", *words))


def test_an_archive_that_is_missing_is_told_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"gone\.mar"):
        tune_command.run(arguments(str(tmp_path / "gone.mar")))


@pytest.mark.parametrize(
    ("cores", "counts"), [(1, [1]), (2, [1, 2]), (6, [1, 2, 4, 6]), (64, [1, 2, 4, 8, 16, 32, 64])]
)
def test_numbers_of_workers(cores: int, counts: list[int]) -> None:
    assert tune_command.worker_counts(cores) == counts


@pytest.mark.slow
def test_equal_values_are_tried_once_in_ascending_order(archive: Path, tmp_path: Path) -> None:
    words = (
        "--workers",
        "2",
        "1",
        "2",
        "--batch-sizes",
        "8",
        "4",
        "--delays-ms",
        "5",
        "--engines",
        "onnx",
        "aot",
        "onnx",
        "--threads",
        "2",
        "1",
        "--out",
        str(tmp_path / "t.yml"),
    )
    axes = tune_command._plan(arguments(str(archive), *words)).axes
    assert axes == Axes([1, 2], [4, 8], [5], ["onnx", "aot"], [1, 2])
    assert axes.start == Candidate(1, 8, 5, "onnx", 2)


def test_the_engines_that_packing_timed_are_tried_where_the_archive_leaves_it_open(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    each = tuple(
        Speed(engine=name, precision="float32", full=rate, beside=1.0, alone=1.0)
        for name, rate in (("eager", 1.0), ("onnx", 3.0), ("aot", 2.0))
    )
    plan = SpeedPlan(workers=1, batch_size=8, threads=None)
    speeds = Speeds(machine=Machine.here(), plan=plan, speeds=each)
    monkeypatch.setattr(tune_command, "read_speeds", lambda _: speeds)
    assert tune_command.timed_engines(archive) == []  # its settings name one
    monkeypatch.setattr(tune_command, "read_mapping", lambda _: {"handler": {"engine": "auto"}})
    assert tune_command.timed_engines(archive) == ["onnx", "aot"]
