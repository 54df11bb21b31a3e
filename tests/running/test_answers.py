"""A running service: right answers, and right refusals."""

import concurrent.futures
import io
import os
import time
import urllib.request
from pathlib import Path

import psutil
import pytest
import torch
from PIL import Image
from support.hostile import hostile_cases
from support.pictures import encode, scene
from support.server import Answer, Server, form, only_torchserve
from support.tiny import CLASSES, tiny_card, tiny_network

from groupnl.images import Limits, Preprocess, decode
from groupnl.inference.engines.torch_engine import TorchEngine

MIB = 1024 * 1024
# TorchServe's frontend answers by itself above this, without a body.
FRONTEND_LIMIT = 20 * MIB
# Of a worker that has seen every hostile file once: less than one decoded image of full size.
MAX_GROWTH_MIB = 150


@pytest.fixture(scope="module")
def photo() -> bytes:
    return encode(Image.fromarray(scene()), "JPEG")


@pytest.fixture(scope="module")
def expected(photo: bytes) -> dict[str, float]:
    """The answer, computed in this process."""
    card = tiny_card()
    pixels = Preprocess(card.input)(decode(photo, Limits()))
    logits = TorchEngine(tiny_network(), card.input, torch.device("cpu"), torch.float32)(pixels[None])
    shares = logits.softmax(1)[0].tolist()
    return dict(sorted(zip(CLASSES, shares, strict=True), key=lambda pair: -pair[1]))


def _assert_same(answer: Answer, expected: dict[str, float], count: int = 5) -> None:
    assert answer.status == 200
    assert answer.content_type == "application/json"
    assert list(answer.content) == list(expected)[:count]
    assert list(answer.content.values()) == pytest.approx(list(expected.values())[:count], abs=1e-5)


def test_put_of_a_file(server: Server, photo: bytes, expected: dict[str, float]) -> None:
    _assert_same(server.predict("tiny", photo), expected)


@pytest.mark.parametrize("declared", ["image/jpeg", "application/octet-stream", "application/json", "text/plain"])
def test_post_with_a_content_type(server: Server, photo: bytes, expected: dict[str, float], declared: str) -> None:
    answer = server.ask("/predictions/tiny", photo, "POST", {"Content-Type": declared})
    _assert_same(answer, expected)


@pytest.mark.parametrize("field", ["data", "body", "file"])
def test_form_upload(server: Server, photo: bytes, expected: dict[str, float], field: str) -> None:
    body, headers = form(field, photo)
    _assert_same(server.ask("/predictions/tiny", body, "POST", headers), expected)


@pytest.mark.parametrize("name", ["X-Top-K", "x-top-k"])
def test_number_of_classes_can_be_asked_for(
    server: Server, photo: bytes, expected: dict[str, float], name: str
) -> None:
    _assert_same(server.predict("tiny", photo, {name: "2"}), expected, 2)
    _assert_same(server.predict("tiny", photo, {name: "7"}), expected, 7)
    assert server.predict("tiny", photo, {name: "many"}).status == 400


def test_refusals_have_a_code_and_a_sentence(server: Server, photo: bytes) -> None:
    wide = io.BytesIO()
    Image.new("1", (30_000, 3_000)).save(wide, "PNG")
    bodies = {
        (400, "empty"): b"",
        (400, "undecodable"): photo[: len(photo) // 3],
        (413, "too_large"): photo + os.urandom(16 * MIB),
        (413, "too_many_pixels"): wide.getvalue(),
        (415, "unsupported_type"): b"no image",
    }
    for (status, code), body in bodies.items():
        answer = server.predict("tiny", body)
        assert (answer.status, answer.content["code"]) == (status, code)
        assert len(answer.content["message"]) > 10


def test_more_than_the_frontend_reads(server: Server) -> None:
    answer = server.predict("tiny", bytes(FRONTEND_LIMIT + 1))
    assert answer.status == 413
    if server.kind == "groupnl":  # TorchServe says nothing
        assert answer.content == {
            "code": "too_large",
            "message": "The request has more than 20 MiB, which is the limit.",
        }


def test_unknown_model(server: Server, photo: bytes) -> None:
    answer = server.predict("nobody", photo)
    message = {
        "torchserve": "Model not found: nobody",
        "groupnl": "There is no model 'nobody'; served here: leaver, tiny.",
    }
    assert (answer.status, answer.content["message"]) == (404, message[server.kind])


def test_one_bad_item_fails_alone(server: Server, photo: bytes, expected: dict[str, float]) -> None:
    bodies = [photo] * 3 + [b"no image"] + [photo] * 4
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda body: server.predict("tiny", body), bodies))
    assert (answers[3].status, answers[3].content["code"]) == (415, "unsupported_type")
    for answer in answers[:3] + answers[4:]:
        _assert_same(answer, expected)


@pytest.mark.timeout(180)
def test_hostile_files_among_good_ones(server: Server, photo: bytes, expected: dict[str, float]) -> None:
    before = server.workers("tiny")
    assert _wrong_answers_to_hostile_files(server, photo, expected) == []
    settled = _memory_mib(before)
    assert _wrong_answers_to_hostile_files(server, photo, expected) == []
    assert server.workers("tiny") == before
    assert _memory_mib(before) - settled < MAX_GROWTH_MIB


def _memory_mib(processes: list[int]) -> int:
    return sum(psutil.Process(number).memory_info().rss for number in processes) // MIB


def _wrong_answers_to_hostile_files(server: Server, photo: bytes, expected: dict[str, float]) -> list[object]:
    """Each batch of eight holds a good photo and seven hostile files."""
    cases = hostile_cases()
    wrong: list[object] = []
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for start in range(0, len(cases), 7):
            good = pool.submit(server.predict, "tiny", photo)
            group = cases[start : start + 7]
            answers = list(pool.map(lambda case: server.predict("tiny", case.data), group))
            _assert_same(good.result(), expected)
            for case, answer in zip(group, answers, strict=True):
                seen = (answer.status, answer.content.get("code") if answer.status != 200 else None)
                if seen not in case.expected:
                    wrong.append((case.name, seen, case.expected))
    return wrong


def test_models_can_be_neither_added_nor_removed(server: Server, store: Path) -> None:
    for method, path in (("POST", f"/models?url=file://{store}/tiny.mar"), ("DELETE", "/models/tiny")):
        assert server.manage(method, path).status == 405


def test_worker_that_leaves_is_replaced(server: Server, photo: bytes, expected: dict[str, float]) -> None:
    before = server.workers("leaver")
    assert server.predict("leaver", b"leave").status == 500
    while (answer := server.predict("leaver", photo)).status == 503:  # ours says so, TorchServe lets it wait
        assert answer.content["code"] == "no_worker"
        time.sleep(0.2)
    _assert_same(answer, expected)
    assert server.workers("leaver") != before
    assert server.predict("tiny", photo).status == 200


@only_torchserve
def test_frontend_metrics_port_answers(server: Server) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.frontend_metrics}/metrics", timeout=10) as answer:
        assert b"ts_inference_requests_total" in answer.read()
