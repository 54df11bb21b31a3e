"""Which trainings are better beyond chance: the rule was written down before any figure was there."""

from collections.abc import Sequence

from groupnl_studies.grid.group import Group
from groupnl_studies.robustness.effects import CLEAN, WITHOUT_NOISE, Effect, Measured, gains

LEVEL = 0.05  # of p after Holm's correction


def is_better(effect: Effect) -> bool:
    """Whether a training is better than the plain one with the same convolution.

    It is more accurate under the corruptions beside noise, none of which a training has seen itself, and not less on
    clean images; either beyond chance, after the correction for all trainings and convolutions that were tested.
    """
    more, less = (_beyond_chance(effect.measures[name]) for name in (WITHOUT_NOISE, CLEAN))
    return more > 0 and less >= 0


def verdict(groups: Sequence[Group]) -> str:
    """Which are, in a sentence.

    Args:
        groups: of one network and data set, at least one.
    """
    effects = gains(groups)
    tested = [effect for effect in effects if effect.measures[WITHOUT_NOISE].tested]
    if not tested:
        return "Better than plain training beyond chance: not tested yet, which takes three seeds."
    better = [f"{effect.group.training} with {effect.group.kind}" for effect in tested if is_better(effect)]
    trainings = dict.fromkeys(effect.group.training for effect in effects)
    everywhere = [
        str(name) for name in trainings if all(is_better(effect) for effect in effects if effect.group.training == name)
    ]
    missing = len(effects) - len(tested)
    untested = f" Not final: {missing} have too few seeds, and the correction is for those tested." if missing else ""
    return (
        f"Better than plain training beyond chance: {', '.join(better) or 'none'}. "
        f"With every convolution that was trained: {', '.join(everywhere) or 'none'}.{untested}"
    )


def _beyond_chance(measured: Measured) -> int:
    """1 where it is more, -1 where it is less, 0 where it may be chance or was not tested."""
    if measured.tested is None or measured.tested.p_holm >= LEVEL:
        return 0
    return 1 if measured.difference > 0 else -1
