"""How accurate the model is on live images, without labels: by the calibrated confidence of its clean answers."""

from typing import NamedTuple

from groupnl.corruptions.names import NAMES
from groupnl.metrics import NONE, SHADOW_EXPECTED_CORRECT, SHADOW_PAIRS
from groupnl.report.drift import Statistic
from groupnl.report.samples import Samples
from groupnl.report.traffic import Traffic
from groupnl.traffic.estimated import Estimated, expected_accuracy


class Estimate(NamedTuple):
    """The estimate, or why there is none.

    Attributes:
        clean: accuracy on live images as they are.
        by_corruption: under each corruption that live images were answered with, all severities together.
        overall: under all of them.
        withdrawn: why the figures say nothing; empty where they do.
    """

    clean: Estimated
    by_corruption: dict[str, Estimated]
    overall: Estimated
    withdrawn: list[Statistic]


def estimate_of(samples: Samples, model: str, traffic: Traffic | None) -> Estimate | None:
    """The estimate of a model's accuracy; None where nothing was counted for it, or too little.

    Args:
        samples: what was counted.
        model: as it is served.
        traffic: what its traffic is like; None where that is not known.
    """
    if traffic is None or not traffic.mixture.is_enough:
        return None
    sums = samples.by("corruption", SHADOW_EXPECTED_CORRECT.name, model=model)
    pairs = samples.by("corruption", SHADOW_PAIRS.name, model=model)
    total = sum(pairs.values())
    clean = expected_accuracy(sums.get(NONE, 0.0), total, traffic.held_back)
    overall = expected_accuracy(sum(sums.get(name, 0.0) for name in NAMES), total, traffic.held_back)
    found = {name: expected_accuracy(sums.get(name, 0.0), pairs.get(name, 0.0), traffic.held_back) for name in NAMES}
    if not sums or clean is None or overall is None:
        return None
    by_corruption = {name: estimated for name, estimated in found.items() if estimated is not None}
    return Estimate(clean, by_corruption, overall, traffic.broken)
