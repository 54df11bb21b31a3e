"""The tables of the page: what the pictures show, in figures, and what was served."""

from collections.abc import Sequence

from groupnl.corruptions.names import NAMES
from groupnl.metrics import SAME, SIMILAR
from groupnl.report.estimate import Estimate
from groupnl.report.figures import ModelFigures
from groupnl.report.markup import difference, duration, estimated, name, number, percent, span, table, text
from groupnl.report.traffic_words import traffic_in_short
from groupnl.report.truth import Truth, band_of
from groupnl.report.twin import Side, Twin
from groupnl.robustness.power import DISCORDANCE, NEEDED
from groupnl.robustness.statistics import Interval

_REPEATED = {SAME: "seen lately", SIMILAR: "like one seen lately"}
SHARE = 0.1  # of the requests, that a service answers a second time unless it is told otherwise


def summary_table(models: Sequence[ModelFigures]) -> str:
    """All models, one below the other.

    Args:
        models: in the page's order; the place of each is its section's address.
    """
    in_window = any(figures.twin is not None and figures.twin.overall.in_window for figures in models)
    twins = "difference to its twin, one look" if in_window else "holds better"
    know_traffic = any(figures.traffic is not None for figures in models)
    first = ("traffic", "right, estimated") if know_traffic else ()
    head = ("model", *first, "answers stayed", "95 % interval", "pairs", twins, "requests", "99 % of batches within")
    rows = [
        (
            f'<a href="#model-{place}">{name(figures.name)}</a>',
            *((_traffic(figures), _estimate(figures)) if know_traffic else ()),
            percent(figures.agreement.value),
            span(figures.agreement),
            number(figures.agreement.total),
            _holds_better(figures, models),
            number(sum(figures.requests.values())),
            duration(figures.latency_s[2]) if figures.latency_s else "-",
        )
        for place, figures in enumerate(models)
    ]
    told = "traffic, estimated accuracy and answers" if know_traffic else "live answers"
    return table(f"All models: {told} that stayed under corruption", head, rows)


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
    told = ("difference, at one look",) if twin.overall.in_window else ("lead", "decides", "holds better")
    head = ("corruption", "pairs", f"only {name(model)} held", f"only {name(twin.reference)} held", *told)
    sides = [(corruption, side) for corruption, side in twin.by_corruption.items() if side.pairs]
    rows = [(name(corruption), *_twin_row(model, twin, side)) for corruption, side in [*sides, ("all", twin.overall)]]
    return table(f"Images of which only one of {model} and {twin.reference} kept its answer", head, rows)


def power_table() -> str:
    """What the always-valid test needs."""
    head = (
        "difference in agreement",
        "pairs, one in two decided",
        "nine in ten decided",
        "requests, one in two decided",
    )
    rows = [
        (
            f"{100 * needed.difference:g} {'point' if needed.difference == 0.01 else 'points'}",
            number(needed.pairs),
            number(needed.pairs_surely),
            number(needed.requests(SHARE)),
        )
        for needed in NEEDED
    ]
    return table(
        f"What decides: pairs where {percent(DISCORDANCE)} of them tell two models apart, and requests of which "
        f"{percent(SHARE)} are answered again",
        head,
        rows,
    )


def truth_table(figures: ModelFigures, truth: Truth) -> str:
    """Accuracy under each corruption, beside the band of images that resemble the probe set."""
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


def estimate_table(figures: ModelFigures, estimate: Estimate) -> str:
    """Accuracy as it is estimated, beside the probe set's and the band where there is one."""
    truth = figures.probe
    of_probe = ("on the probe set", "band by live pairs") if truth is not None else ()
    rows = []
    for corruption, found in (("none", estimate.clean), *estimate.by_corruption.items(), ("all", estimate.overall)):
        beside: tuple[str, ...] = ()
        if truth is not None:
            share = truth.clean if corruption == "none" else truth.corrupted.get(corruption)
            pairs = figures.by_corruption.get(corruption)
            beside = (
                f"{percent(share.value)} ({span(share)})" if share is not None and share.total else "-",
                _band(band_of(truth, pairs)) if pairs is not None else "-",
            )
        rows.append((name(corruption), estimated(found), *beside))
    head = ("corruption", "estimated without labels (95 % interval)", *of_probe)
    return table("Accuracy on live images, all severities together", head, rows)


def shadow_table(figures: ModelFigures) -> str:
    """What became of the images that were chosen for a second answer."""
    waiting = figures.sampled - figures.agreement.total - sum(figures.dropped.values())
    rows = [
        *([("passed over: no time for all of the share", number(figures.thinned))] if figures.thinned else []),
        *(
            (f"passed over: {text(_REPEATED.get(kind, kind))}", number(count))
            for kind, count in figures.repeated.items()
            if count
        ),
        ("chosen", number(figures.sampled)),
        ("answered again", number(figures.agreement.total)),
        *((f"dropped: {text(reason)}", number(count)) for reason, count in figures.dropped.items()),
        ("waiting", number(max(0.0, waiting))),
    ]
    if figures.lag_s:
        rows.append(("delay, median and 99 %", f"{duration(figures.lag_s[0])}, {duration(figures.lag_s[2])}"))
    return table("What became of the chosen images", ("images", "number"), rows)


def _traffic(figures: ModelFigures) -> str:
    return traffic_in_short(figures.traffic) if figures.traffic is not None else "not known"


def _estimate(figures: ModelFigures) -> str:
    if figures.estimate is None:
        return "-"
    return "withdrawn" if figures.estimate.withdrawn else estimated(figures.estimate.clean)


def _holds_better(figures: ModelFigures, models: Sequence[ModelFigures]) -> str:
    if figures.twin is not None:
        return _told(figures.name, figures.twin, figures.twin.overall)
    leads = [other.name for other in models if other.twin is not None and other.twin.reference == figures.name]
    return f"twin of {', '.join(map(name, leads))}" if leads else "no twin"


def _twin_row(model: str, twin: Twin, side: Side) -> tuple[str, ...]:
    test = side.test
    decides = () if side.in_window else (f"{test.lead:+,.0f}", f"±{test.needed_lead:,.0f}")
    return (
        number(side.pairs),
        number(test.model_only),
        number(test.reference_only),
        *decides,
        _told(model, twin, side),
    )


def _told(model: str, twin: Twin, side: Side) -> str:
    """Who holds better; in a window by how much the two differ."""
    if side.in_window:
        return difference(side.difference, side.interval) if side.pairs else "-"
    return {"model": name(model), "reference": name(twin.reference), "undecided": "not decided"}[side.verdict]


def _band(band: Interval | None) -> str:
    return f"{percent(band.low)} to {percent(band.high)}" if band else "-"
