"""The part `ratios`: every GroupNL network beside its twin, as `groupnl bench models` measures them."""

from pathlib import Path

import torch

from groupnl.inference.device import choose_device
from groupnl.inference.device_names import Device
from groupnl.inference.engines.table import engine_kind
from groupnl.inference.ways import Way
from groupnl_studies.gpu import plan as plans
from groupnl_studies.gpu.equality import cache_of, computed_right
from groupnl_studies.gpu.findings import Findings
from groupnl_studies.gpu.ways import timed_ways
from groupnl_studies.models.figures import over_twin, pair_summary
from groupnl_studies.models.pair import Pair, PairTimes, Plan, measure_pair

_PAIR_S = 15.0  # what one takes about


def run(device: Device, work: Path, findings: Findings) -> None:
    """Measure pair after pair, as far as there is time."""
    chosen, plan = choose_device(device), plans.make_plan(device)
    right = computed_right(work)
    for pair in plan.pairs:
        if findings.left_s < _PAIR_S:
            findings.not_reached(pair.model)
            continue
        measured = Plan(
            ways=tuple(ways_of(pair, chosen, right)),
            batches=plan.pair_batches,
            size=plan.size,
            rounds=plan.rounds,
            threads=torch.get_num_threads(),
            device=chosen.type,
            cache=cache_of(work),
            turn_s=plan.turn_s,
        )
        with findings.trying(f"{pair.model} beside {pair.twin}"):
            times = measure_pair(pair, measured)
            findings.add("pairs", pair_summary(times))
            for batch in plan.pair_batches:
                findings.say(_line(times, batch))


def ways_of(pair: Pair, device: torch.device, right: set[tuple[str, str]]) -> list[Way]:
    """The ways that both can be run in; of those that need files, what was found right before: nothing is made now."""
    return [
        way
        for way in timed_ways(device)
        if not engine_kind(way.engine).has_files or all((network, way.name) in right for network in pair)
    ]


def _line(times: PairTimes, batch: int) -> str:
    ratios = [f"{name} {ratio.median:.2f}" for name, ratio in over_twin(times, batch).items()]
    return f"{times.pair.model}, throughput over its twin's, batch {batch}: {', '.join(ratios)}"
