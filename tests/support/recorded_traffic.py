"""Random counts of the traffic, of a candidate and of late labels, and what the recording rules must make of them."""

import itertools
from collections.abc import Hashable, Iterator, Mapping
from typing import NamedTuple, TypeVar

import numpy as np
from support.recorded_figures import Figures

from groupnl.corruptions.names import Cell
from groupnl.metrics import TRAFFIC_RANK
from groupnl.robustness.statistics import compare_paired, wilson_interval
from groupnl.traffic.drift import (
    ANSWER_STATISTICS,
    BROKEN_ANSWER_MARGIN,
    LEAST_ANSWERS,
    LEAST_IMAGES,
    WINDOWS,
    class_noise,
    gap_noise,
    largest_gap,
    total_variation,
)
from groupnl.traffic.estimated import ADDED, Estimated, estimate, expected_accuracy

CLEAN = Cell("none", 0)
CELLS = (CLEAN, Cell("fog", 1), Cell("fog", 5), Cell("snow", 3))
KINDS = ("none", "fog", "snow")
STATISTICS = ("brightness", "confidence")
BOUNDS = TRAFFIC_RANK.buckets
CLASSES = ("cat", "dog", "other")
OUTCOMES = ("both_hold", "model_only", "candidate_only", "both_flip")
RIGHTS = ("both_right", "model_only", "candidate_only", "both_wrong")
SPANS = ("6h", "start")
M = 'model="m"'
OF_M, OF_BOTH = f"{{{M}}}", f'{{{M}, candidate="c"}}'
LookOf = TypeVar("LookOf", bound=Hashable)


class Traffic(NamedTuple):
    """All of one model.

    Attributes:
        held_back: images behind everything that is expected.
        looks: cell -> images that look so.
        share_weights: corruption -> look -> weight.
        figure_weights: figure -> cell -> weight.
        accuracy: cell -> before packing.
        ranks: statistic -> images in each bucket.
        predicted: class -> live answers.
        expected_predicted: class -> share of held-back images.
        pairs: cell -> pairs; those of fog are of both severities.
        expected_correct: cell -> sum of probabilities; `CLEAN` too.
        late: cell -> labelled answers, right ones.
        candidate: images it answered, those where it agrees, its failures.
        holds: outcomes in the order of `OUTCOMES`.
        right: the same of `RIGHTS`, with labels of the request.
        late_right: the same, with labels that came later.
    """

    held_back: int
    looks: Mapping[Cell, int]
    share_weights: Mapping[str, Mapping[str, float]]
    figure_weights: Mapping[str, Mapping[Cell, float]]
    accuracy: Mapping[Cell, float]
    ranks: Mapping[str, list[int]]
    predicted: Mapping[str, int]
    expected_predicted: Mapping[str, float]
    pairs: Mapping[Cell, int]
    expected_correct: Mapping[Cell, float]
    late: Mapping[Cell, tuple[int, int]]
    candidate: tuple[int, int, int]
    holds: list[int]
    right: list[int]
    late_right: list[int]


def random_traffic(seed: int) -> Traffic:
    """With few images and with many, like the held-back ones and broken."""
    rng = np.random.default_rng(seed)
    images = (2000, 60, 1)[seed % 3]
    answers = images * int(rng.integers(5, 15))
    pairs = {cell: int(rng.integers(1, 1 + images)) for cell in CELLS[1:]}
    answered = int(rng.integers(images, 2 * images))
    return Traffic(
        held_back=int(rng.integers(200, 3000)),
        looks=_shared(rng, CELLS, images, (0.8, 0.1, 0.0, 0.1)),
        share_weights=_share_weights(rng),
        figure_weights={name: _of_cells(rng, -0.2, 1.2) for name in ("accuracy", "agreement")},
        accuracy=_of_cells(rng, 0, 1),
        ranks={name: _ranks(rng, images, broken=seed == 3) for name in STATISTICS},
        predicted=_shared(rng, CLASSES, answers, (0.5, 0.3, 0.2)),
        expected_predicted=dict(zip(CLASSES, (0.25, 0.5, 0.25), strict=True)),
        pairs=pairs,
        expected_correct={
            cell: round(float(rng.uniform(0, pairs.get(cell, sum(pairs.values())))), 3) for cell in CELLS
        },
        late={cell: (images, int(rng.binomial(images, 0.7))) for cell in CELLS},
        candidate=(answered, int(rng.binomial(answered, 0.9)), int(rng.integers(0, 30))),
        holds=rng.multinomial(images, (0.5, 0.3, 0.1, 0.1)).tolist(),
        right=rng.multinomial(images, (0.5, 0.1, 0.2, 0.2)).tolist(),
        late_right=rng.multinomial(images, (0.5, 0.1, 0.3, 0.1)).tolist(),
    )


def _shared(
    rng: np.random.Generator, names: tuple[LookOf, ...], total: int, shares: tuple[float, ...]
) -> dict[LookOf, int]:
    return dict(zip(names, rng.multinomial(total, shares).tolist(), strict=True))


def _of_cells(rng: np.random.Generator, low: float, high: float) -> dict[Cell, float]:
    return {cell: round(float(rng.uniform(low, high)), 3) for cell in CELLS}


def _share_weights(rng: np.random.Generator) -> dict[str, dict[str, float]]:
    """Most of an image's weight is on what it looks like; fog that looks like snow has none."""
    weights = {kind: {look: round(float(rng.normal(kind == look, 0.2)), 3) for look in KINDS} for kind in KINDS}
    del weights["fog"]["snow"]
    return weights


def _ranks(rng: np.random.Generator, images: int, *, broken: bool) -> list[int]:
    shares = np.ones(len(BOUNDS)) / len(BOUNDS)
    if broken:
        shares = np.eye(len(BOUNDS))[0]
    return rng.multinomial(images, shares).tolist()


def traffic_series(traffic: Traffic) -> Iterator[tuple[str, float]]:
    """Counters: each series with its value."""
    yield from _series_of_images(traffic)
    yield from _series_of_cells(traffic)
    yield from _series_of_candidate(traffic)


def _series_of_images(traffic: Traffic) -> Iterator[tuple[str, float]]:
    for statistic, numbers in traffic.ranks.items():
        of = f'{M}, statistic="{statistic}"'
        for bound, below in zip((*BOUNDS, "+Inf"), [*np.cumsum(numbers).tolist(), sum(numbers)], strict=True):
            yield f'groupnl_traffic_rank_bucket{{{of}, le="{bound}"}}', below
        yield f"groupnl_traffic_rank_count{{{of}}}", sum(numbers)
    for name, number in traffic.predicted.items():
        yield f'groupnl_predicted_total{{{M}, class="{name}"}}', number


def _series_of_cells(traffic: Traffic) -> Iterator[tuple[str, float]]:
    for name, numbers in (
        ("traffic_looks", traffic.looks),
        ("shadow_pairs", traffic.pairs),
        ("shadow_expected_correct", traffic.expected_correct),
        ("late_labelled", {cell: answers for cell, (answers, _) in traffic.late.items()}),
        ("late_labelled_correct", {cell: right for cell, (_, right) in traffic.late.items()}),
    ):
        for cell, number in numbers.items():
            yield f"groupnl_{name}_total{_at(cell)}", number


def _series_of_candidate(traffic: Traffic) -> Iterator[tuple[str, float]]:
    for name, number in zip(("images", "agrees", "failures"), traffic.candidate, strict=True):
        yield f"groupnl_candidate_{name}_total{OF_BOTH}", number
    for name, outcomes, numbers in (
        ("candidate_holds", OUTCOMES, traffic.holds),
        ("candidate_right", RIGHTS, traffic.right),
        ("late_candidate_right", RIGHTS, traffic.late_right),
    ):
        for outcome, number in zip(outcomes, numbers, strict=True):
            yield f'groupnl_{name}_total{{{M}, candidate="c", outcome="{outcome}"}}', number


def traffic_gauges(traffic: Traffic) -> Iterator[tuple[str, float]]:
    """What does not change."""
    yield f'groupnl_build_info{{{M}, archive_sha256="a"}}', 1
    yield f"groupnl_expected_images{OF_M}", traffic.held_back
    for cell, accuracy in traffic.accuracy.items():
        yield f"groupnl_offline_accuracy_ratio{_at(cell)}", accuracy
    for name, share in traffic.expected_predicted.items():
        yield f'groupnl_expected_predicted_ratio{{{M}, class="{name}"}}', share
    for kind, weights in traffic.share_weights.items():
        for look, weight in weights.items():
            yield f'groupnl_traffic_share_weight{{{M}, corruption="{kind}", looks="{look}"}}', weight
    for figure, of_cells in traffic.figure_weights.items():
        for cell, weight in of_cells.items():
            yield f'groupnl_traffic_figure_weight{{figure="{figure}", {_at(cell)[1:]}', weight


def _at(cell: Cell) -> str:
    return f'{{{M}, corruption="{cell.corruption}", severity="{cell.severity}"}}'


def expected_traffic_figures(traffic: Traffic) -> Figures:
    """Record -> labels -> value, of all that was counted at once some minutes ago."""
    found: Figures = {"le:groupnl_even_rank:start": {f'{{le="{bound}"}}': bound for bound in BOUNDS}}
    found |= {f"model:groupnl_archives:{window}": {OF_M: 1.0} for window in ("10m", "1h")}
    for window in WINDOWS:
        found |= _mixture(traffic, window) | _drift(traffic, window)
    found |= _estimates(traffic)
    for span in SPANS:
        found |= _late(traffic, span) | _candidate(traffic, span)
    alone = [one + other for one, other in zip(traffic.right, traffic.late_right, strict=True)]
    return found | _verdict("holds", traffic.holds) | _verdict("right", alone)


def _mixture(traffic: Traffic, window: str) -> Figures:
    looks = {kind: sum(n for cell, n in traffic.looks.items() if cell.corruption == kind) for kind in KINDS}
    found: Figures = {
        f"model_corruption_severity:groupnl_looks:{window}": {_at(cell): n for cell, n in traffic.looks.items()},
        f"model_looks:groupnl_looks:{window}": {f'{{{M}, looks="{kind}"}}': n for kind, n in looks.items()},
        f"model:groupnl_looked_at:{window}": {OF_M: sum(looks.values())},
    }
    losses = {kind: _loss(traffic, kind) for kind in KINDS[1:] if looks[kind]}
    found[f"model_corruption:groupnl_traffic_loss:{window}"] = {
        f'{{{M}, corruption="{kind}"}}': loss for kind, loss in losses.items()
    }
    for kind, weights in traffic.share_weights.items():
        name, of = "model_corruption:groupnl_traffic_share", f'{{{M}, corruption="{kind}"}}'
        _add(found, _weighted(name, looks, weights, traffic.held_back), of, window)
    for figure, of_cells in traffic.figure_weights.items():
        name, of = "model_figure:groupnl_traffic_expects", f'{{{M}, figure="{figure}"}}'
        _add(found, _weighted(name, traffic.looks, of_cells, traffic.held_back), of, window)
    return found


def _loss(traffic: Traffic, kind: str) -> float:
    cells = {cell: n for cell, n in traffic.looks.items() if cell.corruption == kind}
    there = sum(n * traffic.accuracy[cell] for cell, n in cells.items()) / sum(cells.values())
    return traffic.accuracy[CLEAN] - there


def _weighted(
    name: str, counts: Mapping[LookOf, int], weights: Mapping[LookOf, float], images: int
) -> dict[str, float]:
    one = estimate(counts, weights, images)
    assert one is not None
    total, sums = sum(counts.values()), sum(n * weights.get(look, 0) for look, n in counts.items())
    middle = (sums + ADDED) / (total + 2 * ADDED)
    squares = sum(n * weights.get(look, 0) ** 2 for look, n in counts.items())
    spread = (squares + ADDED) / (total + 2 * ADDED) - middle**2
    error = (spread * (1 / (total + 2 * ADDED) + 1 / images)) ** 0.5
    return _named(name, one) | {f"{name}_sum": sums, f"{name}_middle": middle, f"{name}_error": error}


def _named(name: str, one: Estimated) -> dict[str, float]:
    return {name: one.value, f"{name}_lower": one.low, f"{name}_upper": one.high}


def _add(found: Figures, values: Mapping[str, float], labels: str, window: str) -> None:
    for name, value in values.items():
        found.setdefault(f"{name}:{window}", {})[labels] = value


def _drift(traffic: Traffic, window: str) -> Figures:
    names = ("ranked", "rank_gap", "rank_gap_beyond")
    found: Figures = {f"model_statistic:groupnl_{name}:{window}": {} for name in names}
    for statistic, numbers in traffic.ranks.items():
        images = sum(numbers)
        gap = largest_gap((np.cumsum(numbers) / images).tolist(), BOUNDS)
        values = {"ranked": float(images), "rank_gap": gap}
        if images >= LEAST_IMAGES:
            values["rank_gap_beyond"] = max(0.0, gap - gap_noise(window, images, traffic.held_back))
        labels = f'{{{M}, statistic="{statistic}"}}'
        _add(found, {f"model_statistic:groupnl_{name}": value for name, value in values.items()}, labels, window)
    answers = sum(traffic.predicted.values())
    shares = {name: number / answers for name, number in traffic.predicted.items()}
    gap = total_variation(shares, traffic.expected_predicted)
    noise = class_noise(traffic.expected_predicted, answers, traffic.held_back)
    beyond = {OF_M: max(0.0, gap - noise)} if answers >= LEAST_ANSWERS else {}
    return found | {
        f"model:groupnl_classed:{window}": {OF_M: answers},
        f"model_class:groupnl_predicted_share:{window}": {
            f'{{{M}, class="{name}"}}': share for name, share in shares.items()
        },
        f"model:groupnl_class_gap:{window}": {OF_M: gap},
        f"model:groupnl_class_gap_beyond:{window}": beyond,
    }


def _broken(traffic: Traffic) -> dict[str, float]:
    """Of the first window that says so."""
    found: dict[str, float] = {}
    for window in WINDOWS:
        for labels, beyond in _drift(traffic, window)[f"model_statistic:groupnl_rank_gap_beyond:{window}"].items():
            of_answers = any(name in labels for name in ANSWER_STATISTICS)
            if of_answers and beyond > BROKEN_ANSWER_MARGIN:
                found.setdefault(labels, beyond)
    return found


def _estimates(traffic: Traffic) -> Figures:
    broken = _broken(traffic)
    found: Figures = {
        "model_statistic:groupnl_broken:1d": broken,
        "model:groupnl_estimate_withdrawn:1d": {OF_M: len(broken)},
    }
    parts = ("_sum", "_estimate", "_estimate_lower", "_estimate_upper")
    for name, part in itertools.product(
        (
            "model:groupnl_live_accuracy",
            "model:groupnl_corrupted_accuracy",
            "model_corruption:groupnl_corrupted_accuracy",
        ),
        parts,
    ):
        found[f"{name}{part}:6h"] = {}
    if broken:
        return found
    expected, pairs = traffic.expected_correct, traffic.pairs
    all_corrupted = sum(sum_ for cell, sum_ in expected.items() if cell != CLEAN)
    cases = [
        ("model:groupnl_live_accuracy", OF_M, expected[CLEAN], sum(pairs.values())),
        ("model:groupnl_corrupted_accuracy", OF_M, all_corrupted, sum(pairs.values())),
    ]
    for kind in KINDS[1:]:
        sums, number = (sum(of[cell] for cell in CELLS[1:] if cell.corruption == kind) for of in (expected, pairs))
        cases.append(("model_corruption:groupnl_corrupted_accuracy", f'{{{M}, corruption="{kind}"}}', sums, number))
    for name, labels, sums, number in cases:
        one = expected_accuracy(sums, number, traffic.held_back)
        assert one is not None
        _add(found, _named(f"{name}_estimate", one) | {f"{name}_sum": sums}, labels, "6h")
    return found


def _late(traffic: Traffic, span: str) -> Figures:
    found: Figures = {}
    for kind in KINDS:
        answers, right = (
            sum(n[part] for cell, n in traffic.late.items() if cell.corruption == kind) for part in (0, 1)
        )
        low, high = wilson_interval(right, answers)
        values = {
            "late_labelled": float(answers),
            "late_accuracy": right / answers,
            "late_accuracy_lower": low,
            "late_accuracy_upper": high,
        }
        named = {f"model_corruption:groupnl_{name}": value for name, value in values.items()}
        _add(found, named, f'{{{M}, corruption="{kind}"}}', span)
    return found


def _candidate(traffic: Traffic, span: str) -> Figures:
    images, agrees, failures = traffic.candidate
    low, high = wilson_interval(agrees, images)
    values = {
        "images": images,
        "agreement": agrees / images,
        "agreement_lower": low,
        "agreement_upper": high,
        "failed": failures / (images + failures),
    }
    return {f"model_candidate:groupnl_candidate_{name}:{span}": {OF_BOTH: value} for name, value in values.items()}


def _verdict(test: str, numbers: list[int]) -> Figures:
    _, ours, theirs, _ = numbers
    found = compare_paired(ours, theirs)
    values = {
        "model_only": ours,
        "candidate_only": theirs,
        "decisive_pairs": found.informative,
        "verdict_statistic": found.lead**2,
        "verdict_threshold": found.needed_lead**2,
        "verdict": {"model": 1.0, "undecided": 0.0, "reference": -1.0}[found.verdict],
    }
    return {
        f"model_candidate:groupnl_candidate_{test}_{name}:start": {OF_BOTH: value} for name, value in values.items()
    }
