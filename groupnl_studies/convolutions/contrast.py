"""One convolution less another, in the same network on the same data, with tests over seeds and images."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from groupnl_studies.convolutions.kinds import KINDS, STANDARD, VARIANTS
from groupnl_studies.convolutions.result import Result
from groupnl_studies.convolutions.statistics import Comparison, compare, holm
from groupnl_studies.convolutions.summary import Row

_LEAST_SEEDS = 3
FROM_STANDARD = {kind: STANDARD for kind in KINDS if kind != STANDARD}
FROM_PUBLISHED = VARIANTS


class Tested(NamedTuple):
    """A difference.

    Attributes:
        comparison: over the seeds that both convolutions have.
        p_holm: its p, raised for as many tests as are made together.
    """

    comparison: Comparison
    p_holm: float


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


def contrasts_of(rows: Sequence[Row], bases: Mapping[str, str]) -> list[Contrast]:
    """Those of one network on one data set that share three seeds or more, raised together.

    Args:
        rows: of one data set and network, at least one.
        bases: convolution -> what it is compared with.
    """
    by_kind = {row.kind: row for row in rows}
    pairs = [(kind, base) for kind, base in bases.items() if _shared_seeds(by_kind, kind, base)]
    names = list(rows[0].splits) if len(rows[0].splits) > 1 else []
    splits = {name: _tested(by_kind, pairs, partial(Result.clean_right, split=name)) for name in names}
    clean = _tested(by_kind, pairs, Result.clean_right)
    corrupted = _tested(by_kind, pairs, Result.corrupted_right)
    return [
        Contrast(*pair, {name: found[place] for name, found in splits.items()}, clean[place], corrupted[place])
        for place, pair in enumerate(pairs)
    ]


def _tested(
    rows: Mapping[str, Row], pairs: Sequence[tuple[str, str]], right: Callable[[Result], np.ndarray]
) -> list[Tested]:
    found = []
    for kind, base in pairs:
        seeds = _shared_seeds(rows, kind, base)
        found.append(compare(*(_stacked(rows[each], seeds, right) for each in (kind, base))))
    return [Tested(*pair) for pair in zip(found, holm([comparison.p for comparison in found]), strict=True)]


def _stacked(row: Row, seeds: Sequence[int], right: Callable[[Result], np.ndarray]) -> np.ndarray:
    """How right each seed's network was about each image; float64 (seeds, images)."""
    return np.stack([right(result) for result in row.results if result.seed in seeds])


def _shared_seeds(rows: Mapping[str, Row], kind: str, base: str) -> list[int]:
    """Those that both have; none where they are too few for a test."""
    own, other = ({result.seed for result in rows[each].results} if each in rows else set() for each in (kind, base))
    return sorted(own & other) if len(own & other) >= _LEAST_SEEDS else []
