"""One convolution less another, in the same network on the same data, with tests over seeds and images."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from groupnl_studies.grid.group import Group
from groupnl_studies.grid.kinds import KINDS, STANDARD, VARIANTS
from groupnl_studies.grid.paired import Difference, Tested, tested_together
from groupnl_studies.grid.result import Result

FROM_STANDARD = {kind: STANDARD for kind in KINDS if kind != STANDARD}
FROM_PUBLISHED = VARIANTS


class Contrast(NamedTuple):
    """One convolution less another.

    Attributes:
        kind: the one.
        base: the other.
        splits: test split -> in accuracy on its clean images; empty where there is one split only.
        clean: in accuracy on all clean test images.
        corrupted: in mean corruption accuracy.
    """

    kind: str
    base: str
    splits: dict[str, Tested]
    clean: Tested
    corrupted: Tested


def contrasts_of(groups: Sequence[Group], bases: Mapping[str, str]) -> list[Contrast]:
    """Those of one network on one data set that share three seeds or more, raised together.

    Args:
        groups: of one data set and network, at least one.
        bases: convolution -> what it is compared with.
    """
    by_kind = {group.kind: group for group in groups}
    pairs = [
        (kind, base)
        for kind, base in bases.items()
        if kind in by_kind and base in by_kind and _difference(by_kind, kind, base).can_be_tested
    ]
    differences = [_difference(by_kind, *pair) for pair in pairs]
    names = list(groups[0].splits) if len(groups[0].splits) > 1 else []
    splits = {name: tested_together(differences, partial(Result.clean_right, split=name)) for name in names}
    clean = tested_together(differences, Result.clean_right)
    corrupted = tested_together(differences, Result.corrupted_right)
    return [
        Contrast(*pair, {name: found[place] for name, found in splits.items()}, clean[place], corrupted[place])
        for place, pair in enumerate(pairs)
    ]


def _difference(by_kind: Mapping[str, Group], kind: str, base: str) -> Difference:
    return Difference((by_kind[kind],), (by_kind[base],))
