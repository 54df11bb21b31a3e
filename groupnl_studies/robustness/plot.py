"""How trainings and convolutions look in the study's pictures."""

from collections.abc import Sequence

from groupnl_studies.grid.group import Group
from groupnl_studies.grid.kinds import STANDARD
from groupnl_studies.grid.plot import Gain, Look
from groupnl_studies.grid.trainings import PLAIN, TRAININGS

_COLOURS = {training: f"C{index}" for index, training in enumerate(TRAININGS)}
_MARKERS = {STANDARD: "o", "gnl_r2": "s", "gnl_sparse": "v"}


def look(group: Group) -> Look:
    """Trainings have colours, convolutions have markers."""
    training = str(group.training)
    return Look(_label(group), _COLOURS[training], _MARKERS[group.kind])


def gains_over_plain(groups: Sequence[Group]) -> list[Gain]:
    """Every training that shares a seed with the plain one of the same convolution."""
    plain = {group.kind: group for group in groups if group.training == PLAIN}
    return [
        Gain(_label(group), group, base)
        for group in groups
        if (base := plain.get(group.kind)) and base is not group and group.seeds & base.seeds
    ]


def _label(group: Group) -> str:
    return f"{group.kind}, {group.training}"
