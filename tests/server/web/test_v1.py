"""`/v1`: several images in base64, and the classes of each."""

import base64
import json
import time
from typing import Any

import pytest
from support.front import BAD, QUEUE_SIZE, REFUSAL, SHARES, Front, play

from groupnl.errors import KillerError, NoWorkerError, QueueFullError
from groupnl.server.pool.ticket import Ticket

IMAGE = b"\xff\xd8\xffan image"


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def predict(front: Front, *instances: Any, **request: Any) -> Any:
    return front.ask("POST", "/v1/models/owls:predict", json={"instances": instances}, **request)


BEST = dict(list(SHARES.items())[:2])


def test_each_image_has_its_classes() -> None:
    front = Front()
    answer = predict(front, {"b64": b64(IMAGE)}, {"image": {"b64": b64(b"2")}}, {"b64": b64(b"")})
    assert (answer.status_code, answer.json()) == (200, {"predictions": [BEST] * 3})
    assert list(answer.json()["predictions"][0]) == list(BEST)
    assert answer.headers["x-model-version"] == "1.0"
    assert [part.content for part in front.pool.parts] == [IMAGE, b"2", b""]
    assert [part.facts for part in front.pool.parts] == [{}, {}, {}]


def test_a_bad_image_fails_in_its_place() -> None:
    instances = [{"b64": b64(IMAGE)}, {"b64": b64(BAD)}, {"b64": "no base64"}, 5, {"b64": 5}, {"b64": b64(IMAGE)}]
    answer = predict(Front(), *instances)
    assert answer.status_code == 200
    first, refused, undecoded, number, inner, last = answer.json()["predictions"]
    assert (first, last, refused) == (BEST, BEST, {"error": REFUSAL})
    for entry in (undecoded, number, inner):
        assert entry.keys() == {"error"}
        assert entry["error"]["code"] == "bad_base64"


def test_an_image_that_ends_workers_fails_in_its_place() -> None:
    front = Front()
    front.pool.answers = lambda ticket: _kill(ticket) if ticket.part.content == BAD else play(ticket)
    answer = predict(front, {"b64": b64(BAD)}, {"b64": b64(IMAGE)})
    assert answer.status_code == 200
    assert answer.json()["predictions"][0]["error"]["code"] == "crashed"
    assert answer.json()["predictions"][1] == BEST


def _kill(ticket: Ticket) -> None:
    ticket.fail(KillerError("It has ended them."))


@pytest.mark.parametrize("error", [QueueFullError("Full."), NoWorkerError("None.")])
def test_a_request_is_refused_as_a_whole_where_no_image_can_wait(error: Exception) -> None:
    front = Front()
    front.pool.error = error
    answer = predict(front, {"b64": b64(IMAGE)}, {"b64": b64(IMAGE)})
    assert (answer.status_code, answer.json()["message"]) == (503, str(error))
    assert int(answer.headers["retry-after"]) >= 1


def test_headers_count_for_every_image() -> None:
    front = Front()
    predict(front, {"b64": b64(IMAGE)}, {"b64": b64(IMAGE)}, headers={"X-Top-K": "3", "X-Request-Key": "k"})
    keys = [part.facts["x-request-key"] for part in front.pool.parts]
    assert (keys, [part.facts["x-top-k"] for part in front.pool.parts]) == (["k-0", "k-1"], ["3", "3"])


def test_a_label_is_of_one_image() -> None:
    front = Front()
    predict(front, {"b64": b64(IMAGE)}, headers={"X-Label": "owl", "X-Request-Key": "k"})
    assert front.pool.parts[0].facts == {"x-label": "owl", "x-request-key": "k"}
    answer = predict(front, {"b64": b64(IMAGE)}, {"b64": b64(IMAGE)}, headers={"X-Label": "owl"})
    assert (answer.status_code, "X-Label" in answer.json()["message"]) == (400, True)


def test_too_many_images_are_refused_before_they_are_decoded() -> None:
    assert predict(Front(), *[{"b64": ""}] * QUEUE_SIZE).status_code == 200
    answer = predict(Front(), *[{"b64": 5}] * (QUEUE_SIZE + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_images")
    assert str(QUEUE_SIZE) in answer.json()["message"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "bad_json"),
        (b"no JSON", 400, "bad_json"),
        (b'\xff{"instances": []}', 400, "bad_json"),
        (b'{"instances": [], "instances": []}', 400, "bad_json"),
        (b'{"instances": NaN}', 400, "bad_json"),
        (b'{"instances": ' + b"9" * 5000 + b"}", 400, "bad_json"),
        (b'{"instances": ' + b"[" * 20_000 + b"]" * 20_000 + b"}", 400, "bad_json"),
        (b"{" + b'"a": {' * 200 + b"}" * 201, 422, "bad_content"),
        (b"[]", 422, "bad_content"),
        (b"{}", 422, "bad_content"),
        (b'{"instances": {"b64": ""}}', 422, "bad_content"),
        (b'{"instances": []}', 422, "bad_content"),
    ],
)
def test_json_that_cannot_be_used(body: bytes, status: int, code: str) -> None:
    answer = Front(request_bytes=1_000_000).ask("POST", "/v1/models/owls:predict", content=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert len(answer.json()["message"]) < 300


def test_json_that_would_take_much_memory() -> None:
    front = Front(request_bytes=10_000_000)
    for body in (b'{"a": [' + b"[]," * 100_001 + b"[]]}", b'{"a": [' + b"1," * 1_000_001 + b"1]}"):
        answer = front.ask("POST", "/v1/models/owls:predict", content=body)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_body_is_as_large_as_the_largest_image_in_base64() -> None:
    front = Front(request_bytes=3_000_000)
    assert predict(front, {"b64": b64(bytes(3_000_000))}).status_code == 200
    assert predict(front, {"b64": b64(bytes(4_000_000))}).status_code == 413


def test_status() -> None:
    front = Front()
    listed = [{"version": "1.0", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}]
    described = {"name": "owls", "ready": True, "model_version_status": listed}
    assert front.ask("GET", "/v1/models/owls").json() == described
    assert front.ask("GET", "/v1/models/owls/versions/1.0").json() == described
    assert front.ask("GET", "/v1/models").json() == {"models": ["owls"]}
    front.pool.workers = []
    without = front.ask("GET", "/v1/models/owls").json()
    assert (without["ready"], without["model_version_status"][0]["state"]) == (False, "LOADING")
    for path in ("/v1/models/owls/versions/2", "/v1/models/cats", "/v1/models/owls/"):
        assert front.ask("GET", path).status_code == 404


def test_a_version_can_be_named() -> None:
    body = json.dumps({"instances": [{"b64": ""}]})
    assert Front().ask("POST", "/v1/models/owls/versions/1.0:predict", content=body).status_code == 200
    assert Front().ask("POST", "/v1/models/owls/versions/2:predict", content=body).status_code == 404


def test_very_many_names_are_not_read() -> None:
    content = "{" + ",".join(f'"{index}": 1' for index in range(100_001)) + "}"
    answer = Front(request_bytes=10_000_000).ask("POST", "/v1/models/owls:predict", content=content.encode())
    assert (answer.status_code, "100000 names" in answer.json()["message"]) == (413, True)


def test_a_name_that_stands_twice_is_found_among_many() -> None:
    names = ",".join(f'"{index}": 1' for index in range(90_000))
    began = time.process_time()  # however busy the machine is
    front = Front(request_bytes=10_000_000)
    answer = front.ask("POST", "/v1/models/owls:predict", content=f'{{{names}, "89999": 1}}'.encode())
    assert (answer.status_code, "'89999' stands twice" in answer.json()["message"]) == (400, True)
    assert time.process_time() - began < 5
