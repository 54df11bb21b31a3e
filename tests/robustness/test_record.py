"""groupnl.robustness.record: counts into JSON and out again, and what is refused."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from groupnl.corruptions.names import CELLS, Cell
from groupnl.errors import ConfigError
from groupnl.robustness import record as module
from groupnl.robustness.record import IMAGENET_C, CellFigures, RobustnessRecord, read_record, write_record


def record(*cells: CellFigures, **changes: object) -> RobustnessRecord:
    settings = {
        "architecture": "tiny",
        "weights_sha256": "0" * 64,
        "data": "icons",
        "splits": ("a", "b"),
        "images": 10,
        "clean_correct": 9,
        "precision": "float32",
        "seed": 0,
        "versions": {"torch": "1"},
        "cells": cells,
    }
    return RobustnessRecord.model_validate(settings | changes)


def figures(corruption: str, severity: int, flips: int, correct: int = 0) -> CellFigures:
    return CellFigures(corruption=corruption, severity=severity, flips=flips, correct=correct)


def test_agreement_adds_severities_up_before_it_divides() -> None:
    found = record(figures("fog", 1, 2), figures("fog", 2, 5), figures("snow", 3, 10)).agreement()
    assert found == {"fog": pytest.approx(1 - 7 / 20), "snow": 0}


@pytest.mark.parametrize(
    "cells", [(), (figures("fog", 2, 1), figures("fog", 1, 2)), tuple(figures(*c, 3) for c in CELLS)]
)
def test_written_and_read_again(cells: tuple[CellFigures, ...], tmp_path: Path) -> None:
    write_record(record(*cells), tmp_path / "x.json")
    found = read_record(tmp_path / "x.json")
    assert found.figures() == {each.cell: each for each in cells}
    assert list(found.figures()) == sorted(found.figures(), key=CELLS.index)
    assert found.model_copy(update={"cells": ()}) == record()
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_missing_cells() -> None:
    cells = [cell for cell in CELLS if cell.corruption in IMAGENET_C]
    assert record(*(figures(*cell, 3) for cell in cells)).missing() == []
    assert record().missing() == cells
    assert record().with_cell(figures(*cells[0], 1)).missing() == cells[1:]


def test_a_corruption_that_is_new_leaves_records_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = record(*(figures(*cell, 3) for cell in CELLS))
    write_record(whole, tmp_path / "old.json")
    assert "corruptions" not in json.loads((tmp_path / "old.json").read_text())
    new = [Cell("rain", severity) for severity in range(1, 6)]
    monkeypatch.setattr(module, "CELLS", (*CELLS, *new))
    assert read_record(tmp_path / "old.json").missing() == []
    wider = whole.model_copy(update={"corruptions": (*IMAGENET_C, "rain")})
    assert wider.missing() == new
    write_record(wider.with_cell(figures(*new[0], 3)), tmp_path / "new.json")
    found = read_record(tmp_path / "new.json")
    assert (found.corruptions, found.missing()) == ((*IMAGENET_C, "rain"), new[1:])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"cells": (figures("fog", 1, 11),)}, "a count of 11 is more than the 10 images"),
        ({"clean_correct": 11}, "more than the 10 images"),
        ({"cells": (figures("fog", 1, 1), figures("fog", 1, 1))}, "fog at severity 1 stands twice"),
        ({"cells": (figures("fgo", 1, 1),)}, "fgo at severity 1 is no cell"),
        ({"weights_sha256": "abc"}, "weights_sha256"),
        ({"splits": ()}, "splits"),
    ],
)
def test_implausible_records_are_refused(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        record(**changes)


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read \(No such file"):
        read_record(tmp_path / "x.json")
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(ConfigError, match="is no record of `groupnl robustness`: "):
        read_record(tmp_path / "x.json")
