"""The study as a table for people."""

from collections.abc import Sequence

from groupnl_studies.convolutions.contrast import FROM_PUBLISHED, FROM_STANDARD, Contrast, contrasts_of
from groupnl_studies.convolutions.speed import REWRITTEN, TRAINED
from groupnl_studies.grid.group import Group
from groupnl_studies.grid.speed import Ratios
from groupnl_studies.grid.words import markdown_table, percent, points


def markdown(groups: Sequence[Group], ratios: Ratios) -> str:
    """What there is of one network on one data set: accuracies in %, then the differences that can be tested.

    Args:
        groups: of one data set and network, at least one.
        ratios: of the forward passes.
    """
    first = groups[0]
    tables = [
        _accuracies(groups, ratios.get(first.network, {})),
        _differences(contrasts_of(groups, FROM_STANDARD)),
        _differences(contrasts_of(groups, FROM_PUBLISHED)),
    ]
    return "\n\n".join([f"**{first.data}, {first.network}**", *filter(None, tables)])


def _accuracies(groups: Sequence[Group], ratios: dict[str, dict[str, float]]) -> str:
    head = ["convolution", "seeds", "trained parameters", "MMACs", "forward, x standard", "rewritten, x standard"]
    head += [*groups[0].splits, "all clean", "mean corruption accuracy", "kept"]
    return markdown_table(head, (_line(group, ratios.get(group.kind, {})) for group in groups))


def _line(group: Group, ratios: dict[str, float]) -> list[str]:
    return [
        *(group.kind, str(len(group.results)), f"{group.size.trained:,}", f"{group.size.macs / 1e6:.1f}"),
        *(f"{ratios[form]:.2f}" if form in ratios else "-" for form in (TRAINED, REWRITTEN)),
        *(percent(spread) for spread in (*group.splits.values(), group.clean, group.corrupted, group.kept)),
    ]


def _differences(contrasts: Sequence[Contrast]) -> str:
    """In points, with 95 % intervals; empty where there are none."""
    if not contrasts:
        return ""
    compared = [*contrasts[0].splits, "all clean", "mean corruption accuracy"]
    head = ["convolution", "less", *(word for name in compared for word in (name, "p (Holm)"))]
    return markdown_table(head, (_contrast_line(each) for each in contrasts))


def _contrast_line(contrast: Contrast) -> list[str]:
    tested = [*contrast.splits.values(), contrast.clean, contrast.corrupted]
    return [contrast.kind, contrast.base, *(word for each in tested for word in points(each))]
