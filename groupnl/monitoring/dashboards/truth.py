"""The panels on truth: the probe set, clients' labels, and the band that needs neither."""

from groupnl.metrics import PROBE_IMAGES, PROBE_SET_IMAGES
from groupnl.monitoring.dashboards.panels import (
    COUNT,
    FIGURES_HEIGHT,
    NUMBER,
    AnyPanel,
    Query,
    Text,
    figures,
    rows,
)
from groupnl.monitoring.dashboards.queries import CORRUPTED, WATCHED, recorded
from groupnl.monitoring.dashboards.twin import of_twin
from groupnl.monitoring.promql import IS_CORRUPTED
from groupnl.monitoring.recorded.estimate import CORRUPTED as OF_CORRUPTED
from groupnl.monitoring.recording import CELL, CORRUPTION, RECENT, TWIN, TWIN_CORRUPTION, named
from groupnl.monitoring.recording import MODEL as BY_MODEL

ESTIMATE_COLUMNS = {"": "", ", at least": "_lower", ", at most": "_upper"}


def truth_figure(width: int) -> AnyPanel:
    """Accuracy on the archive's labelled images."""
    clean, low, high = (recorded(named(BY_MODEL, f"clean_accuracy{end}")) for end in ("", "_lower", "_upper"))
    text = Text(
        "Accuracy on the probe set",
        "Labelled images that lie in the archive, answered in idle time: clean, with its 95 % interval, and corrupted "
        "in every way. True figures, but for those images, not for the live ones. Since the service's start.",
        width,
        FIGURES_HEIGHT,
        "no probe set",
    )
    return figures(
        text,
        [
            Query("clean", clean, decimals=1),
            Query("at least", low, decimals=1),
            Query("at most", high, decimals=1),
            Query("corrupted", f"1 - {recorded(named(BY_MODEL, 'probe_error'))}", decimals=1),
            Query("answers so far", f"sum({PROBE_IMAGES.name}{{{WATCHED}}})", unit=COUNT, decimals=0),
            Query("images in the set", f"max({PROBE_SET_IMAGES.name}{{{WATCHED}}})", unit=COUNT, decimals=0),
        ],
    )


def truth_table(height: int = 17) -> AnyPanel:
    """The label-free band beside the truth where there is some."""
    wrong = recorded(named(CORRUPTION, "probe_error"), CORRUPTED, "corruption")
    text = Text(
        "Each corruption, since the service's start: the band, the estimate, and the truth",
        "The band: the interval of the probe set's clean accuracy, widened by the most live answers that may change. "
        "It holds as far as live images resemble the probe set. The probe set's own corrupted accuracy is the truth "
        "for its images: it should lie in the band unless live images are of another kind. The estimate, of the "
        f"last {RECENT}: the mean calibrated probability that the answer to the corrupted image is right; withdrawn "
        "where the traffic is broken. Late: by labels that came after the answers.",
        24,
        height,
    )
    columns = [
        Query("band from", recorded(named(CORRUPTION, "accuracy_band_lower"), by="corruption"), decimals=1),
        Query("band to", recorded(named(CORRUPTION, "accuracy_band_upper"), by="corruption"), decimals=1),
        *[Query(f"estimate{words}", _estimate(end), decimals=1) for words, end in ESTIMATE_COLUMNS.items()],
        Query("probe accuracy", f"1 - {wrong}", decimals=1),
        Query("probe answers", f"sum by (corruption) ({recorded(named(CELL, 'probe_images'), CORRUPTED)})", COUNT),
        Query(
            "labelled accuracy", recorded(named(CORRUPTION, "labelled_accuracy"), CORRUPTED, "corruption"), decimals=1
        ),
        Query("labelled answers", recorded(named(CORRUPTION, "labelled"), CORRUPTED, "corruption"), COUNT),
        Query("late accuracy", recorded(named(CORRUPTION, "late_accuracy"), CORRUPTED, "corruption"), decimals=1),
        Query("late labels", recorded(named(CORRUPTION, "late_labelled"), CORRUPTED, "corruption"), COUNT),
    ]
    return rows(text, ["corruption"], columns)


def _estimate(end: str) -> str:
    return recorded(named(CORRUPTION, f"{OF_CORRUPTED}_estimate{end}", RECENT), by="corruption")


def corruption_error_figure(width: int) -> AnyPanel:
    """The mean corruption error against the twin, with truth."""
    text = Text(
        "Errors on the probe set, relative to the twin's",
        "The mean corruption error (mCE): errors of $watched over those of its twin, summed over severities, "
        "mean over corruptions. Below 1, $watched is right more often. True, but for the probe set's images, and "
        "without an interval: of few images it errs by some hundredths.",
        width,
        FIGURES_HEIGHT,
        "no probe set",
    )
    error = named(BY_MODEL, "probe_error")
    return figures(
        text,
        [
            Query("mCE", recorded(named(TWIN, "mce")), unit=NUMBER, decimals=2),
            Query("error of $watched", recorded(error), decimals=1),
            Query("error of {{model}}", of_twin(error), decimals=1),
        ],
    )


def corruption_error_table(height: int = 17) -> AnyPanel:
    """The corruption error of each type, with both errors."""
    text = Text(
        "Errors on the probe set",
        "Corruption error: errors of $watched over those of its twin, summed over the severities that both have seen.",
        24,
        height,
    )
    wrong = named(CORRUPTION, "probe_error")
    relative = recorded(named(TWIN_CORRUPTION, "corruption_error"), by="corruption")
    answers = f"sum by (corruption) ({recorded(named(CELL, 'probe_images'), CORRUPTED)})"
    columns = [
        Query("corruption error", relative, unit=NUMBER, decimals=2),
        Query("error of the model", recorded(wrong, CORRUPTED, "corruption"), decimals=1),
        Query("error of the twin", f"max by (corruption) ({of_twin(f'{wrong}{{{IS_CORRUPTED}}}')})", decimals=1),
        Query("answers of the model", answers, unit=COUNT, decimals=0),
    ]
    return rows(text, ["corruption"], columns)
