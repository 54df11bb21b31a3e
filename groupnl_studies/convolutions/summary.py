"""The study in figures: for each network and convolution what it costs, and its accuracies over the seeds."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from groupnl_studies.convolutions.networks import NETWORKS, cost
from groupnl_studies.convolutions.recipe import DATA_SETS
from groupnl_studies.convolutions.result import Result


class Spread(NamedTuple):
    """Over the seeds.

    Attributes:
        mean: of all seeds.
        deviation: sample standard deviation; None of one seed.
    """

    mean: float
    deviation: float | None


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
        kept: mean corruption accuracy over the accuracy on the same images before they were corrupted.
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
    kept: Spread


def rows_of(results: Sequence[Result], data: str, network: str) -> list[Row]:
    """The rows of one table, in the order in which the network's convolutions are declared."""
    own = [result for result in results if (result.data, result.network) == (data, network)]
    return [
        _row(tuple(each))
        for kind in NETWORKS[network].kinds
        if (each := sorted((result for result in own if result.kind == kind), key=lambda result: result.seed))
    ]


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
        kept=_spread([result.kept() for result in results]),
    )


def _share(answers: str) -> float:
    return answers.count("1") / len(answers)


def _spread(values: Sequence[float]) -> Spread:
    return Spread(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)
