"""The tables of the page: what the pictures show, in figures, and what was served."""

from collections.abc import Sequence

from groupnl.corruptions.names import NAMES
from groupnl.report.figures import ModelFigures, Truth, Twin, band_of
from groupnl.report.markup import duration, name, number, percent, span, table, text
from groupnl.robustness.statistics import Comparison, Interval


def summary_table(models: Sequence[ModelFigures]) -> str:
    """All models, one below the other.

    Args:
        models: in the page's order; the place of each is its section's address.
    """
    head = ("model", "answers stayed", "95 % interval", "pairs", "holds better", "requests", "99 % of batches within")
    rows = [
        (
            f'<a href="#model-{place}">{name(figures.name)}</a>',
            percent(figures.agreement.value),
            span(figures.agreement),
            number(figures.agreement.total),
            _holds_better(figures, models),
            number(sum(figures.requests.values())),
            duration(figures.latency_s[2]) if figures.latency_s else "-",
        )
        for place, figures in enumerate(models)
    ]
    return table("All models: live answers that stayed under corruption", head, rows)


def builds_table(models: Sequence[ModelFigures]) -> str:
    """What answered for each model."""
    head = ("model", "network", "engine", "precision", "torch", "version", "SHA-256 of the archive")
    rows = [
        (
            name(figures.name),
            name(build.architecture),
            name(build.engine),
            name(build.precision),
            name(build.torch) if build.torch else "not known",
            name(build.version),
            f"{name(build.archive_sha256[:16])}…" if build.archive_sha256 else "not known",
        )
        for figures in models
        for build in figures.builds
    ]
    return table("What is served", head, rows, numbers=False) if rows else ""


def twin_table(model: str, twin: Twin) -> str:
    """The model against its reference, under each corruption and under all."""
    head = (
        "corruption",
        "pairs",
        f"only {name(model)} held",
        f"only {name(twin.reference)} held",
        "lead",
        "decides",
        "holds better",
    )
    found = [(corruption, twin.pairs[corruption], twin.by_corruption[corruption]) for corruption in NAMES]
    rows = [(name(corruption), *_twin_row(model, twin, pairs, test)) for corruption, pairs, test in found if pairs]
    rows.append(("all", *_twin_row(model, twin, sum(twin.pairs.values()), twin.overall)))
    return table(f"Images of which only one of {model} and {twin.reference} kept its answer", head, rows)


def truth_table(figures: ModelFigures, truth: Truth) -> str:
    """Accuracy under each corruption, beside the band in which it must lie."""
    head = ("corruption", "accuracy", "95 % interval", "answers", "band by live pairs", "pairs")
    rows = []
    for corruption in NAMES:
        found, pairs = truth.corrupted[corruption], figures.by_corruption[corruption]
        rows.append(
            (
                name(corruption),
                percent(found.value),
                span(found) if found.total else "-",
                number(found.total),
                _band(band_of(truth, pairs)),
                number(pairs.total),
            )
        )
    return table("Accuracy on images of known class, all severities together", head, rows)


def shadow_table(figures: ModelFigures) -> str:
    """What became of the images that were chosen for a second answer."""
    waiting = figures.sampled - figures.agreement.total - sum(figures.dropped.values())
    rows = [
        ("chosen", number(figures.sampled)),
        ("answered again", number(figures.agreement.total)),
        *((f"dropped: {text(reason)}", number(count)) for reason, count in figures.dropped.items()),
        ("waiting", number(max(0.0, waiting))),
    ]
    if figures.lag_s:
        rows.append(("delay, median and 99 %", f"{duration(figures.lag_s[0])}, {duration(figures.lag_s[2])}"))
    return table("What became of the chosen images", ("images", "number"), rows)


def _holds_better(figures: ModelFigures, models: Sequence[ModelFigures]) -> str:
    if figures.twin is not None:
        return _decided(figures.name, figures.twin, figures.twin.overall)
    leads = [other.name for other in models if other.twin is not None and other.twin.reference == figures.name]
    return f"twin of {', '.join(map(name, leads))}" if leads else "no twin"


def _twin_row(model: str, twin: Twin, pairs: float, test: Comparison) -> tuple[str, ...]:
    return (
        number(pairs),
        number(test.model_only),
        number(test.reference_only),
        f"{test.lead:+,.0f}",
        f"±{test.needed_lead:,.0f}",
        _decided(model, twin, test),
    )


def _decided(model: str, twin: Twin, test: Comparison) -> str:
    return {"model": name(model), "reference": name(twin.reference), "undecided": "not decided"}[test.verdict]


def _band(band: Interval | None) -> str:
    return f"{percent(band.low)} to {percent(band.high)}" if band else "-"
