"""groupnl.server.labels.labels: a label finds its answer, once, and what is counted of it is shown with all counts."""

from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from support.labelled import COUNT, Service
from support.tiny import CLASSES

from groupnl.archive.read import DIGEST_FILE
from groupnl.robustness.recent_answers import NO_CLASS, RecentAnswers, answers_file
from groupnl.server.comparison import Comparison
from groupnl.server.labels.labels import Standing, Taken
from groupnl.server.observed.kept_counts import kept_counts

NOW = 1_000_000.0


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setattr("time.time", lambda: NOW)
    return Service(tmp_path)


def test_a_clean_answer(service: Service) -> None:
    service.answers.answer("one", 2, NOW - 30)
    service.answers.answer("two", 2, NOW - 4000)
    assert service.take(("one", "blue"), ("two", "red")) == Taken(2, 0, [])
    clean = {"corruption": "none", "severity": "0"}
    assert service.count("late_labels_total", outcome="joined") == 2
    assert service.count("late_labelled_total", **clean) == service.count("late_labelled_total") == 2
    assert service.count("late_labelled_correct_total", **clean) == 1
    assert service.count("label_delay_seconds_count") == 2
    assert service.count("label_delay_seconds_sum") == 4030
    delays = {"1.0": 0, "10.0": 0, "60.0": 1, "600.0": 1, "3600.0": 1, "21600.0": 2, "+Inf": 2}
    assert {le: service.count("label_delay_seconds_bucket", le=le) for le in delays} == delays


@pytest.mark.parametrize(("best", "right"), [(2, 1), (3, 0), (NO_CLASS, 0)])
def test_the_same_image_corrupted(service: Service, best: int, right: int) -> None:
    service.answers.answer("one", 2, NOW)
    service.answers.answer_corrupted("one", "fog", 4, best)
    service.take(("one", "blue"))
    assert service.count("late_labelled_total", corruption="fog", severity="4") == 1
    assert service.count("late_labelled_correct_total", corruption="fog", severity="4") == right
    assert service.count("late_labelled_total") == 2
    assert service.count("late_labels_total", outcome="joined") == 1


@pytest.mark.parametrize(
    ("best", "candidate", "outcome"),
    [(2, 2, "both_right"), (2, 1, "model_only"), (1, 2, "candidate_only"), (1, NO_CLASS, "both_wrong")],
)
def test_who_was_right(tmp_path: Path, best: int, candidate: int, outcome: str) -> None:
    service = Service(tmp_path, candidate="next")
    service.answers.answer("one", best, NOW)
    service.answers.answer_of_candidate("one", candidate)
    service.answers.answer("two", best, NOW)  # the candidate was not asked
    service.take(("one", 2), ("two", 2))
    assert service.count("late_candidate_right_total", candidate="next", outcome=outcome) == 1
    assert service.count("late_candidate_right_total") == 1


@pytest.mark.parametrize("label", ["blue", "2", 2])
def test_a_class_by_name_or_position(service: Service, label: object) -> None:
    service.answers.answer("one", 2, NOW)
    service.take(("one", label))
    assert service.count("late_labelled_correct_total") == 1


def test_names_go_before_positions(tmp_path: Path) -> None:
    service = Service(tmp_path, classes=("1", "0"))
    service.answers.answer("one", 1, NOW)
    service.answers.answer("two", 1, NOW)
    service.take(("one", "0"), ("two", 1))
    assert service.count("late_labelled_correct_total") == 2


@pytest.mark.parametrize("label", ["purple", "7", 7, -1, "-1", "\u0663", "9" * 5000, 10**4000, ""])
def test_what_is_no_class_is_refused_and_may_come_again(service: Service, label: object) -> None:
    service.answers.answer("one", 2, NOW)
    taken = service.take(("one", label))
    assert (taken.joined, taken.unknown, [each["position"] for each in taken.refused]) == (0, 0, [0])
    assert "is none of the model's classes" in taken.refused[0]["reason"]
    assert len(taken.refused[0]["reason"]) < 300
    assert service.count("late_labels_total", outcome="refused") == 1
    assert service.take(("one", "blue")).joined == 1


def test_a_key_is_joined_once(service: Service) -> None:
    service.answers.answer("one", 2, NOW)
    taken = service.take(("one", "blue"), ("one", "red"))
    assert taken == Taken(1, 0, [{"position": 1, "reason": "The label of this key has come before."}])
    service.answers.answer("one", 2, NOW)  # the image comes again
    assert service.take(("one", "blue")).joined == 0
    assert service.count("late_labelled_total") == service.count("late_labelled_correct_total") == 1
    assert service.count("late_labels_total", outcome="refused") == 2


def test_whoever_looks_changes_nothing(service: Service) -> None:
    for key in ("one", "two"):
        service.answers.answer(key, 2, NOW)
    service.take(("one", "blue"))
    labels = [{"model": "tiny", "key": key, "label": "blue"} for key in ("one", "two", "three")]
    standings = [Standing.LABELLED, Standing.KNOWN, Standing.UNKNOWN, Standing.REFUSED, Standing.REFUSED]
    for _ in range(2):
        assert service.labels.look([*labels, labels[1] | {"label": "purple"}, "no label"]) == standings
    assert service.count("late_labels_total") == 1
    assert service.take(("two", "blue")).joined == 1


def test_what_nobody_remembers_is_unknown(service: Service) -> None:
    assert service.take(("one", "blue"), ("two", "blue")) == Taken(0, 2, [])
    assert service.count("late_labels_total", outcome="unknown") == 2
    assert service.count("late_labelled_total") == 0


def test_what_was_joined_before_a_fault_is_counted(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.answers.answer("one", 2, NOW)
    folder_of = service.labels._folder_of
    gone = service.folder.with_name("gone")  # by another version that took its place just now
    monkeypatch.setattr(service.labels, "_folder_of", lambda model: gone if model == "late" else folder_of(model))
    labels = [{"model": model, "key": "one", "label": "blue"} for model in ("tiny", "late")]
    with pytest.raises(FileNotFoundError):
        service.labels.take(labels)
    assert service.count("late_labels_total", outcome="joined") == service.count("late_labelled_total") == 1


def test_what_is_of_no_model_is_refused(service: Service) -> None:
    labels: list[Any] = [{"model": "other", "key": "one", "label": "blue"}, "red", {"model": "tiny"}]
    taken = service.labels.take(labels)
    assert (taken.joined, taken.unknown, [each["position"] for each in taken.refused]) == (0, 0, [0, 1, 2])
    assert service.count("late_labels_total", model="", outcome="refused") == 3


def test_a_model_that_remembers_nothing(tmp_path: Path) -> None:
    service = Service(tmp_path, answers_remembered=0)
    assert "answers_remembered is 0" in service.take(("one", "blue")).refused[0]["reason"]


@pytest.mark.parametrize("key", ["\u00fc\u4e16", "a b", "\udc80", "a\ud800", ""])
def test_keys_beyond_ascii_are_those_of_a_header(service: Service, key: str) -> None:
    as_header = key.encode(errors="surrogatepass").decode("latin-1")  # as HTTP's servers read it
    service.answers.answer(as_header, 2, NOW)
    assert service.take((key, "blue")).joined == 1
    assert service.take((key, "blue")).refused != []


def test_a_label_from_the_past_has_no_negative_delay(service: Service) -> None:
    service.answers.answer("one", 2, NOW + 50)
    service.take(("one", "blue"))
    assert service.count("label_delay_seconds_sum") == 0


def test_answers_of_another_archive_are_not_joined(service: Service) -> None:
    service.answers.answer("one", 2, NOW)
    service.answers.answer("two", 2, NOW)
    assert service.take(("one", "blue")).joined == 1
    service.unpack("c" * 64, CLASSES[::-1])
    assert service.take(("two", "blue")) == Taken(0, 1, [])
    RecentAnswers(COUNT, answers_file(service.memory, "tiny", "c" * 64, COUNT)).answer("two", 4, NOW)
    assert service.take(("two", "blue")).joined == 1
    assert service.count("late_labelled_correct_total") == 2


def test_what_another_candidate_answered_is_not_counted(service: Service, tmp_path: Path) -> None:
    candidate = tmp_path / "candidate"
    candidate.mkdir()
    (candidate / DIGEST_FILE).write_text("f" * 64)
    service.unpack("c" * 64, candidate="next", candidate_dir=str(candidate))
    file = answers_file(service.memory, "tiny", "c" * 64, COUNT)
    for key, digest in (("one", "e" * 64), ("two", "f" * 64)):
        answers = RecentAnswers(COUNT, file, digest)
        answers.answer(key, 2, NOW)
        answers.answer_of_candidate(key, 2)
    assert service.take(("one", "blue"), ("two", "blue")).joined == 2
    assert service.count("late_candidate_right_total", outcome="both_right") == 1


def test_counts_go_on_in_the_next_start_and_not_with_another_archive(tmp_path: Path) -> None:
    same, other = (Comparison(letter * 64, None, "") for letter in "ad")
    for number, (comparison, expected) in enumerate([(same, 1), (same, 2), (other, 1)]):
        service = Service(tmp_path / str(number))
        with kept_counts(service.workers, tmp_path / "state") as kept:
            kept.begin({"tiny": comparison}, lambda _: None)
            service.answers.answer("one", 2, NOW)
            service.take(("one", "blue"))
            assert service.count("late_labelled_correct_total") == expected
            assert service.count("label_delay_seconds_count") == expected
            kept.save()


def test_they_can_be_scraped(service: Service) -> None:
    registry = CollectorRegistry()
    registry.register(service.workers)
    service.answers.answer("one", 2, NOW)
    service.take(("one", "blue"))
    assert registry.get_sample_value("groupnl_late_labels_total", {"model": "tiny", "outcome": "joined"}) == 1


def test_the_dearest_request_is_joined_soon(service: Service) -> None:
    for number in range(COUNT):
        service.answers.answer(str(number), 2, NOW)
    labels = [(str(number), "blue") for number in range(10_000)]
    assert service.take(*labels).unknown > 9000
