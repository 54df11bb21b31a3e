"""What the shadow path counts of the traffic itself: what chosen images look like, and what their files say."""

from collections.abc import Sequence

from groupnl.corruptions import CELLS, Cell
from groupnl.images.facts import FORMATS, file_facts
from groupnl.images.limits import Encoded
from groupnl.metrics import (
    CLEAN,
    SHADOW_EXPECTED_CORRECT,
    TRAFFIC_FILES,
    TRAFFIC_JPEG_QUALITY,
    TRAFFIC_LOOKS,
    TRAFFIC_RANK,
    TRAFFIC_SIDE_PIXELS,
    Metrics,
)
from groupnl.service.shadow.batch import Expected, Result
from groupnl.service.shadow.counts import cell_labels
from groupnl.service.shadow.job import Job
from groupnl.traffic.answer_ranks import AnswerRanks
from groupnl.traffic.drift import ANSWER_STATISTICS
from groupnl.traffic.onlooker import Look
from groupnl.traffic.record import TrafficRecord
from groupnl.traffic.statistics import STATISTICS

_EXIF = {True: "yes", False: "no"}


class TrafficCounts:
    """Counts the traffic; a `PairListener` of the shadow path.

    Args:
        metrics: of the worker.
        cells: that images meet.
        held_back: what the archive says of held-back images; None: only files are counted.
    """

    def __init__(self, metrics: Metrics, cells: Sequence[Cell], held_back: TrafficRecord | None) -> None:
        self._metrics = metrics
        formats = [name.lower() for name in FORMATS]
        metrics.start_at_zero(TRAFFIC_FILES, format=formats, exif=[*_EXIF.values()])
        metrics.start_at_zero(TRAFFIC_SIDE_PIXELS)
        metrics.start_at_zero(TRAFFIC_JPEG_QUALITY)
        self._answers = None if held_back is None else AnswerRanks(held_back)
        if held_back is not None:
            metrics.start_at_zero(TRAFFIC_RANK, statistic=(*STATISTICS, *ANSWER_STATISTICS))
            for family, known in ((TRAFFIC_LOOKS, CELLS), (SHADOW_EXPECTED_CORRECT, cells)):
                for cell in (None, *known):
                    metrics.start_at_zero(family, **{label: [value] for label, value in cell_labels(cell).items()})

    def pair(self, job: Job, cell: Cell, result: Result) -> None:
        """Count one image."""
        if result.look is not None:
            self._look(result.look)
        if self._answers is not None:
            self._ranks(ANSWER_STATISTICS, self._answers.ranks(job.clean))
        if result.expected is not None:
            self._expected(result.expected, cell)
        if job.file:
            self._file(job.file)

    def _look(self, look: Look) -> None:
        self._metrics.inc(TRAFFIC_LOOKS, **cell_labels(look.cell))
        self._ranks(STATISTICS, look.ranks)

    def _ranks(self, statistics: Sequence[str], ranks: Sequence[float]) -> None:
        for statistic, rank in zip(statistics, ranks, strict=True):
            self._metrics.observe(TRAFFIC_RANK, rank, statistic=statistic)

    def _expected(self, expected: Expected, cell: Cell) -> None:
        self._metrics.inc(SHADOW_EXPECTED_CORRECT, expected.clean, **CLEAN)
        self._metrics.inc(SHADOW_EXPECTED_CORRECT, expected.corrupted, **cell_labels(cell))

    def _file(self, file: Encoded) -> None:
        facts = file_facts(file)
        if facts is None:
            return
        self._metrics.inc(TRAFFIC_FILES, format=facts.format.lower(), exif=_EXIF[facts.has_exif])
        self._metrics.observe(TRAFFIC_SIDE_PIXELS, facts.side)
        if facts.jpeg_quality is not None:
            self._metrics.observe(TRAFFIC_JPEG_QUALITY, facts.jpeg_quality)
