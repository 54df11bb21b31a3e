"""The cells of a study: one network, with one kind of convolution, trained once on one data set in one way."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from groupnl.errors import ConfigError
from groupnl_studies.grid.design import Design


class StudyCell(NamedTuple):
    """One cell.

    Attributes:
        data: the data set.
        network: of `NETWORKS`.
        kind: one of the network's convolutions.
        seed: of the network's first weights, and of the order and augmentation of the images.
        training: of `TRAININGS`; None in a study that compares none: all train plainly.
    """

    data: str
    network: str
    kind: str
    seed: int
    training: str | None = None

    @property
    def name(self) -> str:
        """As options and files have it: "icons/resnet18/gnl_r2/0", "icons/resnet18/gnl_r2/augmix/0"."""
        training = () if self.training is None else (self.training,)
        return "/".join(map(str, (self.data, self.network, self.kind, *training, self.seed)))


def all_cells(design: Design, seeds: int) -> list[StudyCell]:
    """Every cell, all of a seed before the next: whenever the study is interrupted, it has compared like with like.

    Args:
        design: of the study.
        seeds: how often each network is trained.
    """
    return [
        StudyCell(data, network, kind, seed, training)
        for seed in range(seeds)
        for data, network in design.recipes
        for training in design.trainings
        for kind in design.kinds[network]
    ]


def choose_cells(cells: Sequence[StudyCell], patterns: Sequence[str], form: str) -> list[StudyCell]:
    """Those whose name matches one of the shell patterns, in their order.

    Args:
        cells: to choose from, at least one.
        patterns: of names.
        form: of a cell's name, in words.

    Raises:
        ConfigError: a pattern matches none.
    """
    for pattern in patterns:
        if not any(fnmatchcase(cell.name, pattern) for cell in cells):
            raise ConfigError(
                f"--cells {pattern!r} matches no cell; a cell is called {form}, "
                f"from {cells[0].name} to {cells[-1].name}"
            )
    return [cell for cell in cells if any(fnmatchcase(cell.name, pattern) for pattern in patterns)]
