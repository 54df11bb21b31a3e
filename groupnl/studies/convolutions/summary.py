"""The study in figures: for each network and convolution its accuracies over the seeds, and the tests."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from groupnl.studies.convolutions.kinds import STANDARD
from groupnl.studies.convolutions.networks import NETWORKS, cost
from groupnl.studies.convolutions.recipe import DATA_SETS
from groupnl.studies.convolutions.result import Result
from groupnl.studies.convolutions.statistics import Comparison, compare, holm


class Spread(NamedTuple):
    """Over the seeds.

    Attributes:
        mean: of all seeds.
        deviation: sample standard deviation; None of one seed.
    """

    mean: float
    deviation: float | None


class Against(NamedTuple):
    """Beside the standard convolution.

    Attributes:
        comparison: over the seeds that both have.
        p_holm: its p, raised for as many tests as there are in the table.
    """

    comparison: Comparison
    p_holm: float


class Row(NamedTuple):
    """One network with one convolution on one data set.

    Attributes:
        data: data set.
        network: name.
        kind: of its convolutions.
        results: one for each seed.
        trained: trained parameters.
        macs: multiply-accumulates of one image.
        splits: test split -> clean accuracy.
        clean: accuracy on all clean test images.
        corrupted: mean corruption accuracy: mean over 19 corruptions and 5 severities.
        clean_against: None for the standard convolution, and where fewer than two seeds have both.
        corrupted_against: the same.
    """

    data: str
    network: str
    kind: str
    results: tuple[Result, ...]
    trained: int
    macs: int
    splits: dict[str, Spread]
    clean: Spread
    corrupted: Spread
    clean_against: Against | None = None
    corrupted_against: Against | None = None


def rows_of(results: Sequence[Result], data: str, network: str) -> list[Row]:
    """The rows of one table, in the order in which the network's convolutions are declared."""
    own = [result for result in results if (result.data, result.network) == (data, network)]
    rows = [
        _row(tuple(each))
        for kind in NETWORKS[network].kinds
        if (each := sorted((result for result in own if result.kind == kind), key=lambda result: result.seed))
    ]
    clean = _against(rows, [_right(row, corrupted=False) for row in rows])
    corrupted = _against(rows, [_right(row, corrupted=True) for row in rows])
    return [row._replace(clean_against=clean.get(row.kind), corrupted_against=corrupted.get(row.kind)) for row in rows]


def tables_of(results: Sequence[Result]) -> list[list[Row]]:
    """The rows of every data set and network that has results."""
    tables = (rows_of(results, data, network) for data in DATA_SETS for network in NETWORKS)
    return [rows for rows in tables if rows]


def _row(results: tuple[Result, ...]) -> Row:
    first = results[0]
    size = cost(first.network, first.kind, first.images.classes, first.recipe.images.size)
    return Row(
        *(first.data, first.network, first.kind, results),
        trained=size.trained,
        macs=size.macs,
        splits={split: _spread([_share(result.clean[split]) for result in results]) for split in first.clean},
        clean=_spread([float(result.clean_right().mean()) for result in results]),
        corrupted=_spread([float(result.corrupted_right().mean()) for result in results]),
    )


def _share(answers: str) -> float:
    return answers.count("1") / len(answers)


def _spread(values: Sequence[float]) -> Spread:
    return Spread(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)


def _right(row: Row, *, corrupted: bool) -> dict[int, np.ndarray]:
    """Seed -> how right it was about each image."""
    return {result.seed: result.corrupted_right() if corrupted else result.clean_right() for result in row.results}


def _against(rows: Sequence[Row], right: Sequence[dict[int, np.ndarray]]) -> dict[str, Against]:
    """Convolution -> its comparison with the standard one."""
    by_kind = dict(zip((row.kind for row in rows), right, strict=True))
    standard = by_kind.pop(STANDARD, {})
    found = {}
    for kind, own in by_kind.items():
        seeds = sorted(own.keys() & standard.keys())
        if len(seeds) > 1:
            found[kind] = compare(*(np.stack([each[seed] for seed in seeds]) for each in (own, standard)))
    raised = holm([comparison.p for comparison in found.values()])
    return {kind: Against(found[kind], p) for kind, p in zip(found, raised, strict=True)}
