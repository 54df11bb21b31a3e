"""groupnl_studies.serving.figures and its picture: ratios inside rounds, medians, the best mode, the tables."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from groupnl.errors import ServerError
from groupnl_studies.harness.cpu import CpuSeconds
from groupnl_studies.harness.load import Outcome
from groupnl_studies.harness.rounds import Ratio
from groupnl_studies.harness.slot import Slot, slot
from groupnl_studies.serving import figures as serving
from groupnl_studies.serving.figures import OURS, STOCK, Limit, Round
from groupnl_studies.serving.offline import Speed, modes
from groupnl_studies.serving.plot import draw


def figures(throughput: float, p50_ms: float = 10.0, failures: int = 0) -> Slot:
    return Slot(throughput, p50_ms, 2 * p50_ms, 3 * p50_ms, failures, 1.0, 8.0, 0.5, 0.1)


def one_round(speed: float) -> Round:
    """On a machine of this speed ours reaches 90 % of the limit at 32 clients, and adds 2 ms at one."""
    return Round(
        {
            "threads": Limit(80.0 * speed, 8.0 / speed),
            "spinning": Limit(90.0 * speed, 7.0 / speed),
            "processes": Limit(100.0 * speed, None),
        },
        {
            OURS: {
                1: figures(60 * speed, 7.0 / speed + 2.0),
                32: figures(90 * speed),
                64: figures(80 * speed, 10.0, 2),
            },
            STOCK: {1: figures(12 * speed), 32: figures(9 * speed), 64: figures(8 * speed)},
        },
    )


ROUNDS = [one_round(1.0), one_round(2.0), one_round(0.5)]


def test_the_best_mode_is_the_limit_and_one_image_has_a_best_mode_of_its_own() -> None:
    assert serving.best_mode(ROUNDS) == "processes"
    assert serving.best_single_mode(ROUNDS) == "spinning"
    assert serving.median_limit(ROUNDS, "threads") == Limit(80.0, 8.0)
    assert serving.median_limit(ROUNDS, "processes") == Limit(100.0, None)


def test_headlines_are_ratios_inside_a_round() -> None:
    found = serving.headlines(ROUNDS)
    assert found == {
        "served / offline limit, 32 clients": pytest.approx(Ratio(0.9, 0.9, 0.9)),
        "served / stock, 32 clients": pytest.approx(Ratio(10, 10, 10)),
        "served / stock, each at its best": pytest.approx(Ratio(7.5, 7.5, 7.5)),
        "added latency, 1 client, ms": pytest.approx(Ratio(2, 2, 2)),
    }


def test_headlines_of_what_was_measured() -> None:
    """Without the stock classifier, without a single client, with more clients than the usual 32 only."""
    rounds = [each._replace(served={OURS: {64: each.served[OURS][64]}}) for each in ROUNDS]
    assert serving.headlines(rounds) == {"served / offline limit, 64 clients": pytest.approx(Ratio(0.8, 0.8, 0.8))}


def test_every_other_service_has_headlines() -> None:
    rounds = [
        each._replace(served={OURS: each.served[OURS], "mosec-engine": {32: figures(45.0 * 0.5 * (number + 1))}})
        for number, each in enumerate([ROUNDS[2], ROUNDS[0]])
    ]
    found = serving.headlines(rounds)
    assert found["served / mosec-engine, 32 clients"] == pytest.approx(Ratio(2, 2, 2))
    assert found["served / mosec-engine, each at its best"] == pytest.approx(Ratio(2, 2, 2))
    assert not [name for name in found if "stock" in name]


def test_medians_over_the_rounds_but_all_failures() -> None:
    middle = serving.median_slot(ROUNDS, OURS, 64)
    assert middle.throughput == 80.0
    assert middle.failures == 6


def test_a_slot_of_a_load() -> None:
    outcome = Outcome(2.0, [0.010] * 94 + [0.020] * 4 + [0.050] * 2, 3, answers=125)
    found = slot(outcome, CpuSeconds(frontend=0.25, workers=1.0, rest=0.125), client_s=0.0125)
    assert found == pytest.approx(Slot(50.0, 10.0, 20.0, 50.0, 3, 2.0, 8.0, 1.0, 0.1))
    with pytest.raises(ServerError, match="no good answer within 2 s, and 3 others"):
        slot(Outcome(2.0, [], 3), CpuSeconds(0, 0, 0), 0.0)


def test_a_limit_of_its_runs() -> None:
    assert serving.limit(Speed(100.0, [0.08]), Speed(120.0, [0.007, 0.008, 0.02])) == Limit(100.0, 8.0)
    assert serving.limit(Speed(100.0, [0.08]), None) == Limit(100.0, None)


def test_the_tables_say_each_figure() -> None:
    lines = serving.table(ROUNDS).splitlines()
    assert "| served / stock, 32 clients | 10 (10-10) |" in lines
    assert "| processes | 100.0 |  |" in lines
    assert "| spinning | 90.0 | 7.0 |" in lines
    assert f"| {OURS} | 64 | 80.0 | 10.0 | 20.0 | 30.0 | 6 | 8.00 + 1.00 + 0.50 + 0.10 |" in lines
    assert len([line for line in lines if line.startswith(f"| {STOCK}")]) == 3


def test_the_summary_is_json() -> None:
    content = json.loads(json.dumps(serving.summary(ROUNDS)))
    assert content["limit"] == "processes"
    assert content["headlines"]["served / stock, 32 clients"]["median"] == 10
    assert content["offline"]["processes"] == {"throughput": 100.0, "single_ms": None}
    assert content["served"][STOCK]["32"]["throughput"] == 9.0


@pytest.mark.parametrize(("cores", "threads"), [(1, [1]), (2, [2, 2, 2]), (16, [16, 16, 16])])
def test_each_mode_uses_all_cores(cores: int, threads: list[int]) -> None:
    assert [mode.processes * mode.threads for mode in modes(cores).values()] == threads


@pytest.mark.parametrize("stock", [True, False])
def test_the_picture_shows_services_and_limits_and_is_the_same_each_time(tmp_path: Path, stock: bool) -> None:
    rounds = ROUNDS if stock else [each._replace(served={OURS: each.served[OURS]}) for each in ROUNDS]
    pictures = [tmp_path / name for name in ("one.svg", "two.svg")]
    for picture in pictures:
        draw(rounds, "a title", picture)
    text = pictures[0].read_text(encoding="utf-8")
    assert ET.fromstring(text).tag.endswith("svg")
    assert text == pictures[1].read_text(encoding="utf-8")
    # Labels are drawn as outlines; the text stands beside them as a comment.
    assert [label in text for label in ("offline limit, 100 images/s", "one image offline, 7.0 ms", OURS)] == [True] * 3
    assert (STOCK in text) == stock
