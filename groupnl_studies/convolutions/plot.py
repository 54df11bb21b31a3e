"""How the convolutions look in the study's pictures."""

from collections.abc import Sequence

from groupnl_studies.grid.group import Group
from groupnl_studies.grid.kinds import KINDS, STANDARD
from groupnl_studies.grid.plot import Gain, Look

_PLACES = {kind: index for index, kind in enumerate(KINDS)}


def look(group: Group) -> Look:
    """Each convolution has its own colour and marker."""
    place = _PLACES[group.kind]
    return Look(group.kind, f"C{place % 10}", "osv"[place // 5])


def gains_over_standard(groups: Sequence[Group]) -> list[Gain]:
    """The convolutions that share a seed with the standard one; none without it."""
    return [
        Gain(group.kind, group, standard)
        for standard in groups
        if standard.kind == STANDARD
        for group in groups
        if group is not standard and group.seeds & standard.seeds
    ]
