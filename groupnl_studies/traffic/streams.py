"""Simulated traffic of images whose looks are known: when is a corruption told of, and rightly; and when falsely."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from groupnl.corruptions.names import NAMES, SEVERITIES
from groupnl.traffic.drift import WINDOWS
from groupnl.traffic.mixture import KINDS
from groupnl_studies.traffic.watch import Watch

Looks = NDArray[np.int64]
REQUESTS = 2000
CHOSEN = 0.1  # share of the requests that are looked at
SHARE = 0.1  # of the traffic that is corrupted
STEP = 10  # chosen images between two looks at the figures
WINDOW = "1h"  # that holds them
DAYS = 30
PER_MINUTE = 6  # chosen images: of one request a second
_MINUTES = {"10m": 10, "1h": 60, "6h": 360, "1d": 1440}


class Told(NamedTuple):
    """What was told of traffic that carries one corruption.

    Attributes:
        corruption: its name.
        found: share of the streams in which it was told of within `REQUESTS`.
        named: of the streams in which anything was told, the share in which at that moment it had the largest share;
            nan where nothing ever was.
        requests: median until it was told of; nan where it never was.
        share: mean estimate of its share at the end.
    """

    corruption: str
    found: float
    named: float
    requests: float
    share: float


def kinds_of(looks: Looks) -> Looks:
    """Positions among `KINDS`, severities together."""
    return (looks + len(SEVERITIES) - 1) // len(SEVERITIES)


def told_of(
    corruption: str, looks: Looks, watch: Watch, severities: tuple[int, ...], runs: int, rng: np.random.Generator
) -> Told:
    """Send streams of which `SHARE` carry one corruption.

    Args:
        corruption: its name.
        looks: int64 (96, N), what each image looks like in each cell, in the order of `LOOKS`.
        watch: the rule.
        severities: of which each corrupted image has one at random.
        runs: streams.
        rng: makes them.
    """
    count = round(REQUESTS * CHOSEN)
    images = rng.integers(looks.shape[1], size=(runs, count))
    first = 1 + NAMES.index(corruption) * len(SEVERITIES)
    cells = first + rng.choice(np.array(severities) - 1, size=(runs, count))
    truth = np.where(rng.random((runs, count)) < SHARE, cells, 0)
    counts = np.eye(len(KINDS))[kinds_of(looks[truth, images])].cumsum(axis=1)[:, STEP - 1 :: STEP]
    told, shares = watch.told(counts, WINDOW), watch.shares(counts)
    own = NAMES.index(corruption)
    anything = np.any(told, axis=2)
    spoke = np.any(anything, axis=1)
    first = anything.argmax(axis=1)
    largest = shares[np.arange(runs), first].argmax(axis=1)
    found = np.any(told[..., own], axis=1)
    when = (told[..., own].argmax(axis=1) + 1) * STEP / CHOSEN
    return Told(
        corruption,
        found=float(found.mean()),
        named=float((largest == own)[spoke].mean()) if spoke.any() else math.nan,
        requests=float(np.median(when[found])) if found.any() else math.nan,
        share=float(shares[:, -1, own].mean()),
    )


def false_alarms(clean: Looks, watch: Watch, rng: np.random.Generator) -> int:
    """How often something is told of `DAYS` days of clean traffic; what stays told is told once.

    Args:
        clean: int64 (N,), what clean images look like.
        watch: the rule; all windows are looked at each minute.
        rng: makes the traffic.
    """
    minutes = DAYS * _MINUTES["1d"]
    shares = np.bincount(kinds_of(clean), minlength=len(KINDS)) / len(clean)
    sums = np.concatenate([np.zeros((1, len(KINDS))), rng.multinomial(PER_MINUTE, shares, size=minutes).cumsum(axis=0)])
    told = np.zeros((minutes, len(NAMES)), bool)
    for window in WINDOWS:
        starts = np.maximum(np.arange(1, minutes + 1) - _MINUTES[window], 0)
        told |= watch.told(sums[1:] - sums[starts], window)
    begins = told & ~np.concatenate([np.zeros((1, len(NAMES)), bool), told[:-1]])
    return int(begins.sum())
