"""Bursts of hard images, which the shadows of a loaded machine cannot follow: whether pairs are of all the traffic."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from groupnl.archive.shadow_config import ShadowConfig
from groupnl.base.progress import progress
from groupnl.service.shadow.pace import Pace
from groupnl_studies.statistics.finding import Finding
from groupnl_studies.statistics.stream import Stream

DAYS = 3  # simulated; the first is left out
_HOUR_S = 3600.0
_STEADY_AN_HOUR, _BURST = 18_200, 4000  # images
_BURST_S = 60.0
_STEADY_KEPT, _BURST_KEPT = 0.75, 0.55  # agreement
_PAIR_S = 0.5
_LARGEST_ERROR = 0.005


class Traffic(NamedTuple):
    """Requests, in their order.

    Attributes:
        times: of arrival, seconds.
        numbers: that choose: an image is chosen where its own is below the share.
        kept: whether its shadow keeps the answer.
    """

    times: NDArray[np.float64]
    numbers: NDArray[np.float64]
    kept: NDArray[np.bool_]


def _simulate(runs: int, rng: np.random.Generator) -> Iterator[Finding]:
    for case, is_thinned in (("each chosen image offered", False), ("fewer chosen where there is no time", True)):
        errors, dropped, pairs = [], [], []
        for _ in progress(range(runs), unit="runs", title=case, stays=False):
            traffic = bursts(DAYS, rng)
            answered, lost = through(Pace(ShadowConfig()), traffic, is_thinned=is_thinned)
            errors.append(traffic.kept[answered].mean() - traffic.kept.mean())
            dropped.append(lost / (lost + len(answered)))
            pairs.append(len(answered) / (DAYS - 1) / 24)
        bound = _LARGEST_ERROR if is_thinned else None
        yield Finding(case, "agreement is off by", float(np.abs(errors).mean()), at_most=bound)
        yield Finding(case, "of the chosen are dropped", float(np.mean(dropped)))
        yield Finding(case, "pairs an hour", float(np.mean(pairs)), "")


def bursts(days: int, rng: np.random.Generator) -> Traffic:
    """Steady requests, and once an hour a minute with more of them than shadows have time for."""
    seconds = days * 24 * _HOUR_S
    steady = rng.random(int(_STEADY_AN_HOUR * days * 24)) * seconds
    burst = (rng.random((days * 24, _BURST)) * _BURST_S + np.arange(days * 24)[:, None] * _HOUR_S).ravel()
    times = np.concatenate([steady, burst])
    shares = np.repeat([_STEADY_KEPT, _BURST_KEPT], [len(steady), len(burst)])
    order = times.argsort()
    return Traffic(times[order], rng.random(len(times)), (rng.random(len(times)) < shares)[order])


def through(pace: Pace, traffic: Traffic, *, is_thinned: bool) -> tuple[NDArray[np.int64], int]:
    """Which requests become pairs after the first day, and how many chosen ones are dropped then.

    Args:
        pace: of the shadows, new.
        traffic: what comes.
        is_thinned: whether the share follows the pace.
    """
    most = ShadowConfig().share
    pace.answered(1, _PAIR_S)
    waiting, last_s, dropped, answered = 0.0, 0.0, 0, []
    for place in np.flatnonzero(traffic.numbers < most):
        now = float(traffic.times[place])
        if is_thinned and traffic.numbers[place] >= pace.share(now):
            continue
        waiting, last_s = max(0.0, waiting - (now - last_s) / _PAIR_S), now
        is_counted = now > 24 * _HOUR_S
        if waiting >= pace.room:
            pace.found_no_room(now)
            dropped += is_counted
        else:
            waiting += 1
            if is_counted:
                answered.append(place)
    return np.array(answered), dropped


STREAM = Stream("load", "bursts of hard images that shadows have no time for", 10, _simulate)
