"""What the shadow path counts: its part of the worker's metrics."""

from groupnl.corruptions import CELLS, NAMES, Cell
from groupnl.metrics import (
    CLEAN,
    LABELLED,
    LABELLED_CORRECT,
    PAIRED_OUTCOMES_TOTAL,
    PROBE_CORRECT,
    PROBE_IMAGES,
    SHADOW_CONFIDENCE_DROP,
    SHADOW_DROPPED,
    SHADOW_FLIPS,
    SHADOW_GROUP_KEPT,
    SHADOW_JS_BITS,
    SHADOW_LAG_SECONDS,
    SHADOW_NOT_FINITE,
    SHADOW_PAIR_SECONDS,
    SHADOW_PAIRS,
    SHADOW_PROCESS_DEATHS,
    SHADOW_QUEUE_LENGTH,
    SHADOW_REPEATED,
    SHADOW_SAMPLED,
    SHADOW_THINNED,
    SHADOW_TOP5_KEPT,
    Family,
    Metrics,
)
from groupnl.robustness.compare import NO_CLASS, paired_outcome
from groupnl.service.shadow.batch import Result

_BY_CELL = (SHADOW_PAIRS, SHADOW_FLIPS, SHADOW_GROUP_KEPT, SHADOW_TOP5_KEPT)
_WITH_TRUTH = (LABELLED, LABELLED_CORRECT, PROBE_IMAGES, PROBE_CORRECT)


class ShadowCounts:
    """Counts shadow requests and probe images.

    Args:
        metrics: of the worker.
        reference: the twin's name; None without one.
        cells: the configured cells; they start at 0.
    """

    def __init__(self, metrics: Metrics, reference: str | None, cells: tuple[Cell, ...] = CELLS) -> None:
        self._metrics = metrics
        self._reference = reference
        self._start_at_zero(cells)

    def sampled(self) -> None:
        """An image was chosen."""
        self._metrics.inc(SHADOW_SAMPLED)

    def thinned(self) -> None:
        """An image among the share was not chosen, because there is no time for all of it."""
        self._metrics.inc(SHADOW_THINNED)

    def repeated(self, kind: str) -> None:
        """An image was not chosen because it was seen lately; one of `groupnl.metrics.REPEAT_KINDS`."""
        self._metrics.inc(SHADOW_REPEATED, kind=kind)

    def dropped(self, reason: str, count: int = 1) -> None:
        """Chosen images will not be answered again; one of `groupnl.metrics.DROP_REASONS`."""
        self._metrics.inc(SHADOW_DROPPED, count, reason=reason)

    def waiting(self, count: int) -> None:
        """So many chosen images wait."""
        self._metrics.set(SHADOW_QUEUE_LENGTH, count)

    def took(self, images: int, seconds: float) -> None:
        """So many images were answered again in this time, with the rest that followed."""
        for _ in range(images):
            self._metrics.observe(SHADOW_PAIR_SECONDS, seconds / images)

    def process_died(self, reason: str) -> None:
        """The shadow process has ended without being asked; one of `groupnl.metrics.DEATH_REASONS`."""
        self._metrics.inc(SHADOW_PROCESS_DEATHS, reason=reason)

    def pair(self, cell: Cell, result: Result, label: int | None, lag_s: float) -> None:
        """An image was answered again; `result` has a change."""
        assert result.change is not None  # noqa: S101 (for mypy)
        labels = cell_labels(cell)
        self._metrics.inc(SHADOW_PAIRS, **labels)
        self._metrics.inc(SHADOW_FLIPS, result.change.flipped, **labels)
        self._metrics.inc(SHADOW_TOP5_KEPT, result.change.top5_kept, **labels)
        self._metrics.inc(SHADOW_GROUP_KEPT, result.change.group_kept, **labels)
        self._metrics.inc(SHADOW_NOT_FINITE, result.best == NO_CLASS, corruption=cell.corruption)
        self._metrics.observe(SHADOW_CONFIDENCE_DROP, result.change.confidence_drop, corruption=cell.corruption)
        self._metrics.observe(SHADOW_JS_BITS, result.change.js_bits, corruption=cell.corruption)
        self._metrics.observe(SHADOW_LAG_SECONDS, lag_s)
        if self._reference is not None and result.twin_holds is not None:
            outcome = paired_outcome(not result.change.flipped, result.twin_holds)
            self._metrics.inc(
                PAIRED_OUTCOMES_TOTAL, reference=self._reference, corruption=cell.corruption, outcome=outcome
            )
        if label is not None:
            self._truth(LABELLED, LABELLED_CORRECT, cell, correct=result.best == label)

    def clean_label(self, *, correct: bool) -> None:
        """A live image whose class the client told was answered."""
        self._truth(LABELLED, LABELLED_CORRECT, None, correct=correct)

    def probe(self, cell: Cell | None, *, correct: bool) -> None:
        """A probe image was answered, under a cell or clean."""
        self._truth(PROBE_IMAGES, PROBE_CORRECT, cell, correct=correct)

    def _truth(self, answered: Family, right: Family, cell: Cell | None, *, correct: bool) -> None:
        labels = cell_labels(cell)
        self._metrics.inc(answered, **labels)
        self._metrics.inc(right, correct, **labels)

    def _start_at_zero(self, cells: tuple[Cell, ...]) -> None:
        metrics = self._metrics
        for family in (
            SHADOW_SAMPLED,
            SHADOW_THINNED,
            SHADOW_REPEATED,
            SHADOW_PAIR_SECONDS,
            SHADOW_LAG_SECONDS,
            SHADOW_QUEUE_LENGTH,
            SHADOW_DROPPED,
            SHADOW_PROCESS_DEATHS,
        ):
            metrics.start_at_zero(family)
        severities = sorted({str(cell.severity) for cell in cells})
        corruptions = [name for name in NAMES if any(cell.corruption == name for cell in cells)]
        for family in (*_BY_CELL, *_WITH_TRUTH):
            metrics.start_at_zero(family, corruption=corruptions, severity=severities)
        for family in _WITH_TRUTH:
            metrics.start_at_zero(family, **{label: [value] for label, value in CLEAN.items()})
        for family in (SHADOW_NOT_FINITE, SHADOW_CONFIDENCE_DROP, SHADOW_JS_BITS):
            metrics.start_at_zero(family, corruption=corruptions)
        if self._reference is not None:
            metrics.start_at_zero(PAIRED_OUTCOMES_TOTAL, reference=[self._reference], corruption=corruptions)


def cell_labels(cell: Cell | None) -> dict[str, str]:
    """The labels of a cell; None: clean."""
    return CLEAN if cell is None else {"corruption": cell.corruption, "severity": str(cell.severity)}
