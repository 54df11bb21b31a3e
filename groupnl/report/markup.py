"""Small pieces of the page: escaped text, numbers in words, tables."""

import html
import math
from collections.abc import Iterable, Sequence

from groupnl.report.shares import CountedShare
from groupnl.robustness.statistics import Interval
from groupnl.traffic.estimated import Estimated

_SPACE = "\N{NO-BREAK SPACE}"  # that parts no figure from its unit
PERCENT = f"{_SPACE}%"


def text(words: object) -> str:
    """Anything, as text of the page."""
    return html.escape(str(words))


def name(words: str) -> str:
    """A name with underscores, that may be broken after them where room is short."""
    return text(words).replace("_", "_<wbr>")


def percent(value: float) -> str:
    """A share, 0 to 1."""
    return (
        "-"
        if math.isnan(value)
        else f"{100 * value:.0f}{PERCENT}"
        if 0.01 <= value <= 0.99
        else f"{100 * value:.1f}{PERCENT}"
    )


def span(share: CountedShare) -> str:
    """A share's 95 % interval."""
    low, high = share.interval
    return f"{100 * low:.0f} to {100 * high:.0f}{PERCENT}"


def difference(value: float, interval: Interval) -> str:
    """A difference of two shares, with its interval."""
    low, high = interval
    return f"{100 * value:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})"


def estimated(figure: Estimated) -> str:
    """A share that was estimated, with its 95 % interval."""
    return f"{percent(figure.value)} ({100 * figure.low:.0f} to {100 * figure.high:.0f}{PERCENT})"


def points(share: float) -> str:
    """A difference of two shares."""
    value = f"{100 * share:.0f}"
    return f"{value} point" if value in ("1", "-1") else f"{value} points"


def number(count: float) -> str:
    """A count; increases that a Prometheus estimates are no whole numbers."""
    return f"{count:,.0f}"


def counted(count: float, one: str) -> str:
    """A count of something, in the singular or the plural.

    Args:
        count: how many.
        one: a word or more, whose plural ends in an s more.
    """
    return f"{number(count)} {one if is_one(count) else one + 's'}"


def is_one(count: float) -> bool:
    """Whether a count is written as 1."""
    return number(count) == "1"


def duration(seconds: float) -> str:
    """Seconds, readable."""
    if seconds < 1:
        return f"{1000 * seconds:.0f}{_SPACE}ms"
    for unit, length, most in (("s", 1, 120), ("min", 60, 7200), ("h", 3600, 2 * 86400)):
        if seconds < most:
            return f"{seconds / length:.1f}{_SPACE}{unit}"
    return f"{seconds / 86400:.1f}{_SPACE}days"


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], numbers: bool = True) -> str:
    """A table whose first column names the rows. Cells are markup.

    Args:
        caption: what it shows.
        head: names of the columns.
        rows: as many cells each.
        numbers: the columns after the first are numbers; else text.
    """
    kind = ' class="number"' if numbers else ""
    first, *others = head
    top = f'<th scope="col">{first}</th>' + "".join(f'<th scope="col"{kind}>{cell}</th>' for cell in others)
    body = "".join(
        f'<tr><th scope="row">{first}</th>' + "".join(f"<td{kind}>{cell}</td>" for cell in others) + "</tr>"
        for first, *others in rows
    )
    return whole_table(caption, f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody>")


def whole_table(caption: str, content: str, kind: str = "plain") -> str:
    """A table around its head and bodies, with its caption in sight."""
    label = f"<caption><span>{text(caption)}</span></caption>"
    return scroll(caption, f'<table class="{kind}">{label}{content}</table>')


def scroll(label: str, content: str) -> str:
    """What may be wider than the window, in a box that is scrolled by itself, also by keyboard."""
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{text(label)}">{content}</div>'


def card(title: str, content: str, how: str) -> str:
    """A titled box, and a sentence on how to read it."""
    return f'<section class="card"><h3>{text(title)}</h3><p class="how">{how}</p>{content}</section>'
