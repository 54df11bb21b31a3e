"""groupnl study nonlinearity: the affine fit, and the command."""

import argparse
import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support.grid_results import result
from support.pictures import scene
from support.tiny import tiny_checkpoint

from groupnl.base.options import read_options
from groupnl.errors import ConfigError
from groupnl.layers import GroupNLConv2d
from groupnl_studies.grid.result import write_result
from groupnl_studies.harness.fit import LayerFit, fit_layer, fit_layers, seed_of_each, squared_correlation
from groupnl_studies.nonlinearity import command
from groupnl_studies.nonlinearity.output import write_csv
from groupnl_studies.nonlinearity.random_layers import Form, fit_random


def test_r2_is_that_of_least_squares() -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(2, 50)), random.normal(size=(2, 50))
    y += x
    expected = [np.corrcoef(*pair)[0, 1] ** 2 for pair in zip(x, y, strict=True)]
    assert squared_correlation(torch.from_numpy(x), torch.from_numpy(y)).tolist() == pytest.approx(expected)


def test_affine_maps_are_straight_and_parabolas_are_not() -> None:
    x = torch.linspace(-1, 1, 101, dtype=torch.float64)[None]
    assert squared_correlation(x, 3 - 2 * x).item() == pytest.approx(1)
    assert squared_correlation(x, x * x).item() == pytest.approx(0, abs=1e-12)
    assert squared_correlation(x, torch.ones_like(x)).item() == 1


@pytest.mark.parametrize("ratio", [2, 4])
def test_each_map_is_fitted_on_its_own_seed(ratio: int) -> None:
    layer = GroupNLConv2d(4, 8 * ratio, 1, ratio=ratio, dtype=torch.float64)
    with torch.no_grad():
        layer.periods.fill_(1e-3)  # so slow a sine is straight
    output = layer(torch.randn(2, 4, 6, 6, dtype=torch.float64))
    found = fit_layer("x", layer, output)
    assert (found.seeds, found.straight) == (8, 1.0)
    assert found.r2 == pytest.approx(1, abs=1e-5)
    assert seed_of_each(layer).tolist()[: 2 * (ratio - 1)] == [0, 1] * (ratio - 1)


def test_layers_of_a_network_are_found_by_name() -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 1), GroupNLConv2d(8, 16, 3), torch.nn.ReLU())
    (found,) = fit_layers(network, torch.randn(2, 3, 8, 8))
    assert (found.layer, found.seeds) == ("1", 8)
    assert not network[1]._forward_hooks


def test_wide_layers_are_straighter_unless_scaled() -> None:
    plain = [fit_random(Form("published", "none"), seeds).r2 for seeds in (4, 256)]
    scaled = [fit_random(Form("published", "sqrt"), seeds).r2 for seeds in (4, 256)]
    assert plain[1] > plain[0] + 0.1
    assert scaled[1] < plain[1] - 0.2
    assert abs(scaled[1] - scaled[0]) < 0.15


def test_a_file_that_is_not_written_to_its_end_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("before")
    with pytest.raises(AttributeError):
        write_csv({"no fit": [None]}, path)
    assert path.read_text() == "before"


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., set[str]]:
    """Runs the command on two images and returns the sources it found."""
    monkeypatch.setattr(command, "WIDTHS", (4, 8))
    for name in ("test_emoji/red/1", "test_style/blue/1"):
        path = tmp_path / "data" / f"{name}.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(scene()).save(path)

    def run(*words: object) -> set[str]:
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        folders = ["--out", tmp_path / "out", "--data", tmp_path / "data"]
        args = parser.parse_args([*map(str, [*folders, *words])])
        assert command.run(read_options(command.Options, args)) == 0
        with (tmp_path / "out" / "nonlinearity.csv").open(newline="") as file:
            return {row["source"] for row in csv.DictReader(file)}

    return run


def test_the_command_fits_random_and_trained_layers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], study: Callable[..., set[str]]
) -> None:
    fits = (LayerFit(layer="a", seeds=8, r2=0.5, straight=0.25),)
    write_result(tmp_path / "study", result("gnl_r2", fits=fits))
    sources = study("--results", tmp_path / "study", "--checkpoints", tiny_checkpoint(tmp_path))
    assert "| icons, resnet18, gnl_r2 |  | 0.50 (25%) |" in capsys.readouterr().out
    assert {"tiny", "icons, resnet18, gnl_r2", "random layers, published shifts"} <= sources
    assert (tmp_path / "out" / "nonlinearity.svg").is_file()


def test_results_that_are_missing_are_told_before_anything_is_fitted(
    tmp_path: Path, study: Callable[..., set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fitted(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(command, "fit_random", fitted)
    with pytest.raises(ConfigError, match=r"nowhere does not exist: train some cells first"):
        study("--results", tmp_path / "nowhere", "--checkpoints", tiny_checkpoint(tmp_path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"empty has no results yet: train some cells first"):
        study("--results", tmp_path / "empty")
    write_result(tmp_path / "plain", result("standard"))
    with pytest.raises(ConfigError, match=r"plain has no results of networks with GroupNL layers"):
        study("--results", tmp_path / "plain")
    assert not (tmp_path / "out").exists()


def test_checkpoints_of_one_name_are_told_apart(tmp_path: Path, study: Callable[..., set[str]]) -> None:
    folders = [tmp_path / name for name in ("first", "second")]
    assert {"first", "second"} <= study("--checkpoints", *map(tiny_checkpoint, folders))
