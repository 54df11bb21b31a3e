"""The study's tables, in Markdown."""

import math
from collections.abc import Mapping, Sequence

from groupnl_studies.statistics.finding import Finding
from groupnl_studies.traffic.strangers import Seen
from groupnl_studies.traffic.streams import DAYS, Told

WANTED_FOUND = 16  # of 19 corruptions
WANTED_NAMED = 0.8
WANTED_ALARMS = 1.0


def findings(name: str, told: Sequence[Told], alarms: Sequence[int]) -> list[Finding]:
    """What is wanted of one set of images, and what came out.

    Args:
        name: of the images.
        told: of each corruption.
        alarms: false ones, of each simulated month.
    """
    found = [each for each in told if each.found >= 0.5]
    named = [each.named for each in told if not math.isnan(each.named)]
    return [
        Finding(name, "corruptions found in most streams", len(found), f"of {len(told)}", at_least=WANTED_FOUND),
        Finding(name, "streams in which it was found", sum(each.found for each in told) / len(told)),
        Finding(name, "rightly named at the first word", sum(named) / max(len(named), 1), at_least=WANTED_NAMED),
        Finding(name, f"false alarms in {DAYS} days, mean", sum(alarms) / len(alarms), "", at_most=WANTED_ALARMS),
    ]


def corruption_table(told: Mapping[str, Sequence[Told]]) -> str:
    """By corruption: how often found, how often named, after how many requests; a set of images beside the other."""
    heads = [f"{name}: {figure}" for name in told for figure in ("found", "named", "after", "share")]
    lines = [f"| corruption | {' | '.join(heads)} |", f"|{'---|' * (len(heads) + 1)}"]
    for row in zip(*told.values(), strict=True):
        cells = [cell for each in row for cell in _cells(each)]
        lines.append(f"| {row[0].corruption} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cells(told: Told) -> tuple[str, str, str, str]:
    named = "" if math.isnan(told.named) else f"{100 * told.named:.0f} %"
    requests = "" if math.isnan(told.requests) else f"{told.requests:.0f}"
    return f"{100 * told.found:.0f} %", named, requests, f"{100 * told.share:.1f} %"


def stranger_table(seen: Sequence[Seen]) -> str:
    """What is told of images that are spoilt in ways to which nothing was fitted."""
    lines = ["| images | accuracy | look like | pixels tell | answers tell | estimate |", "|---|---|---|---|---|---|"]
    for each in seen:
        looks = ", ".join(f"{name} {100 * share:.0f} %" for name, share in each.looks) or "clean"
        cells = (
            each.kind,
            f"{each.accuracy:.3f}",
            looks,
            ", ".join(each.statistics) or "-",
            ", ".join(each.answers) or "-",
        )
        lines.append(f"| {' | '.join(cells)} | {'withdrawn' if each.withdrawn else 'shown'} |")
    return "\n".join(lines)
