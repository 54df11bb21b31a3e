"""groupnl.base.picture: the same bytes each time, in one step."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from groupnl.base.picture import save


def drawn() -> Figure:
    figure = Figure(figsize=(1, 1))
    figure.subplots().plot([1, 2])
    return figure


@pytest.mark.parametrize(("name", "start"), [("plot.png", b"\x89PNG"), ("plot.svg", b"<?xml")])
def test_pictures_are_the_same_and_whole(
    tmp_path: Path, name: str, start: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "made" / name
    save(drawn(), path)
    before = path.read_bytes()
    assert before.startswith(start)
    save(drawn(), path)
    assert path.read_bytes() == before
    monkeypatch.setattr(Figure, "savefig", stopped)
    with pytest.raises(OSError, match="the disk is full"):
        save(drawn(), path)
    assert path.read_bytes() == before


def stopped(self: Figure, path: Path, **options: object) -> None:
    path.write_bytes(b"half")
    raise OSError("the disk is full")
