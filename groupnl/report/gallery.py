"""Pictures of flips, where the operator keeps some: as sent and corrupted, with both answers, inside the page."""

import base64
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from groupnl.report.markup import card, name, number, percent, text
from groupnl.robustness.examples import Example, Said

SHOWN = 24  # flips of a model, at most
MOST_BYTES = 6 * 1024 * 1024  # of their pictures, at most

_HOW = (
    "Live images whose answer changed under a corruption, as the network got them, the newest first. They are what "
    "clients sent: whoever gets this page gets them, too."
)


def gallery_card(examples: Sequence[Example]) -> str:
    """The newest flips of one model; empty where there are none.

    Args:
        examples: of the model, newest first.
    """
    shown = _that_fit(examples)
    if not shown:
        return ""
    rest = f" Shown are {number(len(shown))} of {number(len(examples))}." if len(shown) < len(examples) else ""
    return card(
        "Answers that changed", f'<div class="gallery">{"".join(_flip(each) for each in shown)}</div>', _HOW + rest
    )


def of_model(examples: Iterable[Example], model: str) -> list[Example]:
    """The examples of one model, in their order."""
    return [example for example in examples if example.record.model == model]


def _that_fit(examples: Sequence[Example]) -> list[Example]:
    fitting, room = [], MOST_BYTES
    for example in examples[:SHOWN]:
        room -= len(example.original) + len(example.corrupted)
        if room < 0:
            break
        fitting.append(example)
    return fitting


def _flip(example: Example) -> str:
    record = example.record
    cell = f"{record.corruption}, severity {record.severity}"
    answered = datetime.fromtimestamp(record.answered, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return (
        '<figure class="flip">'
        f"{_picture(example.original, 'The image', 'as sent', record.original)}"
        f"{_picture(example.corrupted, f'The image under {cell}', cell, record.corrupted)}"
        f'<figcaption class="soft">{answered}</figcaption></figure>'
    )


def _picture(png: bytes, alt: str, what: str, said: Said) -> str:
    answer = f"<b>{name(said.best)}</b> {percent(said.confidence)}" if said.best is not None else "<b>no answer</b>"
    return (
        f'<div><img alt="{text(alt)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'
        f"<span>{answer}</span><small>{name(what)}</small></div>"
    )
