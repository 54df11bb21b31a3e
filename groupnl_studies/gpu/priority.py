"""The part `priority`: what a shadow beside it costs the live network on the same device.

The live engine runs on a stream that goes first, the shadow's on the usual one, in a thread of the same process, as in
a worker on a GPU. Beside it the same without that priority, and with the shadow in a process of its own.
"""

import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from groupnl.inference.device_names import Device
from groupnl.inference.engines.engine import Engine
from groupnl_studies.gpu.findings import Findings
from groupnl_studies.gpu.neighbour import Neighbour
from groupnl_studies.gpu.plan import make_plan
from groupnl_studies.gpu.shadow import BATCH, Shadow, make_engine, make_shadow

_ROUNDS = 3
_PAUSE_S = 0.002  # between two live batches
_STARTING_S = 20.0  # of another process, with its engines
ALONE, FIRST, EQUAL = "alone", "beside a shadow, going first", "beside a shadow, as equals"
APART = "beside a shadow in a process of its own"


def run(device: Device, work: Path, findings: Findings) -> None:
    """Time live batches in turns: alone, and beside a shadow with and without priority; then beside another process."""
    plan, shadow = make_plan(device), make_shadow(device)
    live = {name: make_engine(plan.pairs[0].model, device, urgent=name == ALONE) for name in (ALONE, EQUAL)}
    live[FIRST] = live[ALONE]
    latencies: dict[str, list[float]] = {ALONE: [], FIRST: [], EQUAL: []}
    for _ in range(_ROUNDS):
        latencies[ALONE] += ask(live[ALONE], shadow.images, plan.beside_s)
        for name in (FIRST, EQUAL):
            with shadow.running():
                latencies[name] += ask(live[name], shadow.images, plan.beside_s)
    _tell(latencies, shadow, "shadow_images_s", findings)
    if findings.left_s < _STARTING_S:
        findings.not_reached(APART)
        return
    with findings.trying(APART), Neighbour(device) as neighbour:
        latencies[APART] = []
        for _ in range(_ROUNDS):
            with neighbour.running():
                latencies[APART] += ask(live[FIRST], shadow.images, plan.beside_s)
        _tell({APART: latencies[APART]}, neighbour, "shadow_images_s_apart", findings)


def _tell(latencies: dict[str, list[float]], shadow: Shadow | Neighbour, figure: str, findings: Findings) -> None:
    if not shadow.answered:
        findings.problem("the shadow has answered no image")
    findings.put(figure, shadow.answered / shadow.seconds)
    for name, found in latencies.items():
        summary = _summary(found)
        findings.add("live", {"how": name} | summary)
        findings.say(f"live batches of {BATCH} {name}: p50 {summary['p50_ms']:.2f} ms, p99 {summary['p99_ms']:.2f} ms")
    findings.say(f"the shadow meanwhile: {shadow.answered / shadow.seconds:.0f} images a second")


def ask(engine: Engine, images: Tensor, seconds: float) -> list[float]:
    """Run batches with pauses for so long; milliseconds of each, at least two."""
    found: list[float] = []
    deadline = time.perf_counter() + seconds
    while len(found) < 2 or time.perf_counter() < deadline:
        began = time.perf_counter()
        engine(images)
        found.append((time.perf_counter() - began) * 1e3)
        time.sleep(_PAUSE_S)
    return found


def _summary(latencies: Sequence[float]) -> dict[str, Any]:
    hundredths = statistics.quantiles(latencies, n=100, method="inclusive")
    return {"batches": len(latencies), "p50_ms": hundredths[49], "p99_ms": hundredths[98]}
