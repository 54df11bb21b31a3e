"""Notes of what was answered, for labels that come later."""

import logging
import time
from collections.abc import Sequence
from pathlib import Path

from groupnl.archive.manifest import unpacked_manifest
from groupnl.archive.read import archive_digest
from groupnl.archive.shadow_config import ShadowConfig
from groupnl.corruptions import Cell
from groupnl.metrics import (
    CLEAN,
    LABEL_DELAY_SECONDS,
    LATE_CANDIDATE_RIGHT,
    LATE_LABELLED,
    LATE_LABELLED_CORRECT,
    LATE_LABELS,
    Metrics,
)
from groupnl.robustness.recent_answers import NO_CLASS, RecentAnswers, answers_file
from groupnl.service.shadow.batch import Result
from groupnl.service.shadow.job import Job

logger = logging.getLogger(__name__)


class Notes:
    """Remembers live answers, and what came of those that were answered again.

    Args:
        answers: where they are remembered.
        classes: of the model, in the order of its logits.
    """

    def __init__(self, answers: RecentAnswers, classes: Sequence[str]) -> None:
        self._answers = answers
        self._places = {name: place for place, name in enumerate(classes)}

    def answered(self, key: str, best: int) -> None:
        """A client got an answer; see `AnswerListener`."""
        self._answers.answer(key, best, time.time())

    def pair(self, job: Job, cell: Cell, result: Result) -> None:
        """An image was answered again; see `PairListener`."""
        self._answers.answer_corrupted(job.key, cell.corruption, cell.severity, result.best)
        if result.candidate is not None and job.label is None:  # else it is counted already
            self._answers.answer_of_candidate(job.key, self._places.get(result.candidate.best, NO_CLASS))


def open_notes(model_dir: Path, name: str, config: ShadowConfig, metrics: Metrics, folder: Path | None) -> list[Notes]:
    """The notes of a model, with which its workers begin what is counted of labels at 0; none where nobody wants them.

    Args:
        model_dir: its unpacked archive.
        name: of the model.
        config: how much is remembered, and which cells there are.
        metrics: of the worker.
        folder: where they lie, made if missing; None: nobody takes labels.
    """
    if folder is None or config.answers_remembered == 0:
        return []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = answers_file(folder, name, archive_digest(model_dir), config.answers_remembered)
        candidate = "" if config.candidate_dir is None else archive_digest(config.candidate_dir)
        answers = RecentAnswers(config.answers_remembered, file, candidate)
    except OSError as error:  # the disk is full: nobody is refused an answer for that
        logger.warning("labels that come later will find no answers of %s: %s", name, error)
        return []
    _start_at_zero(metrics, config)
    return [Notes(answers, unpacked_manifest(model_dir).card.classes)]


def _start_at_zero(metrics: Metrics, config: ShadowConfig) -> None:
    severities = [str(severity) for severity in config.severities]
    for family in (LATE_LABELLED, LATE_LABELLED_CORRECT):
        metrics.start_at_zero(family, **{label: [value] for label, value in CLEAN.items()})
        metrics.start_at_zero(family, corruption=config.corruptions, severity=severities)
    if config.candidate is not None:
        metrics.start_at_zero(LATE_CANDIDATE_RIGHT, candidate=[config.candidate])
    for family in (LATE_LABELS, LABEL_DELAY_SECONDS):
        metrics.start_at_zero(family)
