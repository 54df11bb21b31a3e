"""One figure of a simulation, with what is wanted of it."""

from typing import NamedTuple

from groupnl.robustness.statistics import Interval, wilson_interval


class Finding(NamedTuple):
    """What one case of a stream came to.

    Attributes:
        case: of the stream, in a few words: "each image 10 times".
        figure: what was measured: "false verdicts".
        value: in its unit.
        unit: after the number; "%" says that the value is a share, 0 to 1.
        interval: 95 %, of the simulation's own chance; None where there is none.
        at_most: the largest value that is right; None: no bound.
        at_least: the smallest; None: no bound.
    """

    case: str
    figure: str
    value: float
    unit: str = "%"
    interval: Interval | None = None
    at_most: float | None = None
    at_least: float | None = None

    @property
    def passes(self) -> bool | None:
        """Whether the value is right; None where nothing is wanted of it."""
        if self.at_most is None and self.at_least is None:
            return None
        below = self.at_most is None or self.value <= self.at_most
        return below and (self.at_least is None or self.value >= self.at_least)


def share_of(
    case: str, figure: str, hits: int, runs: int, *, at_most: float | None = None, at_least: float | None = None
) -> Finding:
    """The share of runs in which something happened, with its interval.

    Args:
        case: of the stream.
        figure: what happened.
        hits: runs in which it did, 0 to `runs`.
        runs: at least 1.
        at_most: the largest share that is right, 0 to 1.
        at_least: the smallest.
    """
    interval = wilson_interval(hits, runs)
    return Finding(case, figure, hits / runs, "%", interval, at_most, at_least)


def table(stream: str, found: list[Finding]) -> str:
    """The findings of a stream in Markdown."""
    head = ("case", "figure", "found", "95 % of chance", "wanted", "passes")
    lines = [f"**{stream}**", "", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *map(_row, found)])


def _row(each: Finding) -> str:
    interval = "" if each.interval is None else " to ".join(_text(end, each.unit) for end in each.interval)
    bounds = (("at most", each.at_most), ("at least", each.at_least))
    wanted = ", ".join(f"{word} {_text(bound, each.unit)}" for word, bound in bounds if bound is not None)
    passes = {None: "", True: "yes", False: "**no**"}[each.passes]
    cells = (each.case, each.figure, _text(each.value, each.unit), interval, wanted, passes)
    return f"| {' | '.join(cells)} |"


def _text(value: float, unit: str) -> str:
    return f"{100 * value:.1f} %" if unit == "%" else f"{value:.3g} {unit}".rstrip()
