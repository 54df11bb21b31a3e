"""groupnl_studies.tune: the rule, the order of the search, medians, table, settings, picture."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from groupnl.errors import ConfigError, ServerError
from groupnl.server.config import load_config
from groupnl_studies.harness.slot import Slot
from groupnl_studies.tune.output import content, rows, serve_config, table
from groupnl_studies.tune.plot import draw
from groupnl_studies.tune.search import Axes, Candidate, Figures, Round, choose, rate_shares, search, wait_shares

ONE, TWO, THREE = Candidate(1, 4, 1), Candidate(1, 8, 1), Candidate(2, 8, 1)


def slot(throughput: float, p50_ms: float, failures: int = 0) -> Slot:
    return Slot(throughput, p50_ms, 2 * p50_ms, 3 * p50_ms, failures, 1.0, 8.0, 0.5, 0.1)


def figures(rate: float, wait_ms: float, failures: int = 0) -> Figures:
    return Figures(slot(rate, 32 / rate * 1e3, failures), slot(1e3 / wait_ms, wait_ms), 7.5, 0.25)


@pytest.mark.parametrize(
    ("one", "two", "three", "chosen"),
    [
        ((90, 8), (96, 9), (100, 12), THREE),  # by more than 3 % the fastest
        ((90, 8), (97.5, 9), (100, 12), TWO),  # of those within 3 % the one that answers a single client soonest
        ((97.5, 9.2), (98, 9), (100, 9), ONE),  # latencies within 3 % are equal: the one that asks for least
        ((100, 9), (100, 9), (100, 8), THREE),
    ],
)
def test_the_rule(
    one: tuple[float, float], two: tuple[float, float], three: tuple[float, float], chosen: Candidate
) -> None:
    assert choose([{ONE: figures(*one), TWO: figures(*two), THREE: figures(*three)}]) == chosen


def test_candidates_are_compared_inside_rounds() -> None:
    """In one round everything takes three times as long, in another only what one candidate did."""
    rounds: list[Round] = [
        {ONE: figures(80, 10), TWO: figures(100, 10)},
        {ONE: figures(80, 10), TWO: figures(100, 10)},
        {ONE: figures(80 / 3, 30), TWO: figures(100 / 3, 30)},
        {ONE: figures(80, 10), TWO: figures(30, 90)},
    ]
    rates, waits = rate_shares(rounds), wait_shares(rounds)
    assert rates[TWO] / rates[ONE] == pytest.approx(100 / 80)
    assert waits[TWO] / waits[ONE] == pytest.approx(1)
    assert choose(rounds) == TWO


def test_what_is_better_in_some_rounds_and_worse_in_others_is_equal() -> None:
    """The medians are apart, but the order changes: the wait decides; where that changes too, who asks for less."""
    rates = ((80, 100), (100, 90), (81, 100))
    slower, faster = ([{ONE: figures(one, wait), TWO: figures(two, 10)} for one, two in rates] for wait in (12, 9))
    assert choose(slower) == TWO
    assert choose(faster) == ONE
    waits = ((12, 10), (9, 10), (12, 10))
    both = [
        {ONE: figures(one, first), TWO: figures(two, second)}
        for (one, two), (first, second) in zip(rates, waits, strict=True)
    ]
    assert choose(both) == ONE
    assert choose([both[0], both[2]]) == TWO


def test_settings_with_failures_are_not_chosen() -> None:
    good, bad = figures(50, 20), figures(100, 10, failures=1)
    assert choose([{ONE: good, TWO: figures(100, 10)}, {ONE: good, TWO: bad}]) == ONE
    with pytest.raises(ServerError, match=r"some requests failed \(2 with the first\)"):
        choose([{ONE: bad, TWO: bad}, {ONE: bad, TWO: bad}])


class Machine:
    """Answers what a machine would on which two workers, batches of 16 and 2 ms are best."""

    def __init__(self) -> None:
        self.asked: list[list[Candidate]] = []

    def __call__(self, candidates: Sequence[Candidate]) -> list[Round]:
        self.asked.append(list(candidates))
        return [{each: self._figures(each) for each in candidates}] * 2

    def _figures(self, each: Candidate) -> Figures:
        rate = 100.0 * (1.2 if each.workers == 2 else 1.0) * min(each.batch_size, 16) / 16
        rate *= 0.8 if each.max_batch_delay_ms == 1 else 1.0
        return figures(rate, 8.0 + each.max_batch_delay_ms)


AXES = Axes((1, 2, 4), (1, 2, 4, 8, 16, 32), (1, 2, 5, 10))


def test_one_setting_after_the_other() -> None:
    machine = Machine()
    steps = search(AXES, machine)
    assert [step.setting for step in steps] == ["workers", "batch_size", "max_batch_delay_ms"]
    assert machine.asked == [
        [Candidate(workers, 8, 5) for workers in AXES.workers],
        [Candidate(2, size, 5) for size in AXES.batch_size],
        [Candidate(2, 16, delay) for delay in AXES.max_batch_delay_ms],
    ]
    assert [step.chosen for step in steps] == [Candidate(2, 8, 5), Candidate(2, 16, 5), Candidate(2, 16, 2)]
    assert AXES.measurements == sum(map(len, machine.asked))


def test_engines_and_threads_are_settings_too() -> None:
    machine = Machine()
    axes = Axes((1, 2), (4, 8), (1,), ("aot", "onnx"), (1, 2))
    steps = search(axes, machine)
    assert [step.setting for step in steps] == ["workers", "engine", "threads", "batch_size"]
    assert machine.asked[0] == [Candidate(workers, 8, 1, "aot", 2) for workers in (1, 2)]
    assert machine.asked[1] == [Candidate(2, 8, 1, engine, 2) for engine in ("aot", "onnx")]
    assert steps[1].chosen.engine == "aot"  # equal: what stands before
    assert steps[-1].chosen == Candidate(2, 8, 1, "aot", 1)
    assert f"{steps[-1].chosen}" == "2 x 8, 1 ms, aot, threads 1"
    assert steps[-1].chosen.in_words() == "workers 2, batch size 8, delay 1 ms, engine aot, threads 1"


def test_a_setting_with_one_value_is_kept() -> None:
    machine = Machine()
    (step,) = search(Axes((2,), (8, 16), (3,)), machine)
    assert machine.asked == [[Candidate(2, 8, 3), Candidate(2, 16, 3)]]
    assert step.chosen == Candidate(2, 16, 3)
    with pytest.raises(ConfigError, match="more than one value"):
        search(Axes((2,), (8,), (3,)), machine)


def test_medians_over_the_rounds_and_all_failures() -> None:
    found = rows([{ONE: figures(rate, wait, failed), TWO: figures(2 * rate, wait)} for rate, wait, failed in ROUNDS])
    one, two = found[ONE], found[TWO]
    assert (one.throughput, one.alone_p50_ms, one.alone_p99_ms, one.batch, one.failures) == (50, 10, 30, 7.5, 3)
    assert (one.of_best, two.of_best) == pytest.approx((0.5, 1.0))
    assert (one.p50_ms, one.p99_ms) == pytest.approx((640, 1920))


ROUNDS = ((40, 8, 1), (50, 10, 0), (70, 20, 2))


def test_the_table_has_a_row_for_each_candidate_of_each_step_and_shows_the_choice() -> None:
    lines = table(search(AXES, Machine()), 32).splitlines()
    assert len(lines) == 2 + AXES.measurements
    assert (
        "| **2** | **16** | **2** | - | - | 120.0 | 1.000 | 266.7 | 800.0 | 7.5 | 9.5 | 10.00 | 30.00 | 1.111 | 0 |"
        in lines
    )
    assert len([line for line in lines if "**" in line]) == 3  # of each step
    assert len({line.count("|") for line in lines}) == 1


def test_groupnl_serve_takes_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "tune.yaml"
    file.write_text(serve_config(Candidate(2, 16, 5), ("a model: on a machine", "quiet: yes")), encoding="utf-8")
    config = load_config(file, {})
    assert (config.workers, config.batch_size, config.max_batch_delay_ms) == (2, 16, 5)
    assert set(yaml.safe_load(file.read_text(encoding="utf-8"))) == {"workers", "batch_size", "max_batch_delay_ms"}
    file.write_text(serve_config(Candidate(2, 16, 5, "onnx", 1), ()), encoding="utf-8")
    assert load_config(file, {}).handler_changes()["engine"] == "onnx"
    assert load_config(file, {}).handler_changes()["threads"] == 1


def test_all_figures_are_json() -> None:
    found = json.loads(json.dumps(content(search(AXES, Machine()))))
    assert found["chosen"] == {"workers": 2, "batch_size": 16, "max_batch_delay_ms": 2}
    assert found["others"] == 0.25
    step = found["steps"][1]
    assert (step["setting"], len(step["medians"]), len(step["rounds"])) == ("batch_size", 6, 2)
    assert step["rounds"][0][0]["saturated"]["throughput"] == pytest.approx(7.5)


def test_the_picture_marks_the_choice_and_is_the_same_each_time(tmp_path: Path) -> None:
    pictures = [tmp_path / name for name in ("one.svg", "two.svg")]
    for picture in pictures:
        draw(search(AXES, Machine()), "a title", picture)
    text = pictures[0].read_text(encoding="utf-8")
    assert ET.fromstring(text).tag.endswith("svg")
    assert text == pictures[1].read_text(encoding="utf-8")
    # Labels are drawn as outlines; the text stands beside them as a comment. One of each candidate.
    assert text.count("chosen: 2 x 16, 2 ms") == 1
    assert text.count("<!-- 2 x 8, 5 ms -->") == text.count("<!-- 4 x 8, 5 ms -->") == 1
