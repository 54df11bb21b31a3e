"""The part `batches`: images a second of one pair, from one image at once to 256."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from groupnl.inference.device import choose_device
from groupnl.inference.device_names import Device
from groupnl.inference.engines.engine import Engine
from groupnl.inference.engines.table import engine_kind
from groupnl.inference.ways import Way
from groupnl.inference.workshop import Workshop
from groupnl_studies.gpu.equality import cache_of, computed_right
from groupnl_studies.gpu.findings import Findings
from groupnl_studies.gpu.plan import Plan, make_plan
from groupnl_studies.gpu.ways import timed_ways
from groupnl_studies.harness.random_network import identity, pictures, random_network, usual_input
from groupnl_studies.models.pair import take_turn

_PICTURES = 32
_OPENING_S = 5.0  # of an engine, and its first batches


def run(device: Device, work: Path, findings: Findings) -> None:
    """Time both networks of the first pair, each in every way."""
    chosen, plan = choose_device(device), make_plan(device)
    right, config = computed_right(work), usual_input(plan.size)
    workshop = Workshop(cache_of(work), config, chosen, torch.get_num_threads())
    largest = max(plan.batches)
    images = pictures(min(_PICTURES, largest), plan.size)
    images = images.repeat(-(-largest // len(images)), 1, 1, 1).contiguous(memory_format=torch.channels_last)
    for network in plan.pairs[0]:
        model = random_network(network, config)
        for way in timed_ways(chosen):
            if engine_kind(way.engine).has_files and (network, way.name) not in right:
                findings.not_reached(f"{network} in {way.name}: its files are not there")
                continue
            if findings.left_s < _OPENING_S:
                findings.not_reached(f"{network} in {way.name}")
                continue
            with findings.trying(f"{network} in {way.name}"):
                engine = workshop.engine(way, model, identity(network, model))
                speeds = [_batch(network, way, engine, images[:batch], plan, findings) for batch in plan.batches]
                findings.say(f"{network} in {way.name}, images a second: {', '.join(filter(None, speeds))}")


def _batch(network: str, way: Way, engine: Engine, images: Tensor, plan: Plan, findings: Findings) -> str:
    if findings.left_s < 0:
        findings.not_reached(f"{network} in {way.name}, batch {len(images)}")
        return ""
    row = timed(engine, images, plan.turn_s)
    findings.add("rows", {"network": network, "way": way.name, "batch": len(images)} | row)
    return f"{row['images_s']:.0f} ({len(images)} at once)"


def timed(engine: Engine, images: Tensor, turn_s: float) -> dict[str, Any]:
    """One batch size.

    Args:
        engine: that is timed.
        images: uint8 (B, 3, S, S), on the CPU.
        turn_s: the least that the turn lasts, seconds.

    Returns:
        Images a second; milliseconds of a batch; the most memory that the process held on a GPU, bytes (CPU: None).
    """
    engine(images)  # a batch size that is new may be compiled for
    has_cuda = torch.cuda.is_available()
    if has_cuda:
        torch.cuda.reset_peak_memory_stats()
    turn = take_turn(lambda: engine(images), len(images), turn_s)
    return {
        "images_s": 1e3 / turn.median_ms,
        "batch_ms": turn.median_ms * len(images),
        "memory_bytes": torch.cuda.max_memory_allocated() if has_cuda else None,
    }
