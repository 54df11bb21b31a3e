"""The process of one part: `python -m groupnl_studies.gpu.child PART DEVICE WORK LIMIT_S`.

What it says on its standard output is for whoever watches; the rest, what libraries print and tracebacks, goes to the
standard error.
"""

import argparse
import importlib
import os
import sys
from pathlib import Path

from groupnl_studies.gpu.findings import Findings
from groupnl_studies.gpu.parts import PARTS

BY_NAME = {part.name: part for part in PARTS}
FINDINGS_SUFFIX = ".findings.json"


def main() -> int:
    """Run the part.

    Returns:
        1 if there was a problem.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=BY_NAME)
    parser.add_argument("device")
    parser.add_argument("work", type=Path)
    parser.add_argument("limit_s", type=float)
    arguments = parser.parse_args()
    lines = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    findings = Findings(findings_file(arguments.work, arguments.part), arguments.limit_s, lines)
    with findings.trying("the whole part"):
        module = importlib.import_module(f"groupnl_studies.gpu.{BY_NAME[arguments.part].module}")
        module.run(arguments.device, arguments.work, findings)
    return 0 if findings.is_good else 1


def findings_file(work: Path, part: str) -> Path:
    """Where a part writes what it finds."""
    return work / f"{part}{FINDINGS_SUFFIX}"


if __name__ == "__main__":
    sys.exit(main())
