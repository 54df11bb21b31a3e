"""groupnl.service.shadow.notes: what a worker remembers of its answers is found by whoever takes the labels."""

import logging
import os
from pathlib import Path

import pytest
import torch
from prometheus_client import CollectorRegistry
from support.shadows import EAGER, config
from support.tiny import CLASSES
from torch import Tensor

from groupnl.archive.read import archive_digest
from groupnl.corruptions import Cell
from groupnl.metrics import Metrics
from groupnl.robustness.compare import NO_CLASS
from groupnl.robustness.recent_answers import ANSWERS_REMEMBERED, RecentAnswers, answers_file
from groupnl.robustness.sampling import request_key
from groupnl.service.items import OWN_KEY, Item
from groupnl.service.shadow import start_shadows
from groupnl.service.shadow.batch import CandidateAnswer, Result
from groupnl.service.shadow.job import Job
from groupnl.service.shadow.notes import Notes, open_notes

JOB = Job("one", torch.zeros(3, 8, 8, dtype=torch.uint8), torch.zeros(7), None, 0.0)


def test_what_came_of_an_image_is_remembered() -> None:
    answers = RecentAnswers(10)
    notes = Notes(answers, CLASSES)
    notes.answered("one", 2)
    notes.pair(JOB, Cell("fog", 3), Result(NO_CLASS, None, None))
    found = answers.find("one")
    assert found is not None
    assert found[1:] == (2, NO_CLASS, "fog", 3, None, False)


@pytest.mark.parametrize(("name", "place"), [("square", 4), ("a class of its own", NO_CLASS)])
def test_a_candidate_is_remembered_by_the_model_s_classes(name: str, place: int) -> None:
    answers = RecentAnswers(10)
    notes = Notes(answers, CLASSES)
    notes.answered("one", 2)
    notes.pair(JOB, Cell("fog", 3), Result(1, None, None, candidate=CandidateAnswer(name, None, 0.0)))
    found = answers.find("one")
    assert found is not None
    assert found.candidate == place


def test_where_the_class_came_with_the_image_the_candidate_is_counted_already() -> None:
    answers = RecentAnswers(10)
    notes = Notes(answers, CLASSES)
    notes.answered("one", 2)
    answered = Result(1, None, None, candidate=CandidateAnswer("square", None, 0.0))
    notes.pair(JOB._replace(label=4), Cell("fog", 3), answered)
    found = answers.find("one")
    assert found is not None
    assert found.candidate is None


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_every_live_answer_is_remembered_where_the_endpoint_looks(
    packed: Path,
    pixels: Tensor,
    registry: CollectorRegistry,
    tmp_path: Path,
    share: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("groupnl.service.shadow.loop.ShadowLoop.start", lambda _: None)
    folder = tmp_path / "run" / "answers"
    given = config(share=share)
    shadows = start_shadows(packed, "tiny", given, Metrics("tiny", registry), EAGER, answers_folder=folder)
    logits = torch.eye(7)
    shadows.offer(Item({"body": b"file"}, {"x-request-key": "mine"}), pixels[0], logits[3], None)
    shadows.offer(Item({"body": b"file"}, {}), pixels[0], logits[4], None)
    shadows.offer(Item({"body": b"file"}, {"x-request-key": OWN_KEY}), pixels[0], logits[5], None)
    shadows.offer(Item({"body": b"file"}, {"x-request-key": "none"}), pixels[0], torch.full((7,), torch.nan), None)
    file = answers_file(folder, "tiny", archive_digest(packed), ANSWERS_REMEMBERED)
    answers = RecentAnswers(ANSWERS_REMEMBERED, file)
    found = [answers.find(key) for key in ("mine", request_key(None, b"file"), OWN_KEY, "none")]
    assert [None if one is None else one.best for one in found] == [3, 4, None, None]


def test_what_will_be_counted_of_labels_begins_at_0(packed: Path, registry: CollectorRegistry, tmp_path: Path) -> None:
    given = config(candidate="next", candidate_dir=packed)
    open_notes(packed, "tiny", given, Metrics("tiny", registry), tmp_path)
    cells = [{"corruption": "contrast", "severity": severity} for severity in ("1", "5")]
    for labels in ({"corruption": "none", "severity": "0"}, *cells):
        for name in ("groupnl_late_labelled_total", "groupnl_late_labelled_correct_total"):
            assert registry.get_sample_value(name, {"model": "tiny", **labels}) == 0
    for outcome in ("joined", "unknown", "refused"):
        assert registry.get_sample_value("groupnl_late_labels_total", {"model": "tiny", "outcome": outcome}) == 0
    for outcome in ("both_right", "model_only", "candidate_only", "both_wrong"):
        labels = {"model": "tiny", "candidate": "next", "outcome": outcome}
        assert registry.get_sample_value("groupnl_late_candidate_right_total", labels) == 0
    assert registry.get_sample_value("groupnl_label_delay_seconds_count", {"model": "tiny"}) == 0


def test_nobody_wants_notes(packed: Path, registry: CollectorRegistry, tmp_path: Path) -> None:
    metrics = Metrics("tiny", registry)
    assert open_notes(packed, "tiny", config(answers_remembered=0), metrics, tmp_path) == []
    assert open_notes(packed, "tiny", config(), metrics, None) == []
    assert [*tmp_path.iterdir()] == []


def test_a_full_disk_is_told_and_harms_nobody(
    packed: Path,
    registry: CollectorRegistry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with caplog.at_level(logging.WARNING):
        assert open_notes(packed, "tiny", config(), Metrics("tiny", registry), tmp_path) == []
    assert "labels that come later will find no answers of tiny" in caplog.text
