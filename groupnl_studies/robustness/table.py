"""The study as tables for people."""

from collections.abc import Sequence

from groupnl_studies.grid.families import FAMILIES
from groupnl_studies.grid.group import Group
from groupnl_studies.grid.speed import Ratios
from groupnl_studies.grid.words import markdown_table, percent, points
from groupnl_studies.robustness.effects import (
    MEASURES,
    Effect,
    Interplay,
    Measured,
    convolution_gains,
    gains,
    interplays,
    right_in,
)
from groupnl_studies.robustness.verdict import verdict


def markdown(groups: Sequence[Group], ratios: Ratios) -> str:
    """What there is of one network on one data set: accuracies in %, then differences in points.

    Args:
        groups: of one data set and network, at least one.
        ratios: of a step's processor time.
    """
    first = groups[0]
    tables = {
        "Accuracies": _accuracies(groups, ratios.get(first.network, {})),
        "Less plain training, with the same convolution": _effects(gains(groups)),
        "Less the standard convolution, with the same training": _effects(convolution_gains(groups)),
        "Both less neither, beside what each adds alone": _interplays(interplays(groups)),
    }
    parts = [f"{title}:\n\n{table}" for title, table in tables.items() if table]
    return "\n\n".join([f"**{first.data}, {first.network}**", verdict(groups), *parts])


def _accuracies(groups: Sequence[Group], ratios: dict[str, dict[str, float]]) -> str:
    head = ["convolution", "training", "seeds", "step, x plain", *groups[0].splits, *MEASURES, *FAMILIES, "kept"]
    return markdown_table(head, (_line(group, ratios.get(group.kind, {})) for group in groups))


def _line(group: Group, ratios: dict[str, float]) -> list[str]:
    training = str(group.training)
    measured = (group.spread(right) for right in (*MEASURES.values(), *map(right_in, FAMILIES)))
    spreads = (*group.splits.values(), *measured, group.kept)
    return [
        *(group.kind, training, str(len(group.results))),
        f"{ratios[training]:.2f}" if training in ratios else "-",
        *map(percent, spreads),
    ]


def _effects(effects: Sequence[Effect]) -> str:
    """Empty where there are none."""
    if not effects:
        return ""
    head = ["convolution", "training", "seeds", *(word for name in effects[0].measures for word in (name, "p (Holm)"))]
    return markdown_table(
        head,
        ([*_of(each), *(word for measured in each.measures.values() for word in _words(measured))] for each in effects),
    )


def _interplays(found: Sequence[Interplay]) -> str:
    """Empty where there are none."""
    if not found:
        return ""
    head = ["convolution", "training", "seeds"]
    for name in MEASURES:
        head += [f"{name}: alone, added", "together", "together less added", "p (Holm)"]
    return markdown_table(head, map(_interplay_line, found))


def _interplay_line(found: Interplay) -> list[str]:
    line = _of(found.effect)
    for name, measured in found.effect.measures.items():
        line += [f"{100 * found.added[name]:+.1f}", f"{100 * found.together[name]:+.1f}", *_words(measured)]
    return line


def _of(effect: Effect) -> list[str]:
    return [effect.group.kind, str(effect.group.training), str(effect.seeds)]


def _words(measured: Measured) -> tuple[str, str]:
    return points(measured.tested) if measured.tested else (f"{100 * measured.difference:+.1f}", "-")
