"""The command: `python -m groupnl_studies.gpu --out DIR`. Imports the standard library only."""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from groupnl.base.termination import ending_in_order
from groupnl_studies.gpu.parts import MACHINE, PARTS, Part, limit_s, missing_packages
from groupnl_studies.gpu.record import LEFT_OUT, NOT_REACHED, Record
from groupnl_studies.gpu.runner import PASSED, run_part

JSON_FILE, LOG_FILE = "gpu.json", "gpu.log"
BUDGET_S = 450.0  # with the end of the last part, below 8 minutes
DEVICES = ("cuda", "cpu")
_LEAST_S = 5.0  # no part does anything in less


class Log:
    """Lines with the seconds since the beginning, on the terminal and in a file.

    Args:
        file: is begun anew.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._began = time.monotonic()
        file.write_text("", encoding="utf-8")

    @property
    def elapsed_s(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def say(self, line: str) -> None:
        """Write a line."""
        told = f"[{self.elapsed_s:6.1f} s] {line}"
        print(told, flush=True)
        with self.file.open("a", encoding="utf-8") as file:
            file.write(f"{told}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run all parts.

    Returns:
        1 if a part failed or was ended, or something is missing that all need.
    """
    options = _parser().parse_args(argv)
    parts = [part for part in PARTS if part.name == MACHINE or part.name in (options.parts or (part.name,))]
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    log = Log(out / LOG_FILE)
    record = Record(out / JSON_FILE, options.device, options.budget_s, _missing(parts))
    with ending_in_order(), tempfile.TemporaryDirectory(prefix="groupnl-gpu-") as work:
        _run(parts, options.device, Path(work), options.budget_s, log, record)
    failed = record.finish()
    told = f"FAILED: {', '.join(failed)}" if failed else "no part failed"
    log.say(f"done, {told}: {out / JSON_FILE}")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m groupnl_studies.gpu", description=__doc__)
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="DIR", help=f"for {JSON_FILE} and {LOG_FILE}; made if missing")
    add("--device", choices=DEVICES, default="cuda", help="cpu: a rehearsal, with little of everything (%(default)s)")
    add("--budget-s", type=float, default=BUDGET_S, metavar="S", help="seconds for all parts together (%(default)g)")
    names = [part.name for part in PARTS]
    add("--parts", nargs="+", choices=names, metavar="PART", help=f"only these of {', '.join(names)}")
    return parser


def _missing(parts: Sequence[Part]) -> dict[str, list[str]]:
    """Package -> parts that are left out without it."""
    found: dict[str, list[str]] = {}
    for part in parts:
        for package in missing_packages(part):
            found.setdefault(package, []).append(part.name)
    return found


def _run(parts: Sequence[Part], device: str, work: Path, budget_s: float, log: Log, record: Record) -> None:
    """Run part after part; without a machine that fits, no further one."""
    for place, part in enumerate(parts):
        packages = missing_packages(part)
        limit = limit_s(part, parts[place + 1 :], budget_s - log.elapsed_s)
        if packages:
            _skip(part, LEFT_OUT, f"{', '.join(packages)} cannot be imported: carry the package", log, record)
        elif limit < _LEAST_S:
            _skip(part, NOT_REACHED, "the time was over", log, record)
        elif not _passes(part, device, work, limit, log, record) and part.name == MACHINE:
            for other in parts[place + 1 :]:
                _skip(other, LEFT_OUT, f"the part {MACHINE} failed", log, record)
            return


def _passes(part: Part, device: str, work: Path, limit: float, log: Log, record: Record) -> bool:
    log.say(f"{part.name}: at most {limit:.0f} s")
    outcome = run_part(
        part.name,
        device,
        work,
        limit,
        log.file,
        lambda line: log.say(f"{part.name}: {line}"),
        lambda so_far: record.put(part.name, so_far),
    )
    record.put(part.name, outcome)
    log.say(f"{part.name}: {outcome.status} after {outcome.seconds:.1f} s")
    return outcome.status == PASSED


def _skip(part: Part, status: str, reason: str, log: Log, record: Record) -> None:
    record.skip(part.name, status, reason)
    log.say(f"{part.name}: {status}: {reason}")
