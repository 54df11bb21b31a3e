"""groupnl_studies.models.pair and the command: a tiny network beside its twin, measured for real."""

import argparse
import json
from pathlib import Path

import pytest
import torch

from groupnl.base.options import read_options
from groupnl.errors import ConfigError, RewriteError
from groupnl.inference.engines.engine import Engine
from groupnl.inference.ways import REFERENCE, Way, parse_way
from groupnl.inference.workshop import Workshop
from groupnl_studies.models import command, pair
from groupnl_studies.models.pair import Case, Pair, Plan, measure_pair

pytestmark = pytest.mark.slow

PAIR = Pair("test_gnl_efficientnet", "test_efficientnet")
WAYS = (REFERENCE, parse_way("onnx-float32"))


def plan(cache: Path, **changes: object) -> Plan:
    usual = {"ways": WAYS, "batches": (1, 2), "size": 32, "rounds": 2, "threads": 1, "device": "cpu", "turn_s": 1e-4}
    return Plan(**usual | changes, cache=cache)


def test_both_networks_are_measured_in_every_way_and_batch_size(tmp_path: Path) -> None:
    found = measure_pair(PAIR, plan(tmp_path))
    assert set(found.turns) == {Case(network, way.name, batch) for network in PAIR for way in WAYS for batch in (1, 2)}
    for turns in found.turns.values():
        assert len(turns) == 2
        assert all(0 < turn.min_ms <= turn.median_ms for turn in turns)
    assert set(found.errors) == {(network, way.name) for network in PAIR for way in WAYS}
    assert all(found.errors[network, REFERENCE.name] == 0 for network in PAIR)
    assert all(0 < found.errors[network, "onnx-float32"] < 1e-4 for network in PAIR)


def test_turns_are_shuffled_within_a_round_and_the_first_round_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[tuple[str, int]] = []

    class Fake:
        def __init__(self, name: str) -> None:
            self.name = name

        def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
            order.append((self.name, len(pixels)))
            return torch.ones(len(pixels), 3)

        def warm_up(self, max_batch: int) -> None:
            return

    def fake(self: Workshop, way: Way, model: torch.nn.Module, identity: str) -> Engine:
        return Fake(f"{identity} {way.name}")

    monkeypatch.setattr(Workshop, "engine", fake)
    monkeypatch.setattr(pair, "identity", lambda architecture, network: architecture)
    found = measure_pair(PAIR, plan(tmp_path, rounds=3, turn_s=0.0))
    assert {len(turns) for turns in found.turns.values()} == {3}
    timed = order[-4 * 2 * 4 :]  # four rounds, two batch sizes, two networks in two ways; what was before is warming up
    rounds = [timed[start : start + 8] for start in range(0, len(timed), 8)]
    names = sorted(f"{network} {way.name}" for network in PAIR for way in WAYS)
    for each in rounds:
        assert [batch for _, batch in each] == [1] * 4 + [2] * 4
        assert sorted(name for name, _ in each[:4]) == sorted(name for name, _ in each[4:]) == names
    assert len({tuple(each) for each in rounds}) > 1


def test_a_way_that_computes_something_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = Workshop.engine

    def wrong(self: Workshop, way: Way, model: torch.nn.Module, identity: str) -> Engine:
        if way != REFERENCE:
            model.register_forward_hook(lambda module, args, logits: 1.01 * logits)
        return usual(self, REFERENCE, model, identity)

    monkeypatch.setattr(Workshop, "engine", wrong)
    with pytest.raises(RewriteError, match=r"test_gnl_efficientnet in the way onnx-float32 .* relative error of 0\.01"):
        measure_pair(PAIR, plan(tmp_path))


def bench(*words: object) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(read_options(command.Options, parser.parse_args([*map(str, words)])))


def test_the_command_writes_figures_tables_and_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    words = ["--models", PAIR.model, "--engines", *(way.name for way in WAYS), "--batches", 2, 1, "--size", 32]
    assert bench(*words, "--rounds", 1, "--threads", 1, "--device", "cpu", "--out", out) == 0
    content = json.loads((out / command.JSON_FILE).read_text())
    assert content["settings"]["batches"] == [1, 2]
    assert content["settings"]["ways"] == [way.name for way in WAYS]
    (pair,) = content["pairs"]
    assert (pair["model"], pair["twin"], len(pair["rows"])) == (*PAIR, 8)
    assert (out / command.PLOT_FILE).stat().st_size > 1000
    assert capsys.readouterr().out == (out / command.TABLE_FILE).read_text()
    assert "other programs used meanwhile" in (out / command.TABLE_FILE).read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--models", "resnet50"], "--models resnet50: it is no GroupNL network"),
        (["--models", PAIR.model, "--all"], "--all and --models exclude each other"),
        (["--rounds", 0], "--rounds 0: it must be 1 or more"),
        (["--batches", 8, 0], "--batches 0: it must be 1 or more"),
        (["--threads", -1], "--threads -1: it must be 1 or more"),
        (["--size", 16], "--size 16: it must be from 32 to 1024 pixels"),
        (["--engines", "published-aot-float32"], "use published-compile"),
    ],
)
def test_an_option_that_cannot_be_used_is_told(words: list[object], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=sentence):
        bench(*words, "--device", "cpu", "--out", tmp_path / "out")


def test_all_are_fifteen_and_the_default_has_the_resnets() -> None:
    def networks(*words: str) -> list[str]:
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        options = read_options(command.Options, parser.parse_args([*words, "--out", "x"]))
        return [pair.model for pair in command._pairs(options)]

    assert len(set(networks("--all"))) == 15
    assert set(networks()) < set(networks("--all"))
    assert {"gnl_resnet101", "gnl_std_r4_resnet101", "efficientnet_gnl_es"} <= set(networks())
