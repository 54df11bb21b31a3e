"""The part `graphs`: what recording batches as CUDA graphs is worth, one network in every engine, milliseconds a batch.

Each batch is timed in three ways: as it is; prepared (cuDNN has timed its algorithms for this size; ONNX Runtime runs
from and to memory of its own on the device); and recorded, in which sizes between the fixed ones are padded.
"""

import time
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from groupnl.inference.device import choose_device
from groupnl.inference.device_names import Device
from groupnl.inference.engines.cuda_graphs import trying_algorithms
from groupnl.inference.engines.engine import Engine
from groupnl.inference.engines.fixed_sizes import FAILURES
from groupnl.inference.engines.table import engine_kind
from groupnl.inference.ways import Way
from groupnl.inference.workshop import Workshop
from groupnl_studies.gpu.equality import cache_of, computed_right
from groupnl_studies.gpu.findings import Findings
from groupnl_studies.gpu.plan import Plan, make_plan
from groupnl_studies.gpu.ways import timed_ways
from groupnl_studies.harness.random_network import identity, pictures, random_network, usual_input
from groupnl_studies.models.pair import checked_error, take_turn

_WAY_S = 10.0  # what one takes about, on a GPU


class Case(NamedTuple):
    """A network in one way.

    Attributes:
        network: its name.
        way: that both engines run it in.
        plain: an engine that records nothing.
        recording: one that records when it warms up, on CUDA.
    """

    network: str
    way: Way
    plain: Engine
    recording: Engine


def run(device: Device, work: Path, findings: Findings) -> None:
    """Time the first network in every way."""
    chosen, plan = choose_device(device), make_plan(device)
    if device == "cpu":
        findings.left_out("on a CPU nothing is recorded: here it is tried that this can be measured")
    network, config = plan.pairs[0].model, usual_input(plan.size)
    model, right = random_network(network, config), computed_right(work)
    name, images = identity(network, model), pictures(max(plan.graph_batches), plan.size)
    plain, recording = (
        Workshop(cache_of(work), config, chosen, torch.get_num_threads(), graphs=graphs) for graphs in (False, True)
    )
    for way in timed_ways(chosen):
        what = f"{network} in {way.name}"
        if engine_kind(way.engine).has_files and (network, way.name) not in right:
            findings.not_reached(f"{what}: its files are not there")
        elif findings.left_s < _WAY_S:
            findings.not_reached(what)
        else:
            with findings.trying(what):
                engines = plain.engine(way, model, name), recording.engine(way, model, name)
                compare(Case(network, way, *engines), images, plan, chosen, findings)


def compare(case: Case, images: Tensor, plan: Plan, device: torch.device, findings: Findings) -> None:
    """Time and compare the two engines of a case.

    Args:
        case: its engines are not warmed up.
        images: uint8 (B, 3, S, S), on the CPU, as many as the largest batch.
        plan: which batches, and how long each is timed.
        device: of both engines.
        findings: gets a row for each batch.
    """
    failures, names = FAILURES.count, {"network": case.network, "way": case.way.name}
    expected, usual = case.plain(images), _times(case.plain, images, plan)
    with trying_algorithms(device):
        for batch in plan.graph_batches:
            case.plain(images[:batch])
    case.plain.warm_up(len(images))
    prepared = _times(case.plain, images, plan)
    held, began = _held(), time.perf_counter()
    case.recording.warm_up(len(images))
    seconds, held = time.perf_counter() - began, _held() - held
    findings.add("warm_ups", names | {"warm_up_s": round(seconds, 2), "memory_bytes": held})
    recorded = _times(case.recording, images, plan)
    for batch in plan.graph_batches:
        checked_error(case.recording(images[:batch]), expected[:batch], case.way, case.network)
        times = {"usual_ms": usual[batch], "prepared_ms": prepared[batch], "recorded_ms": recorded[batch]}
        findings.add("rows", names | {"batch": batch} | times)
    if failed := FAILURES.count - failures:
        findings.problem(f"{case.network} in {case.way.name}: {failed} sizes could not be prepared; the log says why")
    told = ", ".join(f"{batch}: {usual[batch]:.2f} {recorded[batch]:.2f}" for batch in plan.graph_batches)
    findings.say(f"{case.network} in {case.way.name}, ms as it is and recorded (in {seconds:.1f} s): {told}")


def _times(engine: Engine, images: Tensor, plan: Plan) -> dict[int, float]:
    """Milliseconds of each batch; the first of its size does not count."""
    found = {}
    for batch in plan.graph_batches:
        pixels = images[:batch]
        engine(pixels)
        found[batch] = take_turn(lambda: engine(pixels), batch, plan.turn_s).median_ms * batch  # noqa: B023 (at once)
    return found


def _held() -> int:
    """Bytes of the device's memory that torch holds in this process."""
    return torch.cuda.memory_reserved() if torch.cuda.is_available() else 0
