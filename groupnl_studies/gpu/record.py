"""The result of the run, one JSON file that is written whole after each part and while a part finds more."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from groupnl.base.atomic_file import write_whole
from groupnl_studies.gpu.parts import MACHINE
from groupnl_studies.gpu.runner import FAILED, OUT_OF_TIME, PASSED, Outcome

LEFT_OUT, NOT_REACHED = "left out", "not reached"


class Record:
    """The result.

    Args:
        file: for it.
        device: "cuda" or "cpu".
        budget_s: that the whole run was given, seconds.
        missing: package -> parts that are left out without it.
    """

    def __init__(self, file: Path, device: str, budget_s: float, missing: dict[str, list[str]]) -> None:
        self._file = file
        self._began = time.monotonic()
        self._content: dict[str, Any] = {
            "began": datetime.now(UTC).isoformat(timespec="seconds"),
            "device": device,
            "budget_s": budget_s,
            "finished": False,
            "seconds": 0.0,
            "missing": missing,
            "machine": None,
            "parts": {},
        }
        self._write()

    def put(self, part: str, outcome: Outcome) -> None:
        """What a part has come to, or found so far."""
        found = outcome.findings
        self._content["parts"][part] = {
            "status": outcome.status,
            "seconds": round(outcome.seconds, 1),
            "limit_s": round(outcome.limit_s, 1),
            **found,
        }
        if part == MACHINE:
            self._content["machine"] = found.get("figures")
        self._write()

    def skip(self, part: str, status: str, reason: str) -> None:
        """A part that is not run.

        Args:
            part: its name.
            status: `LEFT_OUT` or `NOT_REACHED`.
            reason: in a sentence.
        """
        self._content["parts"][part] = {"status": status, "reason": reason}
        self._write()

    def finish(self) -> list[str]:
        """The end of the run.

        Returns:
            The parts that failed or were ended, by name; also the first one, if it could not be run at all.
        """
        self._content["finished"] = True
        self._write()
        statuses = {name: part["status"] for name, part in self._content["parts"].items()}
        return [
            name
            for name, status in statuses.items()
            if status in (FAILED, OUT_OF_TIME) or (name == MACHINE and status != PASSED)
        ]

    def _write(self) -> None:
        self._content["seconds"] = round(time.monotonic() - self._began, 1)
        write_whole(self._file, json.dumps(self._content, indent=1) + "\n")
