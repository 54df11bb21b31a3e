"""Short names for files."""

from pathlib import Path

import pytest

from groupnl.base.short_names import by_short_name


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        ([], []),
        (["runs/a/metrics.csv"], ["metrics"]),
        (["runs/a/x.csv", "runs/a/y.csv"], ["x", "y"]),
        (["runs/b/metrics.csv", "runs/a/metrics.csv"], ["b", "a"]),
        (["runs/a/x.csv", "runs/a/y.csv", "runs/b/x.csv"], ["runs/a/x.csv", "runs/a/y.csv", "runs/b/x.csv"]),
        (["x/run/metrics.csv", "y/run/metrics.csv"], ["x/run/metrics.csv", "y/run/metrics.csv"]),
        (["a.csv", "a.csv"], ["a"]),
    ],
)
def test_the_shortest_way_that_tells_all_apart(paths: list[str], names: list[str]) -> None:
    found = by_short_name(map(Path, paths))
    assert list(found) == names
    assert [str(path) for path in found.values()] == list(dict.fromkeys(paths))


def test_a_file_of_this_folder_is_named_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert list(by_short_name([Path("metrics.csv"), Path("../there/metrics.csv")])) == ["here", "there"]
