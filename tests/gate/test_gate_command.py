"""groupnl gate as CI asks it: exit status and words, by counters behind a real HTTP endpoint."""

import io
import json
import math
from collections.abc import Callable, Iterator

import pytest
from support.played_candidate import PlayedService

from groupnl import cli
from groupnl.errors import ServerError
from groupnl.gate import command
from groupnl.gate.counts import counts_of
from groupnl.report.samples import Sample, Samples
from groupnl_studies.harness.ports import free_ports

Gate = Callable[..., int]


@pytest.fixture
def service() -> Iterator[PlayedService]:
    played = PlayedService()
    yield played
    played.close()


@pytest.fixture
def gate(service: PlayedService) -> Gate:
    def ask(*words: str) -> int:
        endpoint = f"http://127.0.0.1:{service.port}"
        return cli.main(["gate", "--endpoint", endpoint, "--model", "m", "--candidate", "c", *words])

    return ask


@pytest.mark.parametrize(
    ("right", "late", "status"),
    [
        ((3000, 100, 300, 600), (300, 10, 30, 60), 0),
        ((3000, 300, 100, 600), (300, 30, 10, 60), 1),
        ((30, 1, 1, 6), (0, 0, 0, 0), 2),
        ((0, 0, 0, 0), (3000, 100, 300, 600), 0),
    ],
    ids=["better", "worse", "few labels", "late labels only"],
)
def test_the_exit_status_is_the_verdict(service, gate, right, late, status, capsys) -> None:
    service.count(5000, right, late)
    assert gate() == status
    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{('promote', 'reject', 'not enough yet')[status]}: c in the place of m")
    shown = "\n".join(others)
    assert f"on {sum(right) + sum(late):,} images whose class is known" in shown
    assert "cat / dog 150" in shown
    assert "other" not in shown.partition("model / candidate): ")[2].splitlines()[0]
    assert "2.00 times as long" in shown


def test_it_says_how_many_more_images_are_needed(service, gate, capsys) -> None:
    service.count(5000, (300, 10, 10, 60), (0, 0, 0, 0))
    assert gate("--min-pairs", "6000") == 2
    shown = capsys.readouterr().out
    assert "not enough yet: c in the place of m (pairs, right answers)" in shown
    assert "5,000 images answered by both, 6,000 asked for; 1,000 more" in shown
    assert "more images would decide, if all goes on so" in shown


def test_without_labels_it_says_that_nobody_knows(service, gate, capsys) -> None:
    service.count(5000, (0, 0, 0, 0), (0, 0, 0, 0))
    assert gate() == 0
    assert "nobody knows who is right where the two differ: on up to 6." in capsys.readouterr().out
    assert gate("--min-agreement", "97") == 1
    assert gate("--max-slowdown", "1.5") == 1
    assert "at most 1.5 times is asked for" in capsys.readouterr().out


def test_where_more_images_tell_nothing_it_says_so(service, gate, capsys) -> None:
    service.count(20_000, (0, 0, 0, 0), (0, 0, 0, 0))
    service.disagree(5_000)
    assert gate() == 2
    shown = capsys.readouterr().out
    assert "not enough yet: c in the place of m (same answers)" in shown
    assert "certainly fewer than 90.0 %" in shown
    assert "more images will not tell: labels decide" in shown
    assert gate("--min-agreement", "70") == 0
    assert gate("--min-agreement", "90") == 1


def test_a_class_may_be_called_what_a_terminal_cannot_show(service, gate, monkeypatch) -> None:
    service.count(5000, (0, 0, 0, 0), (0, 0, 0, 0))
    service.disagree(1, "\u2603")
    shown = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr("sys.stdout", shown)
    assert gate() == 0
    shown.seek(0)
    assert r"\u2603" in shown.read()


def test_json(service, gate, capsys) -> None:
    service.count(5000, (3000, 100, 300, 600), (0, 0, 0, 0))
    assert gate("--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["status"], found["bad"], found["missing"]) == ("promote", 0, [], [])
    assert found["findings"]["right"]["value"] == pytest.approx(0.05)
    low, high = found["findings"]["right"]["interval"]
    assert 0 < low < 0.05 < high
    assert found["disagreements"] == [{"model_class": "cat", "candidate_class": "dog", "images": 150}]
    assert found["reasons"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--model x --candidate c", "no metrics of the model 'x'; there are of m"),
        ("--model m --candidate x", "no metrics of a candidate of m, 'x'; there are of c"),
        ("--model m", "--candidate"),
        ("--model m --candidate c --max-los 2", "--max-los"),
        ("--model m --candidate c --max-loss -1", "--max-loss -1"),
        ("--model m --candidate c --max-failures 0", "--max-failures 0.0"),
        ("--model m --candidate c --min-pairs many", "--min-pairs"),
        ("--model m --candidate c --key-file nowhere", "the key in nowhere cannot be read"),
    ],
)
def test_what_is_no_verdict_has_another_status(service, words, said, capsys) -> None:
    try:
        status = cli.main(["gate", "--endpoint", f"http://127.0.0.1:{service.port}", *words.split()])
    except SystemExit as end:  # by argparse
        status = end.code
    assert status == cli.NO_VERDICT == 3
    shown = capsys.readouterr()
    assert said in shown.err
    assert not shown.out


def test_nobody_there_is_no_verdict(capsys) -> None:
    (port,) = free_ports(1)
    words = f"gate --endpoint http://127.0.0.1:{port} --model m --candidate c"
    assert cli.main(words.split()) == 3
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(("images", "agrees"), [(5000, 5001), (-5, -5), (math.inf, 1), (math.nan, math.nan)])
def test_what_cannot_have_been_counted_is_no_verdict(images: float, agrees: float) -> None:
    labels = {"model": "m", "candidate": "c"}
    samples = Samples(
        [
            Sample("groupnl_requests_total", {"model": "m", "code": "200"}, 1),
            Sample("groupnl_candidate_images_total", labels, images),
            Sample("groupnl_candidate_agrees_total", labels, agrees),
        ]
    )
    with pytest.raises(ServerError, match="cannot be true"):
        counts_of(samples, "m", "c")


def test_a_fault_of_ours_is_no_verdict(gate, monkeypatch, capsys) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(command, "verdict", broken)
    assert gate() == 3
    assert "ZeroDivisionError: by zero" in capsys.readouterr().err


def test_help_is_help(capsys) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["gate", "--help"])
    assert end.value.code == 0
    assert "--max-slowdown" in capsys.readouterr().out
