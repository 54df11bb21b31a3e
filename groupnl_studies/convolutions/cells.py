"""The cells of the study: one network, with one kind of convolution, trained once on one data set."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from groupnl.errors import ConfigError
from groupnl_studies.convolutions.networks import NETWORKS
from groupnl_studies.convolutions.recipe import DATA_SETS


class StudyCell(NamedTuple):
    """One cell.

    Attributes:
        data: of `DATA_SETS`.
        network: of `NETWORKS`.
        kind: one of the network's convolutions.
        seed: of the network's first weights, and of the order and augmentation of the images.
    """

    data: str
    network: str
    kind: str
    seed: int

    @property
    def name(self) -> str:
        """As options and files have it: "icons/resnet18/gnl_r2/0"."""
        return "/".join(map(str, self))


def all_cells(seeds: int) -> list[StudyCell]:
    """Every cell, all of a seed before the next: whenever the study is interrupted, it has compared like with like.

    Args:
        seeds: how often each network is trained.
    """
    return [
        StudyCell(data, network, kind, seed)
        for seed in range(seeds)
        for data in DATA_SETS
        for network, design in NETWORKS.items()
        for kind in design.kinds
    ]


def choose_cells(cells: Sequence[StudyCell], patterns: Sequence[str]) -> list[StudyCell]:
    """Those whose name matches one of the shell patterns, in their order.

    Raises:
        ConfigError: a pattern matches none.
    """
    for pattern in patterns:
        if not any(fnmatchcase(cell.name, pattern) for cell in cells):
            raise ConfigError(
                f"--cells {pattern!r} matches no cell; a cell is called DATA/NETWORK/CONVOLUTION/SEED, "
                f"from {cells[0].name} to {cells[-1].name}"
            )
    return [cell for cell in cells if any(fnmatchcase(cell.name, pattern) for pattern in patterns)]
