"""The networks of one combination of choices, one a seed, in figures."""

import statistics
from collections.abc import Callable, Collection, Sequence
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np

from groupnl.models.size import NetworkSize
from groupnl_studies.grid.design import Design
from groupnl_studies.grid.networks import cost
from groupnl_studies.grid.result import Result


class Spread(NamedTuple):
    """Over the seeds.

    Attributes:
        mean: of all seeds.
        deviation: sample standard deviation; None of one seed.
    """

    mean: float
    deviation: float | None


class Group:
    """The results of networks that differ in nothing but their seed.

    Args:
        results: at least one, in the order of their seeds.
    """

    def __init__(self, results: Sequence[Result]) -> None:
        self.results = tuple(results)
        first = self.results[0]
        self.data, self.network, self.kind, self.training = first.data, first.network, first.kind, first.training

    def spread(self, figure: Callable[[Result], np.ndarray | float]) -> Spread:
        """A figure of each network; the mean where it is one for each image."""
        values = [float(np.mean(figure(result))) for result in self.results]
        return Spread(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)

    @property
    def seeds(self) -> set[int]:
        """Those that there are."""
        return {result.seed for result in self.results}

    def only(self, seeds: Collection[int]) -> "Group":
        """The networks of these seeds, of which it has at least one."""
        return Group([result for result in self.results if result.seed in seeds])

    @cached_property
    def size(self) -> NetworkSize:
        """Parameters, and multiply-accumulates of one image."""
        first = self.results[0]
        return cost(first.network, first.kind, first.images.classes, first.recipe.images.size)

    @property
    def splits(self) -> dict[str, Spread]:
        """Test split -> clean accuracy."""
        return {split: self.spread(partial(Result.clean_right, split=split)) for split in self.results[0].clean}

    @property
    def clean(self) -> Spread:
        """Accuracy on all clean test images."""
        return self.spread(Result.clean_right)

    @property
    def corrupted(self) -> Spread:
        """Mean corruption accuracy: mean over 19 corruptions and 5 severities."""
        return self.spread(Result.corrupted_right)

    @property
    def kept(self) -> Spread:
        """Mean corruption accuracy over the accuracy on the same images before they were corrupted."""
        return self.spread(Result.kept)


def tables_of(design: Design, results: Sequence[Result]) -> list[list[Group]]:
    """The groups of every data set and network that has results, as the design lists convolutions and trainings."""
    found: dict[tuple[str, str, str, str | None], list[Result]] = {}
    for result in sorted(results, key=lambda result: result.seed):
        found.setdefault((result.data, result.network, result.kind, result.training), []).append(result)
    keys = (
        [(data, network, kind, training) for kind in design.kinds[network] for training in design.trainings]
        for data, network in design.recipes
    )
    tables = ([Group(found[key]) for key in of_one if key in found] for of_one in keys)
    return [table for table in tables if table]
