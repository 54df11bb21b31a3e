import importlib.util
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.hostile import hostile_cases
from support.pictures import encode, good_pictures, scene
from support.worker import Answer, Worker, request
from ts.utils.util import list_classes_from_module

import handlers.classifier
from groupnl.archive.manifest import MANIFEST_NAME, Manifest
from groupnl.images import Preprocess, SideBySide
from groupnl.images.reader import Picture
from groupnl.inference.engines.torch_engine import TorchEngine
from groupnl.models import build_model, load_checkpoint

PNG = encode(Image.fromarray(scene()), "PNG")
BAD = b"this is no image"


@pytest.fixture(scope="module")
def worker(packed: Path) -> Worker:
    return Worker(packed)


@pytest.fixture(scope="module")
def crowded(packed: Path) -> Worker:
    """A worker that prepares three images at a time."""
    worker = Worker(packed)
    worker.service._side_by_side = SideBySide(3)
    return worker


@pytest.fixture(scope="module")
def expected(packed: Path) -> dict[str, float]:
    """All probabilities of PNG, worked out without the handler."""
    manifest = Manifest.model_validate_json((packed / MANIFEST_NAME).read_bytes())
    card = manifest.card
    model = build_model(card.architecture, len(card.classes), load_checkpoint(packed / manifest.weights).state_dict)
    engine = TorchEngine(model, card.input, torch.device("cpu"), torch.float32)
    probabilities = engine(Preprocess(card.input)(Image.fromarray(scene()))[None]).softmax(dim=1)[0]
    return dict(zip(card.classes, probabilities.tolist(), strict=True))


def test_torchserve_finds_exactly_one_class() -> None:
    source = Path(handlers.classifier.__file__)
    spec = importlib.util.spec_from_file_location("classifier", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert [found.__name__ for found in list_classes_from_module(module)] == ["GroupNLClassifier"]
    assert not hasattr(module, "handle")


def test_answers_the_five_best_first(worker: Worker, expected: dict[str, float]) -> None:
    (answer,) = worker.send(request(bytearray(PNG)))
    assert (answer.status, answer.phrase, answer.content_type) == (200, "OK", "application/json")
    best = sorted(expected, key=expected.__getitem__, reverse=True)[:5]
    assert list(answer.json()) == best
    assert list(answer.json().values()) == pytest.approx([expected[name] for name in best], rel=1e-4)


@pytest.mark.parametrize("name", ["X-Top-K", "x-top-k", "X-TOP-K"])
@pytest.mark.parametrize(
    ("value", "count"), [("1", 1), (" 3 ", 3), ("007", 7), ("8", 7), ("1000000000", 7), ("9" * 5000, 7)]
)
def test_top_k_header(worker: Worker, expected: dict[str, float], name: str, value: str, count: int) -> None:
    (answer,) = worker.send(request(PNG, {name: value}))
    assert list(answer.json()) == sorted(expected, key=expected.__getitem__, reverse=True)[:count]


@pytest.mark.parametrize("value", ["0", "-1", "", "five", "1.5", "1_0", "\u0665", "1e3", "9" * 5000 + "x", "nan"])
def test_unusable_top_k_header(worker: Worker, value: str) -> None:
    (answer,) = worker.send(request(PNG, {"X-Top-K": value}))
    assert (answer.status, answer.json()["code"]) == (400, "invalid_header")
    assert "whole number" in answer.json()["message"]
    assert len(answer.body) < 300


@pytest.mark.parametrize("field", ["data", "image", "file.jpg", "X-Top-K"])
def test_a_form_field_of_any_name(worker: Worker, field: str) -> None:
    answers = worker.send(request(fields={field: bytearray(PNG)}), request(PNG))
    assert answers[0] == answers[1]


def test_a_form_of_several_fields(worker: Worker) -> None:
    usual = worker.send(request(fields={"comment": b"a", "data": PNG}))
    unclear = worker.send(request(fields={"a": PNG, "b": PNG}))
    assert usual[0].status == 200
    assert (unclear[0].status, unclear[0].json()["code"]) == (400, "bad_input")


@pytest.mark.parametrize("body", [{"instances": [1]}, "text", ["a"], 7, {}])
def test_a_body_that_torchserve_has_decoded(worker: Worker, body: Any) -> None:
    (answer,) = worker.send(request(body))
    assert (answer.status, answer.json()["code"]) == (415, "unsupported_type")


def test_a_request_without_anything(worker: Worker) -> None:
    answers = worker.send(request(), request(b""), request(bytearray()))
    assert {(answer.status, answer.json()["code"]) for answer in answers} == {(400, "empty")}


@pytest.mark.parametrize("place", range(8))
def test_one_bad_image_among_eight(worker: Worker, place: int) -> None:
    requests = [request(PNG) for _ in range(8)]
    requests[place] = request(BAD)
    answers = worker.send(*requests)
    bad = answers.pop(place)
    assert (bad.status, bad.phrase, bad.content_type) == (415, "Unsupported Media Type", "application/json")
    assert bad.json()["code"] == "unsupported_type"
    assert [answer.status for answer in answers] == [200] * 7
    assert len({tuple(answer.json()) for answer in answers}) == 1


def test_only_bad_images(worker: Worker) -> None:
    assert [answer.status for answer in worker.send(*[request(BAD)] * 8)] == [415] * 8


def test_every_item_gets_its_own_answer(worker: Worker) -> None:
    """Different images and counts in one batch, compared to the same requests alone."""
    pictures = good_pictures()[:8]
    requests = [request(picture.data, {"X-Top-K": str(1 + n)}) for n, picture in enumerate(pictures) if n != 3]
    requests.insert(3, request(BAD))
    together = worker.send(*requests)
    alone = [worker.send(single)[0] for single in requests]
    for one, other in zip(together, alone, strict=True):
        assert one.status == other.status
        assert len(one.json()) == len(other.json())
        if one.status == 200:
            assert one.json() == pytest.approx(other.json(), rel=1e-3)


def test_images_prepared_side_by_side_are_answered_as_alone(worker: Worker, crowded: Worker) -> None:
    requests = [request(picture.data) for picture in good_pictures()] * 2
    requests[5::7] = [request(BAD)] * len(requests[5::7])
    assert crowded.send(*requests) == worker.send(*requests)


def test_want_of_memory_for_one_image_is_that_images_error(
    crowded: Worker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    reader = crowded.service._reader
    whole = reader.decode

    def short_of_memory(data: bytes) -> Picture:
        if data == BAD:
            raise MemoryError
        return whole(data)

    monkeypatch.setattr(reader, "decode", short_of_memory)
    answers = crowded.send(*[request(PNG), request(BAD), request(PNG)] * 3)
    assert [answer.status for answer in answers] == [200, 500, 200] * 3
    assert "MemoryError" in caplog.text


def test_hostile_files_in_mixed_batches(crowded: Worker) -> None:
    cases = list(hostile_cases())
    random.Random(0).shuffle(cases)
    wrong, answered = [], 0
    for start in range(0, len(cases), 7):
        batch = cases[start : start + 7]
        answers = crowded.send(*(request(bytearray(case.data)) for case in batch), request(PNG))
        answered += answers[-1].status == 200
        for case, answer in zip(batch, answers, strict=False):
            found = (answer.status, None if answer.status == 200 else answer.json()["code"])
            if found not in case.expected:
                wrong.append((case.name, found))
    assert wrong == []
    assert answered == -(-len(cases) // 7)


def test_limits_come_from_the_configuration(packed: Path) -> None:
    config = {"handler": {"top_k": 2, "limits": {"max_pixels": 10, "formats": ["PNG"]}}}
    large, small = worker_answers(packed, config, [PNG, encode(Image.fromarray(np.zeros((3, 3, 3), np.uint8)), "PNG")])
    assert large.json()["code"] == "too_many_pixels"
    assert len(small.json()) == 2


def worker_answers(packed: Path, config: dict[str, Any], bodies: list[bytes]) -> list[Answer]:
    return Worker(packed, config).send(*(request(body) for body in bodies))


class Broken:
    """An engine whose device fails in the calls named."""

    def __init__(self, failing: set[int]) -> None:
        self.failing = failing
        self.calls = 0

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        if self.calls in self.failing:
            raise RuntimeError("CUDA error: device-side assert triggered")
        return torch.zeros(len(pixels), 7)

    def warm_up(self, max_batch: int) -> None:
        pass


def broken_worker(packed: Path, engine: Any) -> Worker:
    worker = Worker(packed)
    worker.service._engine = engine
    return worker


def test_a_device_fault_fails_the_good_items_only(packed: Path, caplog: pytest.LogCaptureFixture) -> None:
    answers = broken_worker(packed, Broken({1})).send(request(PNG), request(BAD), request(PNG))
    assert [answer.status for answer in answers] == [500, 415, 500]
    assert answers[0].json()["code"] == "internal"
    assert b"CUDA" not in answers[0].body
    assert "CUDA error: device-side assert" in caplog.text


def test_the_worker_leaves_after_three_faults_in_a_row(packed: Path) -> None:
    worker = broken_worker(packed, Broken({1, 2, 4, 5, 6}))
    statuses = [worker.send(request(PNG))[0].status for _ in range(5)]
    assert statuses == [500, 500, 200, 500, 500]
    with pytest.raises(SystemExit):
        worker.send(request(PNG))


def test_bad_images_neither_count_as_faults_nor_as_successes(packed: Path) -> None:
    worker = broken_worker(packed, Broken({1, 2, 3}))
    for _ in range(2):
        worker.send(request(PNG))
        worker.send(request(BAD))
    with pytest.raises(SystemExit):
        worker.send(request(PNG))


def test_logits_that_are_not_finite_are_no_answer(packed: Path, caplog: pytest.LogCaptureFixture) -> None:
    def engine(pixels: torch.Tensor) -> torch.Tensor:
        logits = torch.zeros(len(pixels), 7)
        logits[1, 3], logits[2, 0] = float("nan"), float("inf")
        return logits

    answers = broken_worker(packed, engine).send(*[request(PNG)] * 4)
    assert [answer.status for answer in answers] == [200, 500, 500, 200]
    assert answers[1].json()["code"] == "internal"
    assert "not finite" in caplog.text


def test_a_bug_of_ours_fails_one_item(
    packed: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    worker = Worker(packed)
    reader = worker.service._reader
    whole = reader.fit

    def faulty(picture: Picture) -> torch.Tensor:
        if picture.size == (1, 1):
            raise ZeroDivisionError("a secret")
        return whole(picture)

    monkeypatch.setattr(reader, "fit", faulty)
    answers = worker.send(request(encode(Image.new("RGB", (1, 1)), "PNG")), request(PNG))
    assert [answer.status for answer in answers] == [500, 200]
    assert b"secret" not in answers[0].body
    assert "a secret" in caplog.text
