"""groupnl study robustness: what is made of its results."""

import csv
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.grid_results import trained

from groupnl.errors import ConfigError
from groupnl_studies.grid.group import Group, tables_of
from groupnl_studies.grid.result import write_result
from groupnl_studies.robustness.design import ROBUSTNESS
from groupnl_studies.robustness.effects import CLEAN, CORRUPTED, WITHOUT_NOISE, convolution_gains, gains, interplays
from groupnl_studies.robustness.report import write_report
from groupnl_studies.robustness.table import markdown
from groupnl_studies.robustness.verdict import is_better, verdict

SKILLS = {
    ("standard", "plain"): 0.3,
    ("standard", "augmix"): 0.5,
    ("gnl_r2", "plain"): 0.4,
    ("gnl_r2", "augmix"): 0.9,
}


def groups(skills: Mapping[tuple[str, str], float] = SKILLS, seeds: int = 3) -> list[Group]:
    results = [trained(way, kind, seed, skill) for (kind, way), skill in skills.items() for seed in range(seeds)]
    return tables_of(ROBUSTNESS, results)[0]


def accuracy(found: list[Group], kind: str, training: str) -> float:
    (group,) = [each for each in found if (each.kind, each.training) == (kind, training)]
    return group.corrupted.mean


def test_gains_are_over_plain_training_with_the_same_convolution() -> None:
    found = groups()
    by_kind = {effect.group.kind: effect for effect in gains(found)}
    assert [effect.group.training for effect in gains(found)] == ["augmix", "augmix"]
    for kind, effect in by_kind.items():
        measured = effect.measures[CORRUPTED]
        expected = accuracy(found, kind, "augmix") - accuracy(found, kind, "plain")
        assert measured.difference == pytest.approx(expected)
        assert measured.tested is not None
        assert measured.tested.comparison.difference == pytest.approx(expected)
        assert measured.tested.comparison.p <= measured.tested.p_holm < 0.05
    assert by_kind["gnl_r2"].seeds == 3
    assert list(effect.measures) == [CLEAN, CORRUPTED, WITHOUT_NOISE], "one test says what all say"


def test_convolutions_are_compared_with_the_same_training() -> None:
    found = groups()
    assert {effect.group.training: effect.measures[CORRUPTED].difference for effect in convolution_gains(found)} == {
        way: pytest.approx(accuracy(found, "gnl_r2", way) - accuracy(found, "standard", way))
        for way in ("plain", "augmix")
    }


def test_what_both_add_is_set_beside_what_each_adds_alone() -> None:
    found = groups()
    [interplay] = interplays(found)
    neither, training = accuracy(found, "standard", "plain"), accuracy(found, "standard", "augmix")
    convolution, both = accuracy(found, "gnl_r2", "plain"), accuracy(found, "gnl_r2", "augmix")
    measured = interplay.effect.measures[CORRUPTED]
    assert interplay.added[CORRUPTED] == pytest.approx(training - neither + convolution - neither)
    assert interplay.together[CORRUPTED] == pytest.approx(both - neither)
    assert measured.difference == pytest.approx(interplay.together[CORRUPTED] - interplay.added[CORRUPTED])
    assert measured.tested is not None
    assert measured.tested.comparison.low > 0.1


def test_gains_that_add_have_no_interplay() -> None:
    [interplay] = interplays(groups({**SKILLS, ("gnl_r2", "augmix"): 0.6}))
    tested = interplay.effect.measures[CORRUPTED].tested
    assert tested is not None
    assert tested.comparison.low < 0 < tested.comparison.high


def test_only_seeds_that_all_have_are_compared() -> None:
    results = [trained(way, kind, seed) for kind, way in SKILLS for seed in range(4)]
    results = [each for each in results if each.cell.name != "icons/resnet18/standard/plain/3"]
    found = tables_of(ROBUSTNESS, results)[0]
    assert {effect.seeds for effect in gains(found)} == {3, 4}
    assert [interplay.effect.seeds for interplay in interplays(found)] == [3]


def test_noise_is_left_out_where_it_was_trained_on() -> None:
    results = [trained("plain", seed=seed) for seed in range(3)]
    results += [trained("noise", seed=seed, skills={"noise": 0.95}) for seed in range(3)]
    [effect] = gains(tables_of(ROBUSTNESS, results)[0])
    assert effect.measures[CORRUPTED].difference > 0.05
    assert abs(effect.measures[WITHOUT_NOISE].difference) < 0.05
    assert not is_better(effect)


def test_the_verdict_names_what_is_better_beyond_chance() -> None:
    better = groups({**SKILLS, ("gnl_r2", "augmix"): 0.4})
    assert verdict(better) == (
        "Better than plain training beyond chance: augmix with standard. With every convolution that was trained: none."
    )
    assert verdict([group for group in better if group.kind == "standard"]).endswith("that was trained: augmix.")
    assert verdict(groups({**SKILLS, ("standard", "augmix"): 0.3, ("gnl_r2", "augmix"): 0.4})).endswith(": none.")
    assert verdict(groups(seeds=2)).endswith("not tested yet, which takes three seeds.")
    few = [trained("augmix", "gnl_r2", seed) for seed in range(2)] + [trained("plain", "gnl_r2", s) for s in range(2)]
    both = [result for group in better if group.kind == "standard" for result in group.results] + few
    assert verdict(tables_of(ROBUSTNESS, both)[0]).endswith(
        "augmix with standard. With every convolution that was trained: none. "
        "Not final: 1 have too few seeds, and the correction is for those tested."
    )


def test_what_loses_clean_accuracy_is_not_better() -> None:
    results = [
        trained("plain", seed=seed, skill=0.9, skills=dict.fromkeys(("blur", "weather"), 0.3)) for seed in range(3)
    ]
    results += [
        trained("prime", seed=seed, skill=0.5, skills=dict.fromkeys(("blur", "weather"), 0.9)) for seed in range(3)
    ]
    [effect] = gains(tables_of(ROBUSTNESS, results)[0])
    assert effect.measures[WITHOUT_NOISE].tested is not None
    assert effect.measures[WITHOUT_NOISE].tested.comparison.low > 0
    assert not is_better(effect)


def test_few_seeds_are_shown_without_a_test() -> None:
    text = markdown(groups(seeds=1), {"resnet18": {"gnl_r2": {"augmix": 1.25}}})
    assert "±" not in text
    assert "| gnl_r2 | augmix | 1 | 1.25 |" in text
    assert "| standard | augmix | 1 | - |" in text
    [line] = [line for line in text.splitlines() if re.match(r"\| gnl_r2 \| plain \| 1 \| [+-]\d", line)]
    assert line.endswith("| - |")
    assert markdown(groups({("standard", "plain"): 0.5}), {}).count("\n|") == 3, "nothing to compare"


def test_the_report_holds_every_cell(tmp_path: Path) -> None:
    for group in groups():
        for result in group.results:
            write_result(tmp_path, result)
    names = {path.name for path in write_report(tmp_path)}
    assert names == {"robustness.md", "robustness.csv", "robustness.svg", "robustness-differences.svg"}
    with (tmp_path / "robustness.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["convolution"], row["training"]) for row in rows} == set(SKILLS)
    assert len(rows) == 12
    families = [float(rows[0][family]) for family in ("noise", "blur", "weather", "digital")]
    weights = (20, 25, 25, 25)
    mean = sum(weight * share for weight, share in zip(weights, families, strict=True)) / 95
    assert float(rows[0]["corrupted"]) == pytest.approx(mean, abs=1e-4)
    before = (tmp_path / "robustness.svg").read_bytes()
    write_report(tmp_path)
    assert (tmp_path / "robustness.svg").read_bytes() == before


def test_a_study_without_results_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no results yet: train some cells first \(`groupnl study robustness"):
        write_report(tmp_path)
