"""Forward passes beside the standard network's, in one run; a quick measurement of its own, not while cells train."""

import time
from pathlib import Path

import torch
from torch import nn

from groupnl.base.progress import progress
from groupnl.inference.rewrite import to_inference
from groupnl_studies.grid.kinds import STANDARD
from groupnl_studies.grid.networks import NETWORKS, build_network
from groupnl_studies.grid.recipe import ImagePlan
from groupnl_studies.grid.speed import Ratios, record_speed
from groupnl_studies.harness.rounds import median_over

_BATCH, _CLASSES, _ROUNDS = 32, 50, 15
# Forms of a network: as it was trained, and rewritten for inference.
TRAINED, REWRITTEN = "trained", "rewritten"


def measure_speed(out: Path, threads: int) -> str:
    """Time every network with every convolution, untrained, in float32 and eager PyTorch, and write it down.

    Args:
        out: folder of the study.
        threads: CPU threads.

    Returns:
        What is to be said of other programs that used the machine meanwhile.
    """
    size = ImagePlan().size
    images = torch.rand(_BATCH, 3, size, size).contiguous(memory_format=torch.channels_last)
    settings = {"batch": _BATCH, "size": size, "threads": threads, "precision": "float32", "rounds": _ROUNDS}

    def measure() -> Ratios:
        return {name: _ratios(name, images) for name in progress(NETWORKS, unit="networks")}

    return record_speed(out, threads, settings, measure)


def _ratios(name: str, images: torch.Tensor) -> dict[str, dict[str, float]]:
    """Medians over rounds, in each of which every network has one turn: what disturbs a round disturbs all."""
    networks = {}
    for kind in NETWORKS[name].kinds:
        network = build_network(name, kind, _CLASSES).eval().to(memory_format=torch.channels_last)
        networks[kind, TRAINED], networks[kind, REWRITTEN] = network, to_inference(network)
    rounds = [{key: _seconds(network, images) for key, network in networks.items()} for _ in range(_ROUNDS + 1)]

    def over_standard(kind: str, form: str) -> float:
        return median_over(rounds[1:], lambda times: times[kind, form] / times[STANDARD, form])

    return {kind: {form: over_standard(kind, form) for form in (TRAINED, REWRITTEN)} for kind in NETWORKS[name].kinds}


@torch.inference_mode()
def _seconds(network: nn.Module, images: torch.Tensor) -> float:
    started = time.perf_counter()
    network(images)
    return time.perf_counter() - started
