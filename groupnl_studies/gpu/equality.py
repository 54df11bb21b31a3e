"""The part `equality`: whether every network computes the same in every engine and precision on the device.

The reference is the published form in float32 on the CPU. Each network is looked at in a process of its own; several
run side by side, because compiling takes long.
"""

import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from groupnl.base.cores import usable_cores
from groupnl.inference.device import choose_device
from groupnl.inference.device_names import Device
from groupnl.inference.engines.engine import Engine
from groupnl.inference.ways import REFERENCE, Way, parse_way
from groupnl.inference.workshop import Workshop
from groupnl_studies.gpu.findings import Findings, read_findings
from groupnl_studies.gpu.plan import Plan, make_plan
from groupnl_studies.gpu.ways import loaded_ways, obstacles, other_compiled_ways, packaged_way
from groupnl_studies.harness.own_process import in_a_process
from groupnl_studies.harness.random_network import identity, pictures, random_network, usual_input
from groupnl_studies.models.pair import checked_error

IMAGES = 8
_CORES = 2  # for each network that is looked at
_LOADING_S, _COMPILING_S = 15.0, 60.0  # what one job takes about; it is not begun when less is left
_ROWS = "rows"
_PART = "equality"


class Job(NamedTuple):
    """One network in some ways.

    Attributes:
        network: timm name.
        ways: names of the ways.
        seconds: that it takes about.
    """

    network: str
    ways: tuple[str, ...]
    seconds: float


def run(device: Device, work: Path, findings: Findings) -> None:
    """Look at all networks: first in what needs no compiler, then in what does."""
    chosen, plan = choose_device(device), make_plan(device)
    for engine, reason in obstacles(chosen).items():
        findings.left_out(f"the engine {engine}: {reason}")
    workers = max(1, usable_cores() // _CORES)
    with ThreadPoolExecutor(workers) as executor:
        for job in _jobs(plan, chosen):
            executor.submit(_look, job, plan.size, device, cache_of(work), findings)


def cache_of(work: Path) -> Path:
    """The folder of what is compiled; the parts that follow find it there."""
    return work / "engines"


def computed_right(work: Path) -> set[tuple[str, str]]:
    """Network and way of all that this part has found to be right; empty where it has not run."""
    rows = read_findings(work / f"{_PART}.findings.json").get("figures", {}).get(_ROWS, [])
    return {(row["network"], row["way"]) for row in rows if row["problem"] is None}


def _jobs(plan: Plan, device: torch.device) -> list[Job]:
    loaded, packaged, others = (
        tuple(way.name for way in ways)
        for ways in (loaded_ways(device), packaged_way(device), other_compiled_ways(device))
    )
    jobs = [Job(pair.model, loaded, _LOADING_S) for pair in plan.pairs]
    jobs += [Job(network, packaged, _COMPILING_S) for network in plan.pairs[0]]
    jobs += [Job(plan.pairs[0].model, (way,), _COMPILING_S) for way in others]
    rest = dict.fromkeys(network for pair in plan.pairs[1:] for network in pair)  # pairs share twins
    jobs += [Job(network, packaged, _COMPILING_S) for network in rest]
    return [job for job in jobs if job.ways]


def _look(job: Job, size: int, device: Device, cache: Path, findings: Findings) -> None:
    what = f"{job.network} in {job.ways[0]}{' and others' if len(job.ways) > 1 else ''}"
    if findings.left_s < job.seconds:
        findings.not_reached(what)
        return
    with findings.trying(what):
        rows = in_a_process(look_at, job.network, job.ways, size, device, cache)
        for row in rows:
            findings.add(_ROWS, row)
            if row["problem"] is not None:
                findings.problem(f"{row['network']} in the way {row['way']}: {row['problem']}")
        good = [f"{row['way']} {row['relative_error']:.1e}" for row in rows if row["problem"] is None]
        findings.say(f"{job.network}: {', '.join(good)}")


def look_at(network: str, ways: tuple[str, ...], size: int, device: Device, cache: Path) -> list[dict[str, Any]]:
    """Compare a network's logits with those of its published form in float32 on the CPU.

    Args:
        network: timm name.
        ways: names of the ways.
        size: side of the input, pixels.
        device: "cuda" or "cpu".
        cache: folder for what is compiled.

    Returns:
        A row for each way: what is wrong, or None; the relative error; for how many of the `IMAGES` pictures both name
        the same class first; the seconds that making the engine and running it took.
    """
    torch.set_num_threads(_CORES)
    config, cpu = usual_input(size), torch.device("cpu")
    model, images = random_network(network, config), pictures(IMAGES, size)
    name = identity(network, model)
    expected = Workshop(cache, config, cpu, _CORES).engine(REFERENCE, model, name)(images)
    workshop = Workshop(cache, config, choose_device(device), _CORES)
    with torch._inductor.config.patch(compile_threads=_CORES):
        return [
            _row(network, way, partial(workshop.engine, way, model, name), images, expected)
            for way in map(parse_way, ways)
        ]


def _row(network: str, way: Way, make: Callable[[], Engine], images: Tensor, expected: Tensor) -> dict[str, Any]:
    row: dict[str, Any] = {"network": network, "way": way.name, "problem": None}
    began = time.perf_counter()
    try:
        engine = make()
        engine.warm_up(IMAGES)
        logits = engine(images)
        row["relative_error"] = checked_error(logits, expected, way, network)
        row["same_first_class"] = int((logits.argmax(1) == expected.argmax(1)).sum())
    except Exception as error:  # of compilers and of CUDA, too: the other ways are looked at all the same
        traceback.print_exc()
        row["problem"] = f"{type(error).__name__}: {error}"
    return row | {"seconds": round(time.perf_counter() - began, 2)}
