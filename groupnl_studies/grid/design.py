"""What a study trains: every combination of its choices."""

from collections.abc import Mapping
from typing import NamedTuple

from groupnl_studies.grid.recipe import Recipe


class Design(NamedTuple):
    """The choices of a study.

    Attributes:
        name: of the study: `groupnl study NAME`.
        recipes: (data set, network) -> recipe, the same for all cells of both.
        kinds: network -> its convolutions, of `KINDS`.
        trainings: of `TRAININGS`; (None,) in a study that compares none.
        unasked: patterns of the cells that are trained where none are named.
    """

    name: str
    recipes: Mapping[tuple[str, str], Recipe]
    kinds: Mapping[str, tuple[str, ...]]
    trainings: tuple[str | None, ...] = (None,)
    unasked: tuple[str, ...] = ("*",)

    @property
    def compares_trainings(self) -> bool:
        """Whether they are one of the choices, and cells are named by them."""
        return self.trainings != (None,)

    @property
    def form(self) -> str:
        """What the name of a cell is made of, in words."""
        return "DATA/NETWORK/CONVOLUTION/TRAINING/SEED" if self.compares_trainings else "DATA/NETWORK/CONVOLUTION/SEED"

    def has(self, data: str, network: str, kind: str, training: str | None) -> bool:
        """Whether such networks are trained in it."""
        return (data, network) in self.recipes and kind in self.kinds[network] and training in self.trainings
