"""What a step of each training costs beside a plain one, in processor time."""

import time
from pathlib import Path

import torch
from torch import Generator, nn

from groupnl.base.progress import progress
from groupnl_studies.grid.images import Labelled
from groupnl_studies.grid.networks import build_network
from groupnl_studies.grid.speed import Ratios, record_speed
from groupnl_studies.grid.train import Learner
from groupnl_studies.grid.trainings import PLAIN, TRAININGS
from groupnl_studies.harness.rounds import median_over
from groupnl_studies.robustness.design import ROBUSTNESS

_CLASSES, _ROUNDS = 50, 5


def measure_speed(out: Path, threads: int) -> str:
    """Time a step of every network, convolution and training, augmentation and all, and write it down.

    Args:
        out: folder of the study.
        threads: CPU threads.

    Returns:
        What is to be said of other programs that used the machine meanwhile.
    """

    def measure() -> Ratios:
        found: Ratios = {}
        for data, network in progress(ROBUSTNESS.recipes, unit="networks"):
            found[network] = {kind: _ratios(data, network, kind) for kind in ROBUSTNESS.kinds[network]}
        return found

    return record_speed(out, threads, {"threads": threads, "precision": "float32", "rounds": _ROUNDS}, measure)


def _ratios(data: str, network: str, kind: str) -> dict[str, float]:
    """Medians over rounds, in each of which every training has one turn: what disturbs a round disturbs all."""
    recipe = ROBUSTNESS.recipes[data, network]
    count, size = recipe.batch_size, recipe.images.size
    images = Labelled(torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8), torch.arange(count) % _CLASSES)
    learners = {}
    for name, training in TRAININGS.items():
        built: nn.Module = build_network(network, kind, _CLASSES).to(memory_format=torch.channels_last)
        learners[name] = Learner(built, recipe, training, 0, steps=_ROUNDS + 1)
    rounds = [
        {name: _step_s(learner, images, epoch) for name, learner in learners.items()} for epoch in range(_ROUNDS + 1)
    ]

    def over_plain(training: str) -> float:
        return median_over(rounds[1:], lambda times: times[training] / times[PLAIN])

    return {name: over_plain(name) for name in TRAININGS}


def _step_s(learner: Learner, images: Labelled, epoch: int) -> float:
    started = time.process_time()
    learner.step(images, torch.arange(len(images.labels)), epoch, Generator().manual_seed(epoch))
    return time.process_time() - started
