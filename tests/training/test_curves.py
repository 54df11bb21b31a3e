"""groupnl curves: which runs a picture shows, and by which names."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from groupnl import cli
from groupnl.training import curves_command


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    figures: list[Figure] = []
    monkeypatch.setattr(curves_command, "save", lambda figure, path: figures.append(figure))
    return figures


def log(path: Path, columns: str, row: str) -> str:
    path.parent.mkdir()
    path.write_text(f"epoch,loss,{columns}lr,seconds\n1,{row}0.1,9\n")
    return str(path)


def curves(*logs: str) -> None:
    assert cli.main(["curves", *logs, "--output", "x.svg"]) == 0


def test_runs_whose_logs_have_one_name_are_all_drawn(tmp_path: Path, drawn: list[Figure]) -> None:
    curves(*(log(tmp_path / run / "metrics.csv", "val,", "2.0,0.5,") for run in ("a", "b")))
    (figure,) = drawn
    assert [[line.get_label() for line in axes.lines] for axes in figure.axes] == [["a", "b"]] * 2


def test_a_split_is_drawn_for_the_runs_that_have_it(tmp_path: Path, drawn: list[Figure]) -> None:
    rows = {"a": ("", "2.0,"), "b": ("val,", "2.0,0.5,"), "c": ("test,val,", "2.0,0.3,0.4,")}
    curves(*(log(tmp_path / run / "metrics.csv", *row) for run, row in rows.items()))
    shown = {axes.get_title(): [line.get_label() for line in axes.lines] for axes in drawn[0].axes}
    assert shown == {
        "training loss": ["a", "b", "c"],
        "top-1 accuracy, val": ["b", "c"],
        "top-1 accuracy, test": ["c"],
    }
    colours = {(line.get_label(), line.get_color()) for axes in drawn[0].axes for line in axes.lines}
    assert len(colours) == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is no log of a training run: it has no epoch; name the .csv beside a checkpoint"),
        ("epoch,loss\n", "is no log of a training run: it has no epoch; name the .csv beside a checkpoint"),
        ("a,b\n1,2\n", "is no log of a training run: it has no column 'epoch'"),
        ("epoch,loss\n1,much\n", "as the log of a training run: loss = 'much': it must be a number"),
        ("epoch,loss\n1\n", "as the log of a training run: loss = None: it must be a number"),
        ("epoch,loss\n1,2,3\n\n2,nan\n", "as the log of a training run: loss = 'nan': it must be a number"),
    ],
)
def test_what_is_no_log_is_told_in_a_sentence(
    content: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "empty.csv"
    file.write_text(content)
    assert cli.main(["curves", str(file), "--output", "x.svg"]) == 1
    told = capsys.readouterr().err
    assert told.endswith(f"{said}\n")
    assert len(told.splitlines()) == 1
