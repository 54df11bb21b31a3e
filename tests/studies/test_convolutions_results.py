"""groupnl study convolutions: what is made of its results."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from support.grid_results import result

from groupnl.errors import ConfigError
from groupnl_studies.convolutions.contrast import FROM_PUBLISHED, FROM_STANDARD, contrasts_of
from groupnl_studies.convolutions.design import CONVOLUTIONS
from groupnl_studies.convolutions.report import write_report
from groupnl_studies.convolutions.table import markdown
from groupnl_studies.grid.group import tables_of
from groupnl_studies.grid.result import Result, read_results, write_result
from groupnl_studies.grid.speed import read_ratios
from groupnl_studies.grid.words import csv_text

ROOT = Path(__file__).parents[2]


def study(tmp_path: Path) -> list[Result]:
    skills = {"standard": 0.5, "gnl_r2": 0.9, "ghost": 0.5}
    results = [result(kind, seed, skill) for kind, skill in skills.items() for seed in range(3)]
    for each in results:
        write_result(tmp_path, each)
    return results


def test_convolutions_are_compared(tmp_path: Path) -> None:
    rows = tables_of(CONVOLUTIONS, study(tmp_path))[0]
    standard, _, ours = rows
    assert [row.kind for row in rows] == ["standard", "ghost", "gnl_r2"]
    assert ours.size.trained < standard.size.trained
    assert ours.size.macs < standard.size.macs
    assert ours.clean.deviation is not None
    found = {contrast.kind: contrast for contrast in contrasts_of(rows, FROM_STANDARD)}
    assert found.keys() == {"ghost", "gnl_r2"}
    assert found["gnl_r2"].corrupted.comparison.low > 0.3
    assert found["gnl_r2"].corrupted.p_holm < 0.01
    assert found["ghost"].corrupted.p_holm > 0.05
    assert found["gnl_r2"].clean.comparison.difference == pytest.approx(ours.clean.mean - standard.clean.mean)
    assert contrasts_of(rows, FROM_PUBLISHED) == []
    assert found["ghost"].splits == {}, "with one split it would say the same twice"


def test_variants_are_compared_with_the_published_form_over_shared_seeds() -> None:
    results = [result("gnl_r2", seed) for seed in range(4)]
    results += [result("gnl_r2_scaled", seed, 0.9) for seed in range(1, 5)]
    rows = tables_of(CONVOLUTIONS, results)[0]
    [found] = contrasts_of(rows, FROM_PUBLISHED)
    assert (found.kind, found.base) == ("gnl_r2_scaled", "gnl_r2")
    means = [np.mean([each.clean_right().mean() for each in row.results if each.seed in (1, 2, 3)]) for row in rows]
    assert found.clean.comparison.difference == pytest.approx(means[1] - means[0])
    assert "| gnl_r2_scaled | gnl_r2 | +" in markdown(rows, {})


def test_splits_are_compared_apart() -> None:
    clean = {
        "standard": {"first": "1" * 50, "second": "0" * 49 + "1"},
        "gnl_r2": {"first": "0" * 49 + "1", "second": "1" * 50},
    }
    results = [result(kind, seed, clean=clean[kind]) for kind in clean for seed in range(3)]
    [found] = contrasts_of(tables_of(CONVOLUTIONS, results)[0], FROM_STANDARD)
    assert {name: tested.comparison.difference for name, tested in found.splits.items()} == {
        "first": pytest.approx(-0.98),
        "second": pytest.approx(0.98),
    }
    assert found.clean.comparison.difference == 0


def test_few_seeds_are_shown_without_a_test() -> None:
    rows = tables_of(CONVOLUTIONS, [result(kind, seed) for kind in ("standard", "gnl_r2") for seed in (0, 1)])[0]
    assert contrasts_of(rows, FROM_STANDARD) == []
    rows = tables_of(CONVOLUTIONS, [result(), result("gnl_r2")])[0]
    assert contrasts_of(rows, FROM_STANDARD) == []
    assert rows[1].clean.deviation is None
    assert "±" not in markdown(rows, {})


def test_the_report_holds_every_cell(tmp_path: Path) -> None:
    study(tmp_path)
    (tmp_path / "speed.json").write_text(
        json.dumps({"ratios": {"resnet18": {"gnl_r2": {"trained": 1.23, "rewritten": 0.91}}}})
    )
    paths = write_report(tmp_path)
    assert {path.name for path in paths} == {
        "convolutions.md",
        "convolutions.csv",
        "convolutions.svg",
        "convolutions-differences.svg",
    }
    with (tmp_path / "convolutions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 9
    assert {row["convolution"] for row in rows} == {"standard", "gnl_r2", "ghost"}
    text = (tmp_path / "convolutions.md").read_text()
    assert "| 1.23 | 0.91 |" in text
    before = (tmp_path / "convolutions.svg").read_bytes()
    write_report(tmp_path)
    assert (tmp_path / "convolutions.svg").read_bytes() == before


def test_a_study_without_results_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no results yet"):
        write_report(tmp_path)


def test_the_stored_cells_still_give_the_stored_tables() -> None:
    stored = ROOT / "results" / "convolutions"
    results = read_results(stored, CONVOLUTIONS)
    assert csv_text(results) == (stored / "convolutions.csv").read_text()
    *_, table = tables_of(CONVOLUTIONS, results)
    assert (stored / "convolutions.md").read_text().endswith(f"\n\n{markdown(table, read_ratios(stored))}\n")
