"""Studies that train: cells, their results, when they are trained."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError
from support.grid_results import PLAN, RECIPE, RECORD, result, trained

from groupnl.corruptions import CELLS, NAMES
from groupnl.errors import ConfigError
from groupnl_studies.convolutions.design import CONVOLUTIONS
from groupnl_studies.grid.cells import StudyCell, all_cells, choose_cells
from groupnl_studies.grid.families import BUT_NOISE, FAMILIES, cells_of, count_cells
from groupnl_studies.grid.prepared import chosen_positions
from groupnl_studies.grid.result import Result, read_results, result_path, write_result
from groupnl_studies.grid.schedule import Clock
from groupnl_studies.robustness.design import ROBUSTNESS


def test_all_cells_of_a_seed_come_before_the_next() -> None:
    cells = all_cells(CONVOLUTIONS, 3)
    assert [cell.seed for cell in cells] == sorted(cell.seed for cell in cells)
    assert len(cells) == len(set(cells)) == 3 * 2 * (13 + 7)
    assert cells[0] == StudyCell("icons", "resnet18", "standard", 0)


def test_cells_are_chosen_by_pattern() -> None:
    cells = all_cells(CONVOLUTIONS, 2)
    assert [cell.name for cell in choose_cells(cells, ["icons/resnet18/gnl_r2/*"], CONVOLUTIONS.form)] == [
        "icons/resnet18/gnl_r2/0",
        "icons/resnet18/gnl_r2/1",
    ]
    with pytest.raises(
        ConfigError, match="'icons/vgg/\\*' matches no cell; a cell is called DATA/NETWORK/CONVOLUTION/SEED"
    ):
        choose_cells(cells, ["*", "icons/vgg/*"], CONVOLUTIONS.form)


def test_trainings_are_a_part_of_a_name_where_they_are_compared() -> None:
    cells = all_cells(ROBUSTNESS, 3)
    assert len(cells) == len(set(cells)) == 3 * 6 * (3 + 2)
    assert [cell.seed for cell in cells] == sorted(cell.seed for cell in cells)
    chosen = choose_cells(cells, ROBUSTNESS.unasked, ROBUSTNESS.form)
    assert [cell.name for cell in chosen[:3]] == [
        "icons/resnet18/standard/plain/0",
        "icons/resnet18/gnl_r2/plain/0",
        "icons/resnet18/standard/noise/0",
    ]
    assert len(chosen) == 3 * 6 * 2


def test_a_result_comes_back_as_it_was_written(tmp_path: Path) -> None:
    written = result(seed=1)
    write_result(tmp_path, written)
    assert read_results(tmp_path, CONVOLUTIONS) == [written]
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
        read_results(tmp_path, CONVOLUTIONS)
    result_path(tmp_path, result("ghost").cell).unlink()
    write_result(tmp_path, result(network="mobilenetv2", recipe=RECIPE.model_copy(update={"lr": 1e-2})))
    assert len(read_results(tmp_path, CONVOLUTIONS)) == 2, "networks have recipes of their own"
    write_result(tmp_path, result(network="mobilenetv2", images=RECORD.model_copy(update={"classes": 6})))
    with pytest.raises(ConfigError, match="another recipe or on other images"):
        read_results(tmp_path, CONVOLUTIONS)
    result_path(tmp_path, result().cell).write_text("{}")
    with pytest.raises(ConfigError, match=r"0\.json is no result of this study"):
        read_results(tmp_path, CONVOLUTIONS)


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
    assert clock.has_time_for(cell._replace(training="augmix")), "another training takes another time"


def test_what_is_kept_is_of_the_same_images() -> None:
    chosen = chosen_positions({"test": 100}, PLAN)["test"].tolist()
    clean = "".join("1" if position in chosen[:10] else "0" for position in range(100))
    found = result(clean={"test": clean})
    assert found.kept() == pytest.approx(found.corrupted_right().mean() / 0.5)


def test_every_corruption_has_one_family() -> None:
    assert sorted(name for names in FAMILIES.values() for name in names) == sorted(NAMES)
    assert sorted(position for family in FAMILIES for position in cells_of(family)) == list(range(len(CELLS)))
    assert (count_cells(["noise"]), count_cells(BUT_NOISE)) == (20, 75)


def test_families_are_parts_of_all_corruptions() -> None:
    found = trained("noise", skills={"noise": 0.95})
    by_name = dict(zip(CELLS, found.accuracy_by_cell(), strict=True))
    noises = [accuracy for cell, accuracy in by_name.items() if cell.corruption in FAMILIES["noise"]]
    assert found.right_in("noise").mean() == pytest.approx(sum(noises) / 20)
    both = 20 * found.right_in("noise") + 75 * found.right_in(*BUT_NOISE)
    assert both == pytest.approx(95 * found.corrupted_right())


def test_families_that_do_not_fit_are_refused() -> None:
    fields = json.loads(trained("noise").model_dump_json())
    families = fields["right_by_family"]
    shifted = families | {"blur": [families["blur"][0] + 1, *families["blur"][1:]]}
    for wrong, sentence in (
        ({"blur": families["blur"]}, "the families are blur, not noise, blur, weather, digital"),
        (families | {"blur": families["blur"][1:]}, "a family has other images"),
        (shifted, "right answers by family are not those by image"),
    ):
        with pytest.raises(ValidationError, match=sentence):
            Result.model_validate(fields | {"right_by_family": wrong})


def test_cells_of_another_study_are_refused(tmp_path: Path) -> None:
    write_result(tmp_path, trained("augmix"))
    assert [found.cell.name for found in read_results(tmp_path, ROBUSTNESS)] == ["icons/resnet18/standard/augmix/0"]
    with pytest.raises(ConfigError, match=r"no result of this study, but of the cell icons/resnet18/standard/augmix/0"):
        read_results(tmp_path, CONVOLUTIONS)
    write_result(tmp_path, result("gnl_r2", training="plain"))
    with pytest.raises(ConfigError, match="does not say how each family"):
        read_results(tmp_path, ROBUSTNESS)
