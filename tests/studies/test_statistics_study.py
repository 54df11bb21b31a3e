"""groupnl study statistics: its findings, its table, and the command."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest

from groupnl.base.options import read_options
from groupnl.robustness.statistics import compare_paired
from groupnl_studies.statistics import command
from groupnl_studies.statistics.finding import Finding, share_of, table
from groupnl_studies.statistics.paths import ever_decides
from groupnl_studies.statistics.streams import STREAMS


def options(*words: str) -> command.Options:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return read_options(command.Options, parser.parse_args(words))


def test_a_finding_passes_between_its_bounds() -> None:
    assert Finding("case", "figure", 0.05, at_most=0.05).passes is True
    assert Finding("case", "figure", 0.051, at_most=0.05).passes is False
    assert Finding("case", "figure", 0.92, at_least=0.93).passes is False
    assert Finding("case", "figure", 7.0, "h").passes is None


def test_the_table_says_what_is_wanted() -> None:
    lines = table(
        "stream", [share_of("a", "false", 31, 1000, at_most=0.05), Finding("b", "alert", 5.5, "h", at_most=5)]
    )
    assert lines.splitlines()[-2] == "| a | false | 3.1 % | 2.2 % to 4.4 % | at most 5.0 % | yes |"
    assert lines.splitlines()[-1] == "| b | alert | 5.5 h |  | at most 5 h | **no** |"


def test_all_looks_at_once_are_the_same_looks_one_by_one() -> None:
    rng = np.random.default_rng(1)
    for lean in (0.5, 0.6, 0.9):
        outcomes = rng.choice(np.array([1, -1, 0], np.int8), 300, p=(0.4 * lean, 0.4 * (1 - lean), 0.6))
        looks = [
            compare_paired(int((outcomes[:end] == 1).sum()), int((outcomes[:end] == -1).sum())).verdict
            for end in range(1, 301)
        ]
        assert ever_decides(outcomes) is any(look != "undecided" for look in looks)


def test_the_command_prints_writes_and_fails_where_a_figure_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--only", "independent", "--runs", "40", "--json", str(tmp_path / "figures.json"))
    assert command.run(options(*words)) == 0
    printed = capsys.readouterr().out
    assert command.run(options(*words)) == 0
    assert capsys.readouterr().out == printed
    written = json.loads((tmp_path / "figures.json").read_text())
    assert all(finding["passes"] for finding in written["streams"]["independent"])
    monkeypatch.setattr("groupnl_studies.statistics.independent.ALPHA", -1.0)
    assert command.run(options(*words)) == 1


def test_names_of_streams_differ() -> None:
    assert len({stream.name for stream in STREAMS}) == len(STREAMS)
