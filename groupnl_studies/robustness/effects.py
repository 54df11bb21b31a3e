"""What each training and each convolution adds, and whether both together add as much as each alone."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from groupnl_studies.grid.families import BUT_NOISE
from groupnl_studies.grid.group import Group
from groupnl_studies.grid.kinds import STANDARD
from groupnl_studies.grid.paired import Difference, Right, Tested, tested_together
from groupnl_studies.grid.result import Result
from groupnl_studies.grid.trainings import PLAIN


def right_in(*families: str) -> Right:
    """How right a network is about each image under some families of corruptions."""
    return lambda result: result.right_in(*families)


CLEAN, CORRUPTED, WITHOUT_NOISE = "all clean", "mean corruption accuracy", "without noise"
MEASURES: dict[str, Right] = {
    CLEAN: Result.clean_right,
    CORRUPTED: Result.corrupted_right,
    WITHOUT_NOISE: right_in(*BUT_NOISE),  # one training adds noise itself
}
"""What is compared -> how right a network is about each image."""


class Measured(NamedTuple):
    """A difference in accuracy.

    Attributes:
        difference: in [-2, 2].
        tested: against chance; None where the seeds are too few.
    """

    difference: float
    tested: Tested | None


class Effect(NamedTuple):
    """What one choice adds.

    Attributes:
        group: the networks that have it.
        seeds: how many are compared.
        measures: what is compared -> the difference.
    """

    group: Group
    seeds: int
    measures: dict[str, Measured]


class Interplay(NamedTuple):
    """A training and a convolution together beside each alone, all less the standard convolution trained plainly.

    Attributes:
        effect: what both add together beyond the sum of what each adds alone: a difference of differences.
        added: what is compared -> that sum.
        together: what is compared -> what both add.
    """

    effect: Effect
    added: dict[str, float]
    together: dict[str, float]


class _Corners(NamedTuple):
    """The four groups of an interplay, of the seeds that all have."""

    both: Group
    training: Group
    convolution: Group
    neither: Group


Key = tuple[str, str | None]
"""Convolution and training."""


def gains(groups: Sequence[Group]) -> list[Effect]:
    """Each training less the plain one, with the same convolution; on each test, too. Raised together.

    Args:
        groups: of one network and data set, at least one.
    """
    base = _less(groups, lambda group: (group.kind, PLAIN))
    return _effects(base, {**splits_of(groups[0]), **MEASURES})


def convolution_gains(groups: Sequence[Group]) -> list[Effect]:
    """Each convolution less the standard one, with the same training; as `gains`."""
    base = _less(groups, lambda group: (STANDARD, group.training))
    return _effects(base, {**splits_of(groups[0]), **MEASURES})


def interplays(groups: Sequence[Group]) -> list[Interplay]:
    """Every training with every convolution, but the plain one and the standard one. Raised together."""
    corners = _corners(groups)
    differences = [
        (each.both, Difference((each.both, each.neither), (each.training, each.convolution))) for each in corners
    ]
    together = [Difference((each.both,), (each.neither,)) for each in corners]
    added = [Difference((each.training, each.convolution), (each.neither, each.neither)) for each in corners]
    return [
        Interplay(effect, *({name: sum_.of(right) for name, right in MEASURES.items()} for sum_ in sums))
        for effect, *sums in zip(_effects(differences, MEASURES), added, together, strict=True)
    ]


def splits_of(group: Group) -> dict[str, Right]:
    """The tests, each a measure of its own; none where there is one only."""
    names = group.results[0].clean
    return {name: partial(Result.clean_right, split=name) for name in names} if len(names) > 1 else {}


def _less(groups: Sequence[Group], base_of: Callable[[Group], Key]) -> list[tuple[Group, Difference]]:
    """Each group less its base, where that is another and shares a seed with it."""
    by_key = _by_key(groups)
    pairs = [(group, base) for group in groups if (base := by_key.get(base_of(group))) and base is not group]
    differences = [(group, Difference((group,), (base,))) for group, base in pairs]
    return [(group, difference) for group, difference in differences if difference.seeds]


def _corners(groups: Sequence[Group]) -> list[_Corners]:
    by_key, found = _by_key(groups), []
    for (kind, training), group in by_key.items():
        keys = ((STANDARD, training), (kind, PLAIN), (STANDARD, PLAIN))
        if kind == STANDARD or training == PLAIN or not all(key in by_key for key in keys):
            continue
        four = (group, *(by_key[key] for key in keys))
        if seeds := set.intersection(*(each.seeds for each in four)):
            found.append(_Corners(*(each.only(seeds) for each in four)))
    return found


def _by_key(groups: Sequence[Group]) -> dict[Key, Group]:
    return {(group.kind, group.training): group for group in groups}


def _effects(differences: Sequence[tuple[Group, Difference]], measures: Mapping[str, Right]) -> list[Effect]:
    """Those with seeds enough are tested together, for each measure by itself."""
    found = {name: _measured([each for _, each in differences], right) for name, right in measures.items()}
    return [
        Effect(group, len(difference.seeds), {name: found[name][place] for name in measures})
        for place, (group, difference) in enumerate(differences)
    ]


def _measured(differences: Sequence[Difference], right: Right) -> list[Measured]:
    tests = iter(tested_together([each for each in differences if each.can_be_tested], right))
    return [Measured(each.of(right), next(tests) if each.can_be_tested else None) for each in differences]
