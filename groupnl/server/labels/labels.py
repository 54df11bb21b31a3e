"""Joins labels to the answers that they are of, each once, and counts how often those were right."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

from groupnl.archive.manifest import unpacked_manifest
from groupnl.archive.read import CONFIG_FILE, archive_digest
from groupnl.base.yaml_file import read_mapping
from groupnl.errors import RefusedError
from groupnl.metrics import (
    BOTH_RIGHT,
    BOTH_WRONG,
    CLEAN,
    JOINED,
    LABEL_DELAY_SECONDS,
    LATE_CANDIDATE_RIGHT,
    LATE_LABELLED,
    LATE_LABELLED_CORRECT,
    LATE_LABELS,
    NOT_TAKEN,
    ONLY_CANDIDATE_RIGHT,
    ONLY_MODEL_RIGHT,
    UNKNOWN,
)
from groupnl.robustness.recent_answers import ANSWERS_REMEMBERED, Answered, RecentAnswers, answers_file
from groupnl.server.labels.body import LateLabel, as_label
from groupnl.server.labels.late_counts import LateCounts
from groupnl.server.observed.counts import NO_MODEL
from groupnl.server.observed.worker_files import WorkerFiles

_LONGEST = 80  # signs of what a client has written


class Taken(NamedTuple):
    """What became of the labels of a request.

    Attributes:
        joined: how many were counted.
        unknown: how many are of no answer that is remembered.
        refused: the others, each with its place among the labels and the reason.
    """

    joined: int
    unknown: int
    refused: list[dict[str, Any]]


class Standing(IntEnum):
    """What would become of a label, the most telling first: of several that look, one knows what the others do not."""

    LABELLED = 0
    KNOWN = 1
    UNKNOWN = 2
    REFUSED = 3


class _Served(NamedTuple):
    """What must be known of a model.

    Attributes:
        folder: where it is unpacked.
        classes: name -> position.
        answers: that are remembered; None: none are.
        candidate: name of its candidate; None: it has none.
    """

    folder: Path
    classes: Mapping[str, int]
    answers: RecentAnswers | None
    candidate: str | None


class _Found(NamedTuple):
    """What a label is of.

    Attributes:
        answers: of its model.
        candidate: of its model; None: it has none.
        true: position of the class.
        key: of the request, as the workers have it.
        answered: the answer; None: none is remembered.
    """

    answers: RecentAnswers
    candidate: str | None
    true: int
    key: str
    answered: Answered | None


class Labels:
    """Takes labels, from several threads.

    Args:
        folder_of: where a model is unpacked that answers now, by its name; raises NotFoundError.
        memory: folder of what workers remember of their answers.
        workers: what they have counted.
    """

    def __init__(self, folder_of: Callable[[str], Path], memory: Path, workers: WorkerFiles) -> None:
        self._folder_of = folder_of
        self._memory = memory
        self._workers = workers
        self._one_at_a_time = threading.Lock()
        self._known: dict[str, _Served] = {}

    def take(self, contents: Sequence[Any]) -> Taken:
        """Join labels.

        Args:
            contents: the labels, as they were sent.

        Raises:
            OSError: what is remembered cannot be read, or what is counted cannot be written.
        """
        counts, unknown, refused = LateCounts(), 0, []
        now = time.time()
        with self._one_at_a_time:
            try:
                for place, content in enumerate(contents):
                    try:
                        if not self._join(as_label(content), counts, now):
                            unknown += 1
                    except RefusedError as error:
                        counts.inc(LATE_LABELS, model=self._named(content), outcome=NOT_TAKEN)
                        refused.append({"position": place, "reason": str(error)})
            finally:  # what was joined before a fault is joined for good
                self._workers.add(counts.sums())
        return Taken(len(contents) - unknown - len(refused), unknown, refused)

    def look(self, contents: Sequence[Any]) -> list[Standing]:
        """What would become of labels here, of each; nothing is counted, and none is joined.

        Args:
            contents: the labels, as they were sent.

        Raises:
            OSError: what is remembered cannot be read.
        """
        with self._one_at_a_time:
            return [self._standing(content) for content in contents]

    def _standing(self, content: Any) -> Standing:
        try:
            answered = self._looked_up(as_label(content)).answered
        except RefusedError:
            return Standing.REFUSED
        if answered is None:
            return Standing.UNKNOWN
        return Standing.LABELLED if answered.is_labelled else Standing.KNOWN

    def _join(self, label: LateLabel, counts: LateCounts, now: float) -> bool:
        """Join one label; whether its answer is known."""
        answers, candidate, true, key, answered = self._looked_up(label)
        if answered is None:
            counts.inc(LATE_LABELS, model=label.model, outcome=UNKNOWN)
            return False
        if answered.is_labelled:
            raise RefusedError("The label of this key has come before.")
        answers.label(key)
        _count(counts, label.model, candidate, answered, true)
        counts.observe(LABEL_DELAY_SECONDS, max(now - answered.answered, 0.0), model=label.model)
        return True

    def _looked_up(self, label: LateLabel) -> _Found:
        served = self._served(label.model)
        if served.answers is None:
            raise RefusedError(f"The model {label.model} remembers no answers: answers_remembered is 0.")
        true = _position(label.label, served.classes)
        return _Found(served.answers, served.candidate, true, *_found(served.answers, label.key))

    def _served(self, model: str) -> _Served:
        folder = self._folder_of(model)
        known = self._known.get(model)
        if known is None or known.folder != folder:  # the first label, or another version
            known = self._known[model] = self._read(model, folder)
        return known

    def _read(self, model: str, folder: Path) -> _Served:
        classes = unpacked_manifest(folder).card.classes
        shadow = read_mapping(folder / CONFIG_FILE)["handler"].get("shadow") or {}
        count = shadow.get("answers_remembered", ANSWERS_REMEMBERED)
        answers = None
        if count:
            self._memory.mkdir(parents=True, exist_ok=True)
            file = answers_file(self._memory, model, archive_digest(folder), count)
            candidate = shadow.get("candidate_dir")
            answers = RecentAnswers(count, file, archive_digest(Path(candidate)) if candidate else "")
        places = {name: place for place, name in enumerate(classes)}
        return _Served(folder, places, answers, shadow.get("candidate"))

    def _named(self, content: Any) -> str:
        """The model that a label names, where there is such."""
        try:
            name = as_label(content).model
            self._folder_of(name)
        except RefusedError:
            return NO_MODEL
        return name


def _found(answers: RecentAnswers, key: str) -> tuple[str, Answered | None]:
    """The answer to a request, and its key as the workers have it: HTTP's headers are read as Latin-1."""
    as_header = key.encode(errors="surrogatepass").decode("latin-1")
    found = answers.find(key)
    return (key, found) if found is not None or as_header == key else (as_header, answers.find(as_header))


def _position(label: str | int, classes: Mapping[str, int]) -> int:
    """Of a class by name, or by position.

    Raises:
        RefusedError: there is no such class.
    """
    if isinstance(label, str) and label in classes:
        return classes[label]
    text = str(label)
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) < len(classes):
        return int(text)
    raise RefusedError(
        f"{label!r:.{_LONGEST}} is none of the model's classes; send one by name, or by position from 0 to "
        f"{len(classes) - 1}."
    )


def _count(counts: LateCounts, model: str, candidate: str | None, answered: Answered, true: int) -> None:
    counts.inc(LATE_LABELS, model=model, outcome=JOINED)
    is_right = answered.best == true
    _count_truth(counts, model, CLEAN, is_right)
    if answered.corrupted is not None:
        cell = {"corruption": answered.corruption, "severity": str(answered.severity)}
        _count_truth(counts, model, cell, answered.corrupted == true)
    if answered.candidate is not None and candidate is not None:
        outcome = _OUTCOMES[is_right, answered.candidate == true]
        counts.inc(LATE_CANDIDATE_RIGHT, model=model, candidate=candidate, outcome=outcome)


def _count_truth(counts: LateCounts, model: str, cell: Mapping[str, str], is_right: bool) -> None:
    counts.inc(LATE_LABELLED, model=model, **cell)
    counts.inc(LATE_LABELLED_CORRECT, is_right, model=model, **cell)


_OUTCOMES = {
    (True, True): BOTH_RIGHT,
    (True, False): ONLY_MODEL_RIGHT,
    (False, True): ONLY_CANDIDATE_RIGHT,
    (False, False): BOTH_WRONG,
}
