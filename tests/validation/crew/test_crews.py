"""One process, several, and those of torchrun count alike, also where one is killed or another number goes on."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from support import torchrun
from support.colours import COLOURS, colour_checkpoint
from support.crew_runs import LIMIT_S, counting, mixed, running
from support.waiting import until

from groupnl.cli import main
from groupnl.corruptions import NAMES
from groupnl.robustness.record import read_record
from groupnl.validation import piece
from groupnl.validation.record import Record

pytestmark = pytest.mark.slow

CORRUPTIONS = NAMES[:4] + NAMES[9:12] + NAMES[13:]  # without the slow ones
FIRST, LAST = CORRUPTIONS[0], CORRUPTIONS[-1]
IMAGES = 48


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint, and pictures in a split."""
    folder = tmp_path_factory.mktemp("crews")
    colour_checkpoint(folder)
    mixed(folder / "data" / "test", IMAGES // len(COLOURS))
    return folder


def words(folder: Path, output: Path, *corruptions: str) -> list[str]:
    data = ["--data", str(folder / "data" / "test"), "--corrupt", "--corruptions", *(corruptions or CORRUPTIONS)]
    plain = ["--checkpoint", str(folder / "colours.safetensors"), "--output", str(output), "--batch-size", "8"]
    return ["validate", *plain, *data]


@pytest.fixture(scope="module")
def alone(folder: Path) -> Record:
    """What one process counts."""
    output = folder / "alone"
    assert main([*words(folder, output), "--device", "cpu", "--workers", "0"]) == 0
    found = counts(output)
    right = [cell.top1 / cell.images for cell in found.cells]
    assert (len(found.cells), found.cells[0].images) == (5 * len(CORRUPTIONS), IMAGES)
    assert (len(set(right)) > 5, min(right) > 0.1) == (True, True)
    return found


def counts(output: Path) -> Record:
    return Record.model_validate_json((output / "counts.json").read_bytes())


@pytest.mark.parametrize("answers", [1, 150, 10**6])
def test_however_the_work_is_cut_the_counts_are_the_same(
    folder: Path, alone: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: int
) -> None:
    monkeypatch.setattr(piece, "ANSWERS", answers)
    assert main([*words(folder, tmp_path, FIRST), "--severities", "1", "4", "--device", "cpu"]) == 0
    assert main([*words(folder, tmp_path, FIRST, LAST), "--device", "cpu"]) == 0
    assert counts(tmp_path).cells == tuple(cell for cell in alone.cells if cell.corruption in {FIRST, LAST})


def test_a_killed_process_and_another_number_of_them_change_nothing(
    folder: Path, alone: Record, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Begun by one, gone on with by three, of which one is killed."""
    assert main([*words(folder, tmp_path, LAST), "--device", "cpu", "--workers", "1"]) == 0
    assert {cell.corruption for cell in counts(tmp_path).cells} == {LAST}
    killed: list[psutil.Process] = []

    def kill() -> None:
        until(lambda: FIRST in {cell.corruption for cell in counts(tmp_path).cells}, LIMIT_S, longest_pause_s=0.02)
        killed.append(counting(os.getpid())[0])
        killed[0].kill()

    with ThreadPoolExecutor(1) as other:
        done = other.submit(kill)
        assert main([*words(folder, tmp_path), "--device", "cpu", "--processes", "3", "--workers", "0"]) == 0
        done.result()
    said = f"process 1 ({killed[0].pid}) was ended by signal 9; its images are counted by 2 processes"
    assert said in capsys.readouterr().err
    assert counts(tmp_path) == alone
    assert counting(os.getpid()) == []


def test_a_signal_ends_all_and_one_process_goes_on(folder: Path, alone: Record, tmp_path: Path) -> None:
    with running(*words(folder, tmp_path), "--processes", "2", "--workers", "1") as process:
        until((tmp_path / "counts.json").exists, LIMIT_S, longest_pause_s=0.02)
        below = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        printed, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 143, printed
    assert "Traceback" not in printed
    gone, still = psutil.wait_procs(below, timeout=10)
    assert (len(gone) >= 2, still) == (True, [])
    assert len(counts(tmp_path).cells) < len(alone.cells)
    assert main([*words(folder, tmp_path), "--device", "cpu", "--workers", "0"]) == 0
    assert counts(tmp_path) == alone


def test_torchruns_processes_count_as_one_does(folder: Path, alone: Record, tmp_path: Path) -> None:
    printed = torchrun.finish(torchrun.start(*words(folder, tmp_path), "--device", "cpu"))
    assert printed.count("mean corruption accuracy") == 1
    assert counts(tmp_path) == alone


def test_robustness_of_two_networks_is_counted_alike(folder: Path) -> None:
    """They share the pixels; a record that another number of processes began is finished."""
    mixed(folder / "small" / "test", 1)
    twin = folder / "twin.safetensors"
    twin.write_bytes((folder / "colours.safetensors").read_bytes())
    files = [folder / "colours.robustness.json", folder / "twin.robustness.json"]
    data = ["--data", str(folder / "small"), "--splits", "test", "--device", "cpu", "--precision", "float32"]
    plain = ["robustness", str(folder / "colours.safetensors"), str(twin), *data, "--batch-size", "5"]
    assert main(plain) == 0
    whole = [file.read_text() for file in files]
    assert [len(read_record(file).cells) for file in files] == [95, 95]
    for file in files:
        content = json.loads(file.read_text())
        file.write_text(json.dumps(content | {"cells": content["cells"][:33]}))
    assert main([*plain, "--processes", "2"]) == 0
    assert [file.read_text() for file in files] == whole


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--processes", "0"], "--processes 0: it must be 1 or more"),
        (["--processes", "2", "--ray", "auto"], "--processes are of this machine, --ray takes those of a cluster"),
    ],
)
def test_what_cannot_be_used_is_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], sentence: str
) -> None:
    assert main([*words(folder, tmp_path), *options]) == 2
    assert sentence in capsys.readouterr().err
