"""Runs a part in a process of its own, and ends it when its time is over."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from groupnl.base.child_process import end_with_parent
from groupnl.base.environment import child_environment
from groupnl.base.say import Say
from groupnl_studies.gpu.child import findings_file
from groupnl_studies.gpu.findings import read_findings

ROOT = Path(__file__).parents[2]  # where the packages lie that need not be installed
_OWN_SHARE = 0.85  # of its limit; then a part begins nothing new
_LOOK_S = 0.25
_GRACE_S = 3.0
PASSED, FAILED, OUT_OF_TIME, RUNNING = "passed", "failed", "out of time", "running"


class Outcome(NamedTuple):
    """What a part came to.

    Attributes:
        status: `PASSED`, `FAILED`, `OUT_OF_TIME` (it was ended), or `RUNNING`.
        seconds: that it took so far.
        limit_s: that it was given.
        findings: of it, see `Findings`.
    """

    status: str
    seconds: float
    limit_s: float
    findings: dict[str, Any]


def run_part(
    name: str, device: str, work: Path, limit_s: float, log: Path, say: Say, look: Callable[[Outcome], None]
) -> Outcome:
    """Run a part to its end.

    Args:
        name: of the part.
        device: "cuda" or "cpu".
        work: folder that all parts share.
        limit_s: then it is ended, with all that it has started.
        log: gets its standard error.
        say: is told its lines.
        look: is told what it has found whenever that has grown.
    """
    began = time.monotonic()
    command = [sys.executable, "-m", "groupnl_studies.gpu.child", name, device, str(work), str(_OWN_SHARE * limit_s)]
    with log.open("ab") as errors:
        process = subprocess.Popen(  # noqa: S603 (our own module)
            command,
            cwd=ROOT,
            env=child_environment(_hidden(device)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
    listener = threading.Thread(target=_pass_on, args=(process, say), daemon=True)
    listener.start()
    file = findings_file(work, name)
    known: dict[str, Any] = {}

    def outcome(status: str) -> Outcome:
        return Outcome(status, time.monotonic() - began, limit_s, known)

    try:
        while process.poll() is None and time.monotonic() < began + limit_s:
            time.sleep(_LOOK_S)
            if (found := read_findings(file)) != known:
                known = found
                look(outcome(RUNNING))
        is_late = process.poll() is None
    finally:
        _end(process)
    listener.join(_GRACE_S)
    known = read_findings(file)
    if is_late:
        return outcome(OUT_OF_TIME)
    if process.returncode > 1 or process.returncode < 0:
        sentence = f"its process ended with status {process.returncode}; below zero means by a signal. See the log"
        known = {**known, "problems": [*known.get("problems", []), sentence]}
    return outcome(PASSED if process.returncode == 0 else FAILED)


def _hidden(device: str) -> dict[str, str]:
    """No part of a rehearsal sees a GPU."""
    return {"CUDA_VISIBLE_DEVICES": ""} if device == "cpu" else {}


def _pass_on(process: subprocess.Popen[str], say: Say) -> None:
    if process.stdout is not None:
        with process.stdout as lines:
            for line in lines:
                say(line.rstrip("\n"))


def _end(process: subprocess.Popen[str]) -> None:
    """End all of its session: in order, then by force."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
