"""groupnl study convolutions: training, and the command on a few images."""

import argparse
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support.convolution_results import result
from support.folder_holder import held
from support.half_written import KilledError, killed_while_writing
from timm.utils import random_seed

from groupnl.base.options import read_options
from groupnl.base.others import Others, others_in_words
from groupnl.errors import ConfigError
from groupnl_studies.convolutions import command, speed
from groupnl_studies.convolutions import train as train_module
from groupnl_studies.convolutions.cells import StudyCell
from groupnl_studies.convolutions.images import Labelled
from groupnl_studies.convolutions.networks import NETWORKS, build_network
from groupnl_studies.convolutions.recipe import RECIPES, ImagePlan, Recipe
from groupnl_studies.convolutions.result import read_results, result_path, write_result
from groupnl_studies.convolutions.run import Plan
from groupnl_studies.convolutions.schedule import Clock, run_cells
from groupnl_studies.convolutions.speed import read_ratios
from groupnl_studies.convolutions.state import Progress, save_state
from groupnl_studies.convolutions.train import best_classes, train

pytestmark = pytest.mark.slow

COLOURS = {"blue": (0, 0, 200), "green": (0, 200, 0), "red": (200, 0, 0)}
RECIPE = Recipe(images=ImagePlan(), epochs=3, batch_size=16)


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def coloured(count: int = 48) -> Labelled:
    labels = torch.arange(count) % 3
    colours = torch.tensor(list(COLOURS.values()), dtype=torch.uint8)
    return Labelled(colours[labels].view(count, 3, 1, 1).expand(-1, -1, 32, 32).contiguous(), labels)


def trained(state: Path, seed: int = 0) -> tuple[torch.nn.Module, tuple[float, ...]]:
    random_seed(seed)
    network = build_network("resnet18", "gnl_r2", 3)
    return network, train(network, coloured(), RECIPE, seed, state).losses


def test_a_network_learns_colours(tmp_path: Path) -> None:
    network, losses = trained(tmp_path / "x")
    assert len(losses) == 3
    assert losses[-1] < losses[0]
    assert best_classes(network, coloured().pixels).shape == (48,)


def test_a_seed_trains_the_same_network_again(tmp_path: Path) -> None:
    (_, first), (_, again), (_, other) = (trained(tmp_path / f"{seed}", seed % 10) for seed in (1, 11, 2))
    assert first == again != other


class StoppedError(Exception):
    """The training is interrupted."""


def test_an_interrupted_training_goes_on_as_if_it_were_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network, losses = trained(tmp_path / "unbroken")
    save = train_module.save_state

    def save_twice(path: Path, recipe: Recipe, progress: Progress, parts: dict[str, object]) -> None:
        save(path, recipe, progress, parts)
        if len(progress.losses) == 2:
            raise StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(train_module, "save_state", save_twice)
        with pytest.raises(StoppedError):
            trained(tmp_path / "broken")
    resumed, again = trained(tmp_path / "broken")
    assert again == losses
    expected = network.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in resumed.state_dict().items())
    with pytest.raises(ConfigError, match="broken is of a training with another recipe"):
        train(network, coloured(), RECIPE.model_copy(update={"lr": 1.0}), 0, tmp_path / "broken")


def test_training_changes_no_function_of_groupnl(tmp_path: Path) -> None:
    random_seed(0)
    fresh = build_network("resnet18", "gnl_r2", 3).state_dict()
    state = trained(tmp_path / "x")[0].state_dict()
    frozen = [name for name in state if name.endswith((".periods", ".shifts"))]
    assert len(frozen) == 26
    assert all(torch.equal(state[name], fresh[name]) for name in frozen)


def test_fewer_images_than_a_batch_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there are 9 training images, fewer than a batch of 16"):
        train(build_network("resnet18", "standard", 3), coloured(9), RECIPE, 0, tmp_path / "x")


def test_a_loss_that_is_not_finite_is_told(tmp_path: Path) -> None:
    network = build_network("resnet18", "standard", 3)
    with torch.no_grad():
        network.fc.weight.fill_(float("nan"))
    with pytest.raises(ConfigError, match="the loss became nan"):
        train(network, coloured(), RECIPE, 0, tmp_path / "x")


@pytest.fixture
def icons(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for split, count in (("train", 44), ("test_emoji", 2), ("test_style", 2)):
        for name, colour in COLOURS.items():
            folder = tmp_path / "icons" / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = np.clip(np.array(colour) + random.integers(-40, 40, (32, 32, 3)), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "icons"


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
    (found,) = read_results(out)
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
    assert [result.cell for result in read_results(out)] == cells[2:]
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
    assert json.loads((tmp_path / speed.FILE).read_text())["others"] == 0.5
    ratios = read_ratios(tmp_path)["resnet18"]
    assert list(ratios) == list(NETWORKS["resnet18"].kinds)
    assert ratios["standard"] == {"trained": 1.0, "rewritten": 1.0}
    assert all(ratio > 0 for each in ratios.values() for ratio in each.values())


def test_speed_that_is_measured_again_is_whole_after_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ratios = {"resnet18": {"gnl_r2": {"trained": 1.5}}}
    (tmp_path / speed.FILE).write_text(json.dumps({"ratios": ratios}))
    monkeypatch.setattr(speed, "NETWORKS", {})
    killed_while_writing(monkeypatch)
    with pytest.raises(KilledError):
        speed.measure_speed(tmp_path, 1)
    assert read_ratios(tmp_path) == ratios


def test_no_speed_is_no_error(tmp_path: Path) -> None:
    assert read_ratios(tmp_path) == {}
