"""Records of earlier versions, which know no calibration and no sets, are gone on with."""

import json
from pathlib import Path

from support.colours import colour_checkpoint, solid
from support.validation_runs import read, validate


def test_a_record_without_calibration_is_gone_on_with(tmp_path: Path) -> None:
    checkpoint, data, output = colour_checkpoint(tmp_path), tmp_path / "data", tmp_path / "out"
    solid(data, {"red": ["red", "red"], "blue": ["blue", "yellow"]})
    cells = ["--corrupt", "--severities", "1", "--corruptions"]
    assert validate(checkpoint, output, "--data", data, *cells, "brightness") == 0
    record = json.loads((output / "counts.json").read_text())
    assert record.pop("clean_of") == {"clean_set": "images", "answers": None, "first_class": None}
    del record["clean"]["calibration"], record["cells"][0]["calibration"]
    (output / "counts.json").write_text(json.dumps(record))
    assert validate(checkpoint, output, "--data", data, *cells, "pixelate") == 0
    found = read(output)
    assert (found["clean_top1"], list(found["ce"])) == (0.75, ["brightness", "pixelate"])
    assert found["calibration"]["clean"] is None
    assert list(found["calibration"]["cells"]) == ["pixelate"]
    assert found["calibration"]["mean_of_cells"] is None  # of one of the two it would be no mean
