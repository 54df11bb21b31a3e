"""groupnl_studies.gpu.command: parts are played; whatever they do, the rest is run and the file says all."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from groupnl.base.say import Say
from groupnl_studies.gpu import command
from groupnl_studies.gpu.parts import MACHINE, PARTS, Part, limit_s, missing_packages
from groupnl_studies.gpu.runner import FAILED, OUT_OF_TIME, PASSED, RUNNING, Outcome

NAMES = [part.name for part in PARTS]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Run the command with parts that end as they are told; the exit status, and the result."""

    def played(statuses: dict[str, str], *words: str) -> tuple[int, dict[str, Any]]:
        def run_part(
            name: str, device: str, work: Path, limit: float, log: Path, say: Say, look: Callable[[Outcome], None]
        ) -> Outcome:
            say("a line")
            look(Outcome(RUNNING, 0.5, limit, {"figures": {"so far": 1}}))
            so_far = json.loads((tmp_path / command.JSON_FILE).read_text())
            assert so_far["parts"][name]["figures"] == {"so far": 1}
            return Outcome(statuses.get(name, PASSED), 1.0, limit, {"figures": {"name": name}})

        monkeypatch.setattr(command, "run_part", run_part)
        status = command.main(["--out", str(tmp_path), "--device", "cpu", *words])
        return status, json.loads((tmp_path / command.JSON_FILE).read_text())

    return played


def test_all_parts_are_run(play: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = play({})
    assert status == 0
    assert found["finished"]
    assert {name: part["status"] for name, part in found["parts"].items()} == dict.fromkeys(NAMES, PASSED)
    assert found["machine"] == {"name": MACHINE}
    told = capsys.readouterr().out
    assert told == (tmp_path / command.LOG_FILE).read_text()
    assert "s] equality: a line" in told


@pytest.mark.parametrize("how", [FAILED, OUT_OF_TIME])
def test_a_part_that_fails_is_named_and_the_others_go_on(
    how: str, play: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    status, found = play({"equality": how})
    assert status == 1
    assert [name for name, part in found["parts"].items() if part["status"] != PASSED] == ["equality"]
    assert list(found["parts"]) == NAMES
    assert "FAILED: equality" in capsys.readouterr().out


def test_without_a_device_nothing_else_is_tried(play: Callable[..., Any]) -> None:
    status, found = play({MACHINE: FAILED})
    assert status == 1
    assert {part["status"] for name, part in found["parts"].items() if name != MACHINE} == {"left out"}


def test_what_is_missing_is_told_with_the_parts_that_need_it(
    play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        command, "missing_packages", lambda part: missing_packages(part, lambda module: module != "model_archiver")
    )
    status, found = play({})
    assert status == 0
    assert found["missing"] == {"torch-model-archiver": ["handler"]}
    assert found["parts"]["handler"]["status"] == "left out"
    assert "torch-model-archiver" in found["parts"]["handler"]["reason"]


def test_without_torch_it_fails(play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "missing_packages", lambda part: ["torch"])
    status, found = play({})
    assert status == 1
    assert found["missing"]["torch"] == NAMES


def test_when_the_time_is_over_parts_are_not_begun(play: Callable[..., Any]) -> None:
    status, found = play({}, "--budget-s", "1")
    assert {part["status"] for part in found["parts"].values()} == {"not reached"}
    assert status == 1


def test_some_parts_alone_come_with_the_machine(play: Callable[..., Any]) -> None:
    _, found = play({}, "--parts", "priority", "tests")
    assert list(found["parts"]) == [MACHINE, "tests", "priority"]


def test_time_that_is_left_over_goes_to_those_behind() -> None:
    first, second, third = (Part(str(share), share, "", ()) for share in (1, 2, 1))
    assert limit_s(first, [second, third], 100) == 25
    assert limit_s(second, [third], 90) == 60
    assert limit_s(third, [], 80) == 80


def test_packages_are_named_as_they_are_installed() -> None:
    part = Part("any", 1, "", ("yaml", "torch", "PIL"))
    assert missing_packages(part, lambda module: module == "torch") == ["pyyaml", "pillow"]
    assert missing_packages(PARTS[-1]) == []


def test_the_command_itself_needs_nothing_that_is_installed() -> None:
    program = (
        "import sys, groupnl_studies.gpu.command, groupnl_studies.gpu.child\n"
        "sys.exit(bool({'torch', 'numpy', 'pydantic', 'psutil', 'tqdm', 'yaml'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
