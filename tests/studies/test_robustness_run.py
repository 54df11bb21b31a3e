"""groupnl study robustness: the command on a few images."""

import argparse
from pathlib import Path

import pytest
from support.small_icons import write_icons

from groupnl.base.options import read_options
from groupnl_studies.grid.result import read_results
from groupnl_studies.grid.speed import read_ratios
from groupnl_studies.grid.trainings import TRAININGS
from groupnl_studies.robustness import command, speed
from groupnl_studies.robustness.design import ROBUSTNESS

pytestmark = pytest.mark.slow


def study(*words: object) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(read_options(command.Options, parser.parse_args([*map(str, words)])))


def test_the_command_trains_in_the_way_that_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    quick = ["--icons", write_icons(tmp_path / "icons"), "--out", out, "--corrupted-images", 4, "--jobs", 1]
    cell = "icons/mobilenetv2/gnl_sparse/augmix_jsd/0"
    assert study(*quick, "--epochs", 1, "--cells", cell) == 0
    (found,) = read_results(out, ROBUSTNESS)
    assert (found.cell.name, len(found.losses)) == (cell, 1)
    assert sum(map(sum, found.right_by_family.values())) == sum(found.right_by_cell)
    capsys.readouterr()
    assert study(*quick, "--cells", "icons/mobilenetv2/*/0", "--list") == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line for line in listed if line.startswith("done")] == [f"done    {cell}"]
    assert len(listed) == 12


def test_steps_are_timed_beside_plain_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = {("icons", "mobilenetv2"): ROBUSTNESS.recipes["icons", "mobilenetv2"].model_copy(update={"batch_size": 4})}
    monkeypatch.setattr(speed, "ROBUSTNESS", ROBUSTNESS._replace(recipes=one, kinds={"mobilenetv2": ("standard",)}))
    monkeypatch.setattr(speed, "_ROUNDS", 1)
    assert speed.measure_speed(tmp_path, 1).startswith("cores that other programs used meanwhile")
    ratios = read_ratios(tmp_path)["mobilenetv2"]["standard"]
    assert list(ratios) == list(TRAININGS)
    assert ratios["plain"] == 1
    assert all(ratio > 0 for ratio in ratios.values())
