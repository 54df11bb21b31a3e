"""Small pieces of the page: escaped text, numbers in words, tables."""

import html
import math
from collections.abc import Iterable, Sequence

from groupnl.report.figures import CountedShare


def text(words: object) -> str:
    """Anything, as text of the page."""
    return html.escape(str(words))


def percent(value: float) -> str:
    """A share, 0 to 1."""
    return "-" if math.isnan(value) else f"{100 * value:.0f} %" if 0.01 <= value <= 0.99 else f"{100 * value:.1f} %"


def span(share: CountedShare) -> str:
    """A share's 95 % interval."""
    low, high = share.interval
    return f"{100 * low:.0f} to {100 * high:.0f} %"


def number(count: float) -> str:
    """A count; increases that a Prometheus estimates are no whole numbers."""
    return f"{count:,.0f}"


def duration(seconds: float) -> str:
    """Seconds, readable."""
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the first column is text, the others are numbers. Cells are markup."""
    classes = ["", *[' class="number"'] * (len(head) - 1)]
    top = "".join(f"<th{kind}>{cell}</th>" for kind, cell in zip(classes, head, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(classes, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f"<table><tr>{top}</tr>{body}</table>"


def card(title: str, content: str, how: str) -> str:
    """A titled box, and a sentence on how to read it."""
    return f'<section class="card"><h3>{text(title)}</h3><p class="how">{how}</p>{content}</section>'
