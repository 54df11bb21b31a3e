"""groupnl study convolutions: cells, their results, what is made of them."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from support.convolution_results import PLAN, RECIPE, RECORD, result

from groupnl.errors import ConfigError
from groupnl_studies.convolutions.cells import StudyCell, all_cells, choose_cells
from groupnl_studies.convolutions.contrast import FROM_PUBLISHED, FROM_STANDARD, contrasts_of
from groupnl_studies.convolutions.prepared import chosen_positions
from groupnl_studies.convolutions.report import write_report
from groupnl_studies.convolutions.result import Result, read_results, result_path, write_result
from groupnl_studies.convolutions.schedule import Clock
from groupnl_studies.convolutions.summary import rows_of
from groupnl_studies.convolutions.table import markdown


def test_all_cells_of_a_seed_come_before_the_next() -> None:
    cells = all_cells(3)
    assert [cell.seed for cell in cells] == sorted(cell.seed for cell in cells)
    assert len(cells) == len(set(cells)) == 3 * 2 * (13 + 7)
    assert cells[0] == StudyCell("icons", "resnet18", "standard", 0)


def test_cells_are_chosen_by_pattern() -> None:
    assert [cell.name for cell in choose_cells(all_cells(2), ["icons/resnet18/gnl_r2/*"])] == [
        "icons/resnet18/gnl_r2/0",
        "icons/resnet18/gnl_r2/1",
    ]
    with pytest.raises(ConfigError, match="'icons/vgg/\\*' matches no cell; a cell is called"):
        choose_cells(all_cells(1), ["*", "icons/vgg/*"])


def test_a_result_comes_back_as_it_was_written(tmp_path: Path) -> None:
    written = result(seed=1)
    write_result(tmp_path, written)
    assert read_results(tmp_path) == [written]
    assert [path.name for path in result_path(tmp_path, written.cell).parent.iterdir()] == ["1.json"]
    assert written.clean_right().shape == (100,)
    assert written.accuracy_by_cell().mean() == pytest.approx(written.corrupted_right().mean())


def test_results_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    fields = json.loads(result().model_dump_json())
    with pytest.raises(ValidationError, match="were counted by cell"):
        Result.model_validate(fields | {"right_by_image": [1]})
    write_result(tmp_path, result())
    write_result(tmp_path, result("ghost", recipe=RECIPE.model_copy(update={"epochs": 2})))
    with pytest.raises(ConfigError, match="another recipe or on other images"):
        read_results(tmp_path)
    result_path(tmp_path, result("ghost").cell).unlink()
    write_result(tmp_path, result(network="mobilenetv2", recipe=RECIPE.model_copy(update={"lr": 1e-2})))
    assert len(read_results(tmp_path)) == 2, "networks have recipes of their own"
    write_result(tmp_path, result(network="mobilenetv2", images=RECORD.model_copy(update={"classes": 6})))
    with pytest.raises(ConfigError, match="another recipe or on other images"):
        read_results(tmp_path)
    result_path(tmp_path, result().cell).write_text("{}")
    with pytest.raises(ConfigError, match=r"0\.json is no result of this study"):
        read_results(tmp_path)


def test_the_clock_begins_only_what_can_be_finished() -> None:
    cell = StudyCell("icons", "resnet18", "gnl_r2", 0)
    assert Clock(None, [result(seconds=1e9)]).has_time_for(cell)
    clock = Clock(100, [])
    assert clock.has_time_for(cell)  # nobody knows yet how long it takes
    clock.note(result(seconds=99))
    assert clock.has_time_for(cell)
    clock.note(result(seconds=150))
    assert not clock.has_time_for(cell)
    assert clock.has_time_for(cell._replace(network="mobilenetv2"))


def study(tmp_path: Path) -> list[Result]:
    skills = {"standard": 0.5, "gnl_r2": 0.9, "ghost": 0.5}
    results = [result(kind, seed, skill) for kind, skill in skills.items() for seed in range(3)]
    for each in results:
        write_result(tmp_path, each)
    return results


def test_convolutions_are_compared(tmp_path: Path) -> None:
    rows = rows_of(study(tmp_path), "icons", "resnet18")
    standard, _, ours = rows
    assert [row.kind for row in rows] == ["standard", "ghost", "gnl_r2"]
    assert ours.trained < standard.trained
    assert ours.macs < standard.macs
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
    rows = rows_of(results, "icons", "resnet18")
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
    [found] = contrasts_of(rows_of(results, "icons", "resnet18"), FROM_STANDARD)
    assert {name: tested.comparison.difference for name, tested in found.splits.items()} == {
        "first": pytest.approx(-0.98),
        "second": pytest.approx(0.98),
    }
    assert found.clean.comparison.difference == 0


def test_what_is_kept_is_of_the_same_images() -> None:
    chosen = chosen_positions({"test": 100}, PLAN)["test"].tolist()
    clean = "".join("1" if position in chosen[:10] else "0" for position in range(100))
    found = result(clean={"test": clean})
    assert found.kept() == pytest.approx(found.corrupted_right().mean() / 0.5)


def test_few_seeds_are_shown_without_a_test() -> None:
    rows = rows_of([result(kind, seed) for kind in ("standard", "gnl_r2") for seed in (0, 1)], "icons", "resnet18")
    assert contrasts_of(rows, FROM_STANDARD) == []
    rows = rows_of([result(), result("gnl_r2")], "icons", "resnet18")
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
