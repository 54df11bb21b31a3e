"""Errors of the probe set, the corruption error against the twin, labelled accuracy, the label-free band."""

from groupnl.metrics import LABELLED, LABELLED_CORRECT, PROBE_CORRECT, PROBE_IMAGES, PROBE_SET_IMAGES
from groupnl.monitoring.promql import IS_CLEAN, IS_CORRUPTED, counted, ratio, wilson
from groupnl.monitoring.recording import CELL, CORRUPTION, MODEL, SPANS, TWIN, TWIN_CORRUPTION, named
from groupnl.monitoring.rules import Recording


def truth_rules() -> list[Recording]:
    """All of them; what is of live images alone is not here."""
    return [
        *_probe(),
        *_corruption_error(),
        *[rule for span in SPANS for rule in _labelled(span)],
        *_clean_accuracy(),
        *_band(),
    ]


def _probe() -> list[Recording]:
    cell, by_type = named(CELL, "probe_error"), named(CORRUPTION, "probe_error")
    images = named(CELL, "probe_images")
    return [
        Recording(images, counted(PROBE_IMAGES, CELL)),
        Recording(cell, f"1 - {ratio(counted(PROBE_CORRECT, CELL), images)}"),
        Recording(by_type, f"avg by ({CORRUPTION}) ({cell})"),
        Recording(named(MODEL, "probe_error"), f"avg by ({MODEL}) ({by_type}{{{IS_CORRUPTED}}})"),
    ]


def _corruption_error() -> list[Recording]:
    """Only cells that both have seen are summed; a model's reference is the one it was compared with most."""
    cell = f"{named(CELL, 'probe_error')}{{{IS_CORRUPTED}}}"
    twin_of = f"(topk by (model) (1, {named(TWIN, 'compared_pairs')}) * 0 + 1)"
    by_reference = (
        f'sum by (reference, corruption, severity) (label_replace({cell}, "reference", "$1", "model", "(.*)"))'
    )
    own, base = (
        named(f"{TWIN_CORRUPTION}, severity", "probe_error"),
        named(f"{TWIN_CORRUPTION}, severity", "probe_error_of_reference"),
    )
    by_type = named(TWIN_CORRUPTION, "corruption_error")
    return [
        Recording(own, f"  {cell}\n* on (model) group_left (reference)\n  {twin_of}"),
        Recording(base, f"  {own} * 0\n+ on (reference, corruption, severity) group_left\n  {by_reference}"),
        Recording(
            by_type, f"  sum by ({TWIN_CORRUPTION}) ({own} and {base})\n/\n  (sum by ({TWIN_CORRUPTION}) ({base}) > 0)"
        ),
        Recording(named(TWIN, "mce"), f"avg by ({TWIN}) ({by_type})"),
    ]


def _labelled(span: str) -> list[Recording]:
    answers = named(CORRUPTION, "labelled", span)
    return [
        Recording(answers, counted(LABELLED, CORRUPTION, span)),
        Recording(
            named(CORRUPTION, "labelled_accuracy", span), ratio(counted(LABELLED_CORRECT, CORRUPTION, span), answers)
        ),
    ]


def _clean_accuracy() -> list[Recording]:
    """Of the probe set without corruption, with its interval; an image that was answered again is no new one."""
    answers = f"sum by (model) ({named(CELL, 'probe_images')}{{{IS_CLEAN}}})"
    in_set = f"max by (model) ({PROBE_SET_IMAGES.name})"
    images, accuracy = named(MODEL, "clean_probe_images"), named(MODEL, "clean_accuracy")
    return [
        Recording(images, f"  ({answers} < {in_set})\nor\n  ({in_set} and {answers})"),
        Recording(accuracy, f"1 - max by (model) ({named(CORRUPTION, 'probe_error')}{{{IS_CLEAN}}})"),
        Recording(named(MODEL, "clean_accuracy_lower"), wilson(accuracy, images, -1)),
        Recording(named(MODEL, "clean_accuracy_upper"), wilson(accuracy, images, 1)),
    ]


def _band() -> list[Recording]:
    """As `groupnl.robustness.statistics.accuracy_band`: the clean accuracy's interval, widened by the most flips."""
    most_flips = f"(1 - {named(CORRUPTION, 'agreement_lower')})"
    lower, upper = (f"on (model) group_left {named(MODEL, f'clean_accuracy_{side}')}" for side in ("lower", "upper"))
    return [
        Recording(named(CORRUPTION, "accuracy_band_lower"), f"clamp_min(-{most_flips} + {lower}, 0)"),
        Recording(named(CORRUPTION, "accuracy_band_upper"), f"clamp_max({most_flips} + {upper}, 1)"),
    ]
