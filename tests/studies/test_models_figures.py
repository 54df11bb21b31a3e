"""groupnl_studies.models.figures, tables and picture: ratios inside rounds, fastest ways, what the rewrite gains."""

import argparse
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from support.half_written import KilledError, killed_while_writing

from groupnl.base.options import read_options
from groupnl_studies.models import command
from groupnl_studies.models import figures as bench
from groupnl_studies.models.pair import Case, Instant, Pair, PairTimes, Turn, take_turn
from groupnl_studies.models.plot import draw
from groupnl_studies.models.table import tables

PAIR = Pair("efficientnet_gnl_es", "efficientnet_es")
# Milliseconds for an image on a machine of speed 1: the GroupNL network, then its twin.
TIMES = {
    "published-eager-float32": (50.0, 30.0),
    "published-compile-bfloat16": (12.0, 4.0),
    "aot-bfloat16": (4.0, 5.0),
    "openvino-bfloat16": (6.0, 3.0),
}


def one_pair(pair: Pair = PAIR) -> PairTimes:
    """Three rounds; in each the machine has another speed."""
    times = PairTimes(pair)
    for way, each in TIMES.items():
        for network, ms in zip(pair, each, strict=True):
            times.errors[network, way] = 0.01
            for batch in (1, 8):
                times.turns[Case(network, way, batch)] = [
                    Turn(slow * ms, 0.5 * slow * ms, 1.5 * slow * ms) for slow in (1.0, 3.0, 2.0)
                ]
    return times


def test_ratios_are_formed_inside_a_round() -> None:
    found = bench.over_twin(one_pair(), 8)
    assert found["aot-bfloat16"] == pytest.approx((1.25,) * 4)
    assert found["published-eager-float32"] == pytest.approx((0.6,) * 4)


def test_a_ratio_is_the_median_of_the_rounds_and_has_the_quickest_batches_beside_it() -> None:
    slow = [Turn(10.0, 9.0, 9.0), Turn(40.0, 8.0, 9.0), Turn(20.0, 20.0, 9.0)]
    quick = [Turn(10.0, 2.0, 9.0), Turn(10.0, 10.0, 9.0), Turn(10.0, 10.0, 9.0)]
    assert bench.times_faster(slow, quick) == bench.TimesFaster(2.0, 1.0, 4.0, 4.0)
    assert f"{bench.times_faster(slow, quick)}" == "2.00 (1.00-4.00; 4.00)"


def test_each_in_its_own_fastest_way() -> None:
    times = one_pair()
    assert [bench.fastest_way(times, network, 8) for network in PAIR] == ["aot-bfloat16", "openvino-bfloat16"]
    assert bench.over_twin(times, 8)[bench.OWN_FASTEST].median == pytest.approx(0.75)


def test_the_rewrite_is_compared_in_the_same_runtime_and_precision() -> None:
    found = {(each.network, each.before, each.after): each.ratio for each in bench.rewrite_speedups(one_pair(), 1)}
    way = ("published-compile-bfloat16", "aot-bfloat16")
    assert found == {
        ("efficientnet_gnl_es", *way): pytest.approx((3.0,) * 4),
        ("efficientnet_es", *way): pytest.approx((0.8,) * 4),
    }


def test_the_summary_is_json() -> None:
    content = json.loads(json.dumps(bench.pair_summary(one_pair())))
    assert (content["model"], content["twin"]) == PAIR
    assert len(content["rows"]) == 2 * 2 * len(TIMES)
    assert content["rows"][0] == {
        "network": "efficientnet_gnl_es",
        "way": "published-eager-float32",
        "batch": 1,
        "median_ms": 100.0,
        "min_ms": 25.0,
        "cpu_ms": 150.0,
        "rounds_ms": [50.0, 150.0, 100.0],
        "logits_relative_error": 0.01,
    }
    assert content["batches"]["8"]["fastest"]["efficientnet_es"] == "openvino-bfloat16"
    assert content["batches"]["8"]["over_twin"]["own fastest"]["median"] == pytest.approx(0.75)
    assert content["batches"]["8"]["rewritten_over_published"][0]["ratio"]["low"] == pytest.approx(3.0)


def test_the_tables_say_each_figure() -> None:
    lines = tables([one_pair(), one_pair(Pair("gnl_resnet50", "resnet50"))]).splitlines()
    assert sum(line.startswith("| resnet50 | 8 | 60.00 (15.00; 90.00) |") for line in lines) == 1
    assert "| gnl_resnet50 | 1 | aot-bfloat16, 8.00 ms | openvino-bfloat16, 6.00 ms | 0.75 (0.75-0.75; 0.75) |" in lines
    assert "| gnl_resnet50 | 8 | aot-bfloat16 over published-compile-bfloat16 | 3.00 (3.00-3.00; 3.00) |" in lines


def test_the_picture_shows_networks_and_ways_and_is_the_same_each_time(tmp_path: Path) -> None:
    pictures = [tmp_path / name for name in ("one.svg", "two.svg")]
    for picture in pictures:
        draw([one_pair(), one_pair(Pair("gnl_resnet50", "resnet50"))], "a title", picture)
    text = pictures[0].read_text(encoding="utf-8")
    assert ET.fromstring(text).tag.endswith("svg")
    assert text == pictures[1].read_text(encoding="utf-8")
    # Labels are drawn as outlines; the text stands beside them as a comment.
    assert all(label in text for label in ("a title", "batch 8", *PAIR[:1], "gnl_resnet50", *TIMES, "own fastest"))


class Clock:
    """Tells the next of some times at each call; two threads compute all the time."""

    def __init__(self, *seconds: float) -> None:
        self._seconds = list(seconds)

    def __call__(self) -> Instant:
        now = self._seconds.pop(0)
        return Instant(now, 100 + 2 * now)


def test_a_turns_first_batch_does_not_count() -> None:
    clock = Clock(0.0, 0.5, 0.75, 0.875, 1.125)
    assert take_turn(lambda: None, 10, 1.0, clock) == pytest.approx(Turn(25.0, 12.5, 125 / 3))


def test_a_turn_of_one_long_batch_counts() -> None:
    assert take_turn(lambda: None, 4, 0.1, Clock(1.0, 3.0)) == pytest.approx(Turn(500.0, 500.0, 1000.0))


def test_the_clock_is_this_machines() -> None:
    turn = take_turn(lambda: sum(range(20000)), 1, 0.02)
    assert 0 < turn.min_ms <= turn.median_ms <= 60_000
    assert 0 < turn.cpu_ms <= 60_000


def test_a_kill_leaves_the_figures_of_the_pairs_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "in_a_process", lambda measure, pair, plan: one_pair(pair))
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    words = ["--models", PAIR.model, "mobilenetv2_gnl_100", "--engines", "eager-float32", "--device", "cpu"]
    killed_while_writing(monkeypatch, whole=2)
    with pytest.raises(KilledError):
        command.run(read_options(command.Options, parser.parse_args([*words, "--out", str(tmp_path)])))
    (pair,) = json.loads((tmp_path / command.JSON_FILE).read_text())["pairs"]
    assert pair["model"] == PAIR.model
