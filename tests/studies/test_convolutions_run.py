"""groupnl study convolutions: the command on a few images."""

import argparse
import json
import shutil
from pathlib import Path

import pytest
from support.folder_holder import held
from support.grid_results import RECIPE, result
from support.half_written import KilledError, killed_while_writing
from support.small_icons import write_icons

from groupnl.base.options import read_options
from groupnl.base.others import Others, others_in_words
from groupnl.errors import ConfigError
from groupnl_studies.convolutions import command, speed
from groupnl_studies.convolutions.design import CONVOLUTIONS
from groupnl_studies.grid.cells import StudyCell
from groupnl_studies.grid.networks import NETWORKS
from groupnl_studies.grid.recipe import RECIPES
from groupnl_studies.grid.result import read_results, result_path, write_result
from groupnl_studies.grid.run import Plan
from groupnl_studies.grid.schedule import Clock, run_cells
from groupnl_studies.grid.speed import FILE, read_ratios
from groupnl_studies.grid.state import Progress, save_state

pytestmark = pytest.mark.slow


@pytest.fixture
def icons(tmp_path: Path) -> Path:
    return write_icons(tmp_path / "icons")


def study(*words: object) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(read_options(command.Options, parser.parse_args([*map(str, words)])))


def test_the_command_trains_what_is_missing_and_reports(
    icons: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    quick = ["--icons", icons, "--out", out, "--epochs", 1, "--corrupted-images", 4, "--jobs", 1]
    assert study(*quick, "--cells", "icons/resnet18/gnl_sparse/0") == 0
    (found,) = read_results(out, CONVOLUTIONS)
    assert found.cell == StudyCell("icons", "resnet18", "gnl_sparse", 0)
    assert (found.recipe.epochs, len(found.losses), len(found.right_by_image)) == (1, 1, 4)
    assert {split: len(answers) for split, answers in found.clean.items()} == {"test_emoji": 6, "test_style": 6}
    assert [fit.seeds for fit in found.fits] == [8] * 4 + [16] * 3 + [32] * 3 + [64] * 3
    assert [path.name for path in result_path(out, found.cell).parent.iterdir()] == ["0.json"]
    written = result_path(out, found.cell).stat().st_mtime_ns
    assert study(*quick, "--cells", "icons/resnet18/gnl_sparse/0") == 0
    assert result_path(out, found.cell).stat().st_mtime_ns == written
    capsys.readouterr()
    assert study(*quick, "--cells", "icons/resnet18/gnl_s*/0", "--list") == 0
    assert capsys.readouterr().out.splitlines()[0] == "done    icons/resnet18/gnl_sparse/0"
    with pytest.raises(ConfigError, match="were trained with another recipe"):
        study("--icons", icons, "--out", out, "--epochs", 2)
    assert (out / "convolutions.csv").is_file()
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(out / "cells", elsewhere / "cells")
    (icons / "train" / "red" / "0.png").unlink()
    quick[3] = elsewhere
    with pytest.raises(ConfigError, match="the images of icons are not those of icons/resnet18/gnl_sparse/0"):
        study(*quick, "--cells", "icons/resnet18/gnl_sparse/1")
    assert not result_path(elsewhere, found.cell._replace(seed=1)).exists()


def test_cells_that_fail_keep_no_other_from_being_trained(icons: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    cells = [StudyCell("icons", "resnet18", "gnl_sparse", seed) for seed in range(3)]
    quick = ["--icons", icons, "--out", out, "--epochs", 1, "--corrupted-images", 12, "--jobs", 1]
    for cell in cells[:2]:
        save_state(result_path(out, cell).with_suffix(".state"), RECIPE, Progress(), {})
    with pytest.raises(ConfigError) as told:
        study(*quick, "--cells", "icons/resnet18/gnl_sparse/*")
    reason = "0.state is of a training with another recipe: remove it, or choose another --out"
    heading, first, second = str(told.value).splitlines()
    assert heading == "these cells failed, and are tried again next time:"
    assert first.startswith("icons/resnet18/gnl_sparse/0: ")
    assert first.endswith(reason)
    assert second.startswith("icons/resnet18/gnl_sparse/1: ")
    assert [result.cell for result in read_results(out, CONVOLUTIONS)] == cells[2:]
    (out / "convolutions.csv").unlink()
    with pytest.raises(ConfigError, match="these cells failed"):
        study(*quick, "--cells", "icons/resnet18/gnl_sparse/0")
    assert (out / "convolutions.csv").is_file()


def test_what_is_no_error_of_a_cell_stops_the_study(tmp_path: Path) -> None:
    cells = [StudyCell("icons", "resnet18", "gnl_sparse", seed) for seed in range(2)]
    with pytest.raises(FileNotFoundError, match=r"prepared\.json"):
        list(run_cells(cells, Plan(tmp_path, RECIPES, 1), 1, Clock(None, [])))


def test_one_study_trains_in_a_folder_and_others_may_look(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_result(tmp_path, result())
    with held(tmp_path):
        with pytest.raises(ConfigError, match=r"another process works in .*: wait for it, or choose another --out"):
            study("--out", tmp_path)
        assert study("--out", tmp_path, "--list") == study("--out", tmp_path, "--report") == 0
    assert "done    icons/resnet18/standard/0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--jobs", "0"], "--jobs 0: it must be 1 or more"),
        (["--train-images", "0"], "--train-images 0: it must be 1 or more"),
        (["--budget-minutes", "0"], "--budget-minutes 0: it must be above 0"),
        (["--cells", "x"], "--cells 'x' matches no cell"),
        (["--report"], "out does not exist: train some cells first"),
        (["--cells", "icons/*", "--icons", "nowhere"], r"nowhere/train does not exist: name a folder"),
        (["--cells", "fashion*", "--fashion-mnist", "nowhere"], "--fashion-mnist"),
    ],
)
def test_what_cannot_be_used_is_told(tmp_path: Path, words: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        study("--out", tmp_path / "out", *words)


def test_speed_is_measured_against_the_standard_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "NETWORKS", {"resnet18": NETWORKS["resnet18"]})
    monkeypatch.setattr(speed, "_ROUNDS", 1)
    monkeypatch.setattr(Others, "cores", lambda _: 0.5)
    assert speed.measure_speed(tmp_path, 1) == others_in_words(0.5)
    assert json.loads((tmp_path / FILE).read_text())["others"] == 0.5
    ratios = read_ratios(tmp_path)["resnet18"]
    assert list(ratios) == list(NETWORKS["resnet18"].kinds)
    assert ratios["standard"] == {"trained": 1.0, "rewritten": 1.0}
    assert all(ratio > 0 for each in ratios.values() for ratio in each.values())


def test_speed_that_is_measured_again_is_whole_after_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ratios = {"resnet18": {"gnl_r2": {"trained": 1.5}}}
    (tmp_path / FILE).write_text(json.dumps({"ratios": ratios}))
    monkeypatch.setattr(speed, "NETWORKS", {})
    killed_while_writing(monkeypatch)
    with pytest.raises(KilledError):
        speed.measure_speed(tmp_path, 1)
    assert read_ratios(tmp_path) == ratios


def test_no_speed_is_no_error(tmp_path: Path) -> None:
    assert read_ratios(tmp_path) == {}
