"""How long something of each network takes beside the same of another: measured in rounds, apart from the cells."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from groupnl.base.atomic_file import write_whole
from groupnl.base.others import Others, others_in_words
from groupnl_studies.harness.machine import machine

FILE = "speed.json"
Ratios = dict[str, dict[str, dict[str, float]]]
"""Network -> convolution -> what was timed -> its time over that of what it is compared with."""


def record_speed(out: Path, threads: int, settings: dict[str, Any], measure: Callable[[], Ratios]) -> str:
    """Measure, and write it down with the machine.

    Args:
        out: folder of the study.
        threads: CPU threads.
        settings: of the measurement, for the record.
        measure: does it.

    Returns:
        What is to be said of other programs that used the machine meanwhile.
    """
    measured_on = machine()
    torch.set_num_threads(threads)
    others = Others()
    ratios = measure()
    busy = others.cores()
    content = {"machine": measured_on, "settings": settings, "others": busy, "ratios": ratios}
    write_whole(out / FILE, json.dumps(content, indent=1) + "\n")
    return others_in_words(busy)


def read_ratios(out: Path) -> Ratios:
    """What was measured; empty if nothing was."""
    path = out / FILE
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"ratios": {}}
    ratios: Ratios = content["ratios"]
    return ratios
