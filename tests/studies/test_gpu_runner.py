"""groupnl_studies.gpu.runner with real processes: a part that passes, one that is too slow, one that breaks."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from groupnl_studies.gpu import runner
from groupnl_studies.gpu.runner import FAILED, OUT_OF_TIME, PASSED, Outcome, run_part

PYTHON = sys.executable  # before it is played
Children = Callable[[], list[psutil.Process]]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., tuple[Outcome, list[str]]]:
    def ran(name: str, limit_s: float) -> tuple[Outcome, list[str]]:
        lines: list[str] = []
        outcome = run_part(name, "cpu", tmp_path, limit_s, tmp_path / "log", lines.append, lambda so_far: None)
        return outcome, lines

    return ran


@pytest.mark.slow
def test_a_part_that_passes(run: Callable[..., Any], children: Children) -> None:
    outcome, lines = run("machine", 120.0)
    assert outcome.status == PASSED
    assert outcome.findings["figures"]["packages"]["torch"]
    assert [line for line in lines if line.startswith("a CPU: ")]
    assert children() == []


def test_a_part_that_is_too_slow_is_ended_with_all_that_it_started(
    run: Callable[..., Any], children: Children, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "slow").write_text(
        f"#!{PYTHON}\nimport subprocess, time\n"
        "subprocess.Popen(['sleep', '600'])\nprint('begun', flush=True)\ntime.sleep(600)\n"
    )
    (tmp_path / "slow").chmod(0o755)
    monkeypatch.setattr(runner.sys, "executable", str(tmp_path / "slow"))
    outcome, lines = run("machine", 2.0)
    assert outcome.status == OUT_OF_TIME
    assert outcome.limit_s == 2.0
    assert lines == ["begun"]
    assert children() == []


@pytest.mark.parametrize(("ending", "status"), [("sys.exit(2)", "2"), ("os.kill(os.getpid(), 11)", "-11")])
def test_a_process_that_breaks_keeps_what_it_had_found(
    ending: str, status: str, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = '{"problems": [], "figures": {"rows": [1]}}'
    (tmp_path / "broken").write_text(
        f"#!{PYTHON}\nimport os, sys\n"
        f"open({str(tmp_path / 'machine.findings.json')!r}, 'w').write({found!r})\n"
        f"print('Traceback', file=sys.stderr, flush=True)\n{ending}\n"
    )
    (tmp_path / "broken").chmod(0o755)
    monkeypatch.setattr(runner.sys, "executable", str(tmp_path / "broken"))
    outcome, _ = run("machine", 60.0)
    assert outcome.status == FAILED
    assert outcome.findings["figures"] == {"rows": [1]}
    assert f"ended with status {status}" in outcome.findings["problems"][0]
    assert (tmp_path / "log").read_text() == "Traceback\n"
