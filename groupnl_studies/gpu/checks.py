"""The part `tests`: the project's own tests that need CUDA."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from groupnl.corruptions.corrupt import check
from groupnl.errors import ConfigError
from groupnl.inference.device import choose_device
from groupnl.inference.device_names import Device
from groupnl_studies.gpu.findings import Findings
from groupnl_studies.gpu.runner import ROOT
from groupnl_studies.gpu.ways import obstacles

_TESTS = ROOT / "tests"
_FOR_CUDA = re.compile(r"^def test_cuda_", re.MULTILINE)
# The settings of the project are for its own environment: strict, and every warning an error.
_OPTIONS = ("-o", "addopts=", "-W", "default", "-p", "no:cacheprovider", "--continue-on-collection-errors", "-q")


def run(device: Device, work: Path, findings: Findings) -> None:
    """Run the tests whose names begin with CUDA."""
    files = files_for_cuda(_TESTS)
    if not files:
        findings.left_out(f"there are no tests in {_TESTS}: carry the folder")
        return
    report = work / "tests.xml"
    words = ["test_cuda_", *_without(device, findings)]
    command = [sys.executable, "-m", "pytest", *_OPTIONS, "--junitxml", str(report), "-k", " and not ".join(words)]
    done = subprocess.run([*command, *map(str, files)], cwd=ROOT)  # noqa: S603 (its limit is the part's)
    if not report.exists():
        findings.problem(f"pytest ended with status {done.returncode} and without a report; see the log")
        return
    found = outcomes(report)
    counts = Counter(found.values())
    findings.put("outcomes", found)
    findings.put("counts", counts)
    findings.say(", ".join(f"{count} {kind}" for kind, count in counts.items()))
    for name, outcome in found.items():
        if outcome == "failed" or (device == "cuda" and outcome == "skipped"):
            findings.problem(f"{name}: {outcome}")
    if device == "cpu":
        findings.left_out("on a CPU these tests are skipped: here it is tried that they are found and read")


def files_for_cuda(tests: Path) -> list[Path]:
    """The files with such tests."""
    return sorted(file for file in tests.rglob("test_*.py") if _FOR_CUDA.search(file.read_text(encoding="utf-8")))


def outcomes(report: Path) -> dict[str, str]:
    """Name of each test -> "passed", "failed" or "skipped", of a report of pytest's in JUnit's form."""
    cases = ElementTree.parse(report).iter("testcase")  # noqa: S314 (pytest has just written it)
    return {f"{case.get('classname')}::{case.get('name')}": _outcome(case) for case in cases}


def _outcome(case: ElementTree.Element) -> str:
    kinds = {child.tag for child in case}
    if kinds & {"failure", "error"}:
        return "failed"
    return "skipped" if "skipped" in kinds else "passed"


def _without(device: Device, findings: Findings) -> list[str]:
    """Words in the names of tests that cannot pass here, because something is not installed."""
    words = []
    if reason := obstacles(choose_device(device)).get("onnx"):
        words.append("onnx")
        findings.left_out(f"tests of the engine onnx: {reason}")
    try:
        check(["frost"])
    except ConfigError as error:
        words.append("frost")
        findings.left_out(f"the test of frost: {error}")
    return words
