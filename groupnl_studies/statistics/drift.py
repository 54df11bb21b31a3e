"""Traffic that drifts, or not: how often a ticket comes for nothing, and how soon it comes for something.

Looks err as those at held-back images of a default model do. Each run has a confusion of its own, counted on other
held-back images than the traffic's, since a service does not know the true one either.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from groupnl.base.progress import progress
from groupnl.corruptions.names import CELLS, NAMES, SEVERITIES, Cell
from groupnl.metrics import TRAFFIC_RANK
from groupnl.traffic.drift import (
    ANSWER_MARGIN,
    ANSWER_STATISTICS,
    BROKEN_ANSWER_MARGIN,
    CLASS_MARGIN,
    CLASS_NOISE,
    GAP_NOISE,
    LEAST_ANSWERS,
    LEAST_IMAGES,
    SHARE_MARGIN,
    SHARE_Z,
    STATISTIC_MARGIN,
    WINDOWS,
    Gap,
    gap_noise,
    largest_gap,
)
from groupnl.traffic.estimated import ADDED, estimate
from groupnl.traffic.file import read_traffic
from groupnl.traffic.mixture import KINDS, share_weights
from groupnl.traffic.statistics import STATISTICS
from groupnl_studies.statistics.finding import Finding, share_of
from groupnl_studies.statistics.repeats import zipf
from groupnl_studies.statistics.stream import Stream

FILE = Path("model_store/efficientnet_gnl_es.traffic.safetensors")
STEP_S = 300
STEPS_OF_WINDOWS = dict(zip(WINDOWS, (2, 12, 72, 288), strict=True))
STEPS_KEPT = 12  # an hour
DAYS = 30
SHADOW_SHARE = 0.1
RATES = (0.01, 0.1, 1.0, 10.0, 100.0)  # requests a second
CLASSES = 50
FALSE = 1.0  # tickets in `DAYS`, on average
REQUESTS = 2000  # by which a corruption is to be named
FOUND, NAMED, COVERED = 16 / 19, 0.8, 0.93

Counts = NDArray[np.int64]
Shares = NDArray[np.float64]


class Service(NamedTuple):
    """What a service was packed with, and how the images truly look.

    Attributes:
        rates: (96, 20), the looks of each cell's images by kind; shares.
        weights: (20, 20), what each look adds to each kind's share.
        images: held-back ones.
        ranks: (statistics, buckets), the true shares of ranks among those held-back images.
        classes: (classes,), true shares of the predicted classes.
        expected: the same of the held-back images.
    """

    rates: Shares
    weights: Shares
    images: int
    ranks: Shares
    classes: Shares
    expected: Shares


def packed(confusion: Counts, images: int, rng: np.random.Generator) -> Service:
    """A service whose held-back images are a sample of their own.

    Args:
        confusion: (96, 96), how images look: taken for the truth.
        images: held-back ones.
        rng: of all random numbers.
    """
    truth = confusion / confusion.sum(axis=1, keepdims=True)
    counted = np.stack([rng.multinomial(total, row) for total, row in zip(confusion.sum(axis=1), truth, strict=True)])
    weights = share_weights(counted)
    buckets = len(TRAFFIC_RANK.buckets)
    classes = rng.dirichlet(np.full(CLASSES, 2.0))
    return Service(
        rates=by_kind(truth),
        weights=np.array([[weights[kind].get(look, 0.0) for look in KINDS] for kind in KINDS]),
        images=images,
        # Held-back images cut the truth into parts that are equal for them, and not quite for others.
        ranks=rng.dirichlet(np.full(buckets, images / buckets), len(STATISTICS) + len(ANSWER_STATISTICS)),
        classes=classes,
        expected=rng.multinomial(images, classes) / images,
    )


def by_kind(looks: Shares) -> Shares:
    """Severities added up, of the last axis: 96 to 20."""
    return np.asarray(np.add.reduceat(looks, [0, *range(1, 1 + len(CELLS), len(SEVERITIES))], axis=-1))


def tickets(service: Service, looks: Counts, ranks: Counts, classes: Counts) -> NDArray[np.bool_]:
    """At which steps each ticket is there, in any window, as Prometheus computes it.

    Args:
        service: what it was packed with.
        looks: (steps, 20), chosen images by the kind that they look like.
        ranks: (steps, statistics, buckets), the same images by the rank of each statistic.
        classes: (steps, classes), live answers.

    Returns:
        bool (steps, 19 corruptions + statistics + 1).
    """
    found = np.zeros((len(looks), len(NAMES) + ranks.shape[1] + 1), bool)
    for window, steps in STEPS_OF_WINDOWS.items():
        columns = (
            _shares(service, _in_window(looks, steps), SHARE_Z[window])[:, 1:],
            _gaps(service, _in_window(ranks, steps), GAP_NOISE[window]),
            _classes(service, _in_window(classes, steps))[:, None],
        )
        found |= np.concatenate(columns, axis=1)
    return found


def _shares(service: Service, looks: Counts, z: float) -> NDArray[np.bool_]:
    images = looks.sum(axis=1, keepdims=True)
    middle = (looks @ service.weights.T + ADDED) / (images + 2 * ADDED)
    spread = (looks @ (service.weights**2).T + ADDED) / (images + 2 * ADDED) - middle**2
    error = np.sqrt(np.maximum(spread, 0) * (1 / (images + 2 * ADDED) + 1 / service.images))
    return np.asarray((images >= LEAST_IMAGES) & (middle - z * error > SHARE_MARGIN))


def _gaps(service: Service, ranks: Counts, noise: float) -> NDArray[np.bool_]:
    images = ranks.sum(axis=2)
    shares = np.cumsum(ranks, axis=2) / np.maximum(images, 1)[..., None]
    gaps = np.abs(shares - np.array(TRAFFIC_RANK.buckets)).max(axis=2)
    beyond = gaps - noise * np.sqrt(1 / np.maximum(images, 1) + 1 / service.images)
    margins = [STATISTIC_MARGIN] * len(STATISTICS) + [ANSWER_MARGIN] * len(ANSWER_STATISTICS)
    return np.asarray((images >= LEAST_IMAGES) & (beyond > np.array(margins)))


def _classes(service: Service, classes: Counts) -> NDArray[np.bool_]:
    answers = classes.sum(axis=1)
    shares = classes / np.maximum(answers, 1)[:, None]
    gaps = np.abs(shares - service.expected).sum(axis=1) / 2
    spread = np.sqrt(service.expected * (1 - service.expected)).sum()
    noise = CLASS_NOISE * spread * np.sqrt(1 / np.maximum(answers, 1) + 1 / service.images)
    return np.asarray((answers >= LEAST_ANSWERS) & (gaps - noise > CLASS_MARGIN))


def _in_window(counts: Counts, steps: int) -> Counts:
    summed = np.cumsum(counts, axis=0)
    before = np.zeros_like(summed)
    before[steps:] = summed[:-steps]
    return np.asarray(summed - before)


def steady(service: Service, rate: float, repeats: int, rng: np.random.Generator) -> tuple[Counts, Counts, Counts]:
    """Counts of `DAYS` of images like the held-back ones: looks, ranks and classes, as `tickets` takes them.

    Args:
        service: that is asked.
        rate: requests a second.
        repeats: each image comes so often, one after the other; 0: 1000 images by Zipf's law. It is chosen once.
        rng: of all random numbers.
    """
    steps = DAYS * 86_400 // STEP_S
    chosen = rng.poisson(rate * SHADOW_SHARE * STEP_S / max(repeats, 1), steps)
    looks = rng.multinomial(chosen, service.rates[0])
    ranks = np.stack([rng.multinomial(chosen, row) for row in service.ranks], axis=1)
    if repeats:
        classes = repeats * rng.multinomial(rng.poisson(rate * STEP_S / repeats, steps), service.classes)
    else:
        kinds = rng.choice(CLASSES, _POPULATION, p=service.classes)
        popular = np.bincount(kinds[zipf(_POPULATION, _DRAWN, rng)], minlength=CLASSES) / _DRAWN
        classes = rng.multinomial(rng.poisson(rate * STEP_S, steps), popular)
    return looks, ranks, classes


_POPULATION, _DRAWN = 1000, 1_000_000


def begun(found: NDArray[np.bool_]) -> int:
    """How many tickets came: each stays for `STEPS_KEPT` after its cause has ended."""
    lately = _in_window(found.astype(np.int64), STEPS_KEPT + 1) - found
    return int((found & (lately == 0)).sum())


def _simulate(runs: int, rng: np.random.Generator) -> Iterator[Finding]:
    traffic = read_traffic(FILE)
    services = [packed(traffic.confusion, traffic.record.images, rng) for _ in range(runs)]
    yield from _false(services, rng)
    yield from _found(services, rng)
    yield from _covered(services, rng)
    yield from _gaps_told(services, rng)


def _false(services: list[Service], rng: np.random.Generator) -> Iterator[Finding]:
    names = {1: "each image once", 5: "each image 5 times", 10: "each image 10 times", 0: "1000 images, by Zipf's law"}
    for repeats, name in names.items():
        for rate in RATES:
            case = f"steady for {DAYS} days, {rate:g}/s, {name}"
            bar = progress(services, unit="runs", title=case, stays=False)
            came = [begun(tickets(service, *steady(service, rate, repeats, rng))) for service in bar]
            yield Finding(case, "tickets, on average", float(np.mean(came)), "", at_most=FALSE)


def _found(services: list[Service], rng: np.random.Generator) -> Iterator[Finding]:
    """One image in ten is corrupted, at severity 3 to 5."""
    for share in (SHADOW_SHARE, 1.0):
        for rate in (0.1, 1.0, 10.0):
            case = f"a tenth corrupted, {rate:g}/s, {share:.0%} chosen"
            outcomes = {name: [_outcome(service, name, rate, share, rng) for service in services] for name in NAMES}
            seen = [bool(np.mean([told for told, _ in found]) >= 0.5) for found in outcomes.values()]
            yield share_of(case, f"kinds that are told by {REQUESTS} requests", sum(seen), len(NAMES), at_least=FOUND)
            named = [right for found in outcomes.values() for _, right in found]
            yield share_of(case, "the largest share is the right kind's", sum(named), len(named), at_least=NAMED)


def _outcome(service: Service, name: str, rate: float, share: float, rng: np.random.Generator) -> tuple[bool, bool]:
    """Whether the corruption is told by `REQUESTS` requests, and whether its share is the largest of all."""
    steps = max(1, round(REQUESTS / rate / STEP_S))
    corrupted = np.mean([service.rates[1 + CELLS.index(Cell(name, severity))] for severity in (3, 4, 5)], axis=0)
    chosen = rng.multinomial(round(REQUESTS * share), np.full(steps, 1 / steps))
    looks = rng.multinomial(chosen, 0.9 * service.rates[0] + 0.1 * corrupted)
    place = KINDS.index(name)
    told = any(
        _shares(service, _in_window(looks, STEPS_OF_WINDOWS[window]), z)[:, place].any()
        for window, z in SHARE_Z.items()
    )
    return told, int((looks.sum(axis=0) @ service.weights.T)[1:].argmax()) == place - 1


def _covered(services: list[Service], rng: np.random.Generator) -> Iterator[Finding]:
    """Intervals of shares, the corrupted images spread over all severities."""
    for images in (LEAST_IMAGES, 200, 2000):
        for share in (0.0, 0.02, 0.1, 0.5):
            hits = [_covers(service, name, share, images, rng) for service in services for name in NAMES]
            case = f"{images} images, {share:.0%} corrupted"
            yield share_of(case, "intervals of the share that hold it", sum(hits), len(hits), at_least=COVERED)


def _covers(service: Service, name: str, share: float, images: int, rng: np.random.Generator) -> bool:
    corrupted = np.mean([service.rates[1 + CELLS.index(Cell(name, severity))] for severity in SEVERITIES], axis=0)
    looks = rng.multinomial(images, (1 - share) * service.rates[0] + share * corrupted)
    weights = service.weights[KINDS.index(name)]
    found = estimate(dict(enumerate(looks.tolist())), dict(enumerate(weights.tolist())), service.images)
    return found is not None and found.low <= share <= found.high


def _gaps_told(services: list[Service], rng: np.random.Generator) -> Iterator[Finding]:
    """Confidence that has moved: from which gap on it is told, and the estimate of accuracy withdrawn."""
    for gap in (0.1, 0.2, 0.3, 0.5):
        for images in (200, 500, 2000):
            for word, margin in (("told", ANSWER_MARGIN), ("enough to withdraw the estimate", BROKEN_ANSWER_MARGIN)):
                hits = [_moved(service, gap, images, margin, rng) for service in services for _ in range(_LOOKS)]
                yield share_of(
                    f"a gap of {gap:g}, {images} images", f"looks in which it is {word}", sum(hits), len(hits)
                )


_LOOKS = 40  # at each service


def _moved(service: Service, gap: float, images: int, margin: float, rng: np.random.Generator) -> bool:
    """Whether confidence is off by more than the margin in an hour, where a part of it has gone to its lower end."""
    shares = (1 - gap) * service.ranks[-1]
    shares[0] += gap
    cumulative = np.cumsum(rng.multinomial(images, shares)) / images
    size = largest_gap(cumulative.tolist(), TRAFFIC_RANK.buckets)
    return Gap(size, gap_noise("1h", images, service.images)).beyond > margin


STREAM = Stream("drift", "what the traffic looks like: tickets for nothing, and for something", 10, _simulate)
