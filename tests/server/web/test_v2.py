"""`/v2`: the Open Inference Protocol, with Triton's bytes behind the JSON."""

import base64
import json
import struct
from typing import Any

import httpx
import pytest
from support.front import BAD, CLASSES, QUEUE_SIZE, REFUSAL, SHARES, Front

from groupnl.errors import KillerError, QueueFullError

IMAGE = b"\xff\xd8\xffan image"
ROW = [SHARES[name] for name in CLASSES]
TEXTS = ["0.500000:2:owl", "0.375000:0:cat", "0.125000:1:dog"]


def b64(*contents: bytes) -> list[str]:
    return [base64.b64encode(content).decode() for content in contents]


def files(*contents: bytes) -> dict[str, Any]:
    return {"name": "image", "datatype": "BYTES", "shape": [len(contents)], "data": b64(*contents)}


def pixels(shape: list[int], data: Any) -> dict[str, Any]:
    return {"name": "pixels", "datatype": "UINT8", "shape": shape, "data": data}


def infer(front: Front, *inputs: Any, **more: Any) -> httpx.Response:
    return front.ask("POST", "/v2/models/owls/infer", json={"inputs": inputs, **more})


def infer_bytes(front: Front, content: bytes, tensor: dict[str, Any], **more: Any) -> httpx.Response:
    """With the values of the input behind the JSON."""
    given = {**tensor, "parameters": {"binary_data_size": len(content)}}
    text = json.dumps({"inputs": [given], **more}).encode()
    headers = {"Inference-Header-Content-Length": str(len(text))}
    return front.ask("POST", "/v2/models/owls/infer", content=text + content, headers=headers)


def test_probabilities_in_the_order_of_the_classes() -> None:
    answer = infer(Front(), files(IMAGE, IMAGE), id="seven")
    assert answer.status_code == 200
    assert answer.json() == {
        "model_name": "owls",
        "model_version": "1.0",
        "id": "seven",
        "outputs": [{"name": "probabilities", "datatype": "FP32", "shape": [2, 3], "data": ROW * 2}],
    }
    assert answer.headers["x-model-version"] == "1.0"
    assert answer.headers["content-type"] == "application/json"


def test_a_name_that_is_no_utf_8_comes_back_as_it_was_sent() -> None:
    """JSON's escapes can say half a pair of surrogates."""
    asked = json.dumps({"inputs": [files(IMAGE)], "id": "\ud800", "outputs": [{"name": "\udfff"}]})
    answer = Front().ask("POST", "/v2/models/owls/infer", content=asked.encode())
    assert (answer.status_code, answer.json()["id"]) == (200, "\ud800")
    assert answer.json()["outputs"][0]["name"] == "\udfff"


@pytest.mark.parametrize(("asked", "given"), [(1, 1), (2, 2), (3, 3), (1000, 3)])
def test_classes_as_triton_writes_them(asked: int, given: int) -> None:
    front = Front()
    wanted = {"name": "best", "parameters": {"classification": asked}}
    (output,) = infer(front, files(IMAGE, IMAGE), outputs=[wanted]).json()["outputs"]
    assert output == {"name": "best", "datatype": "BYTES", "shape": [2, given], "data": TEXTS[:given] * 2}
    assert front.pool.parts[0].facts["x-top-k"] == str(asked)


def test_several_outputs() -> None:
    wanted = [{"name": "a", "parameters": {"classification": 1}}, {"name": "b"}]
    first, second = infer(Front(), files(IMAGE), outputs=wanted).json()["outputs"]
    assert (first["data"], second["data"]) == (TEXTS[:1], ROW)


def test_bytes_behind_the_json() -> None:
    front = Front()
    content = b"".join(struct.pack("<I", len(each)) + each for each in (IMAGE, b"", b"2"))
    tensor = {"name": "image", "datatype": "BYTES", "shape": [3]}
    answer = infer_bytes(front, content, tensor, parameters={"binary_data_output": True})
    assert answer.status_code == 200
    assert [part.content for part in front.pool.parts] == [IMAGE, b"", b"2"]
    assert answer.headers["content-type"] == "application/octet-stream"
    length = int(answer.headers["inference-header-content-length"])
    (output,) = json.loads(answer.content[:length])["outputs"]
    assert output["parameters"] == {"binary_data_size": 36}
    assert list(struct.unpack("<9f", answer.content[length:])) == ROW * 3


def test_texts_behind_the_json() -> None:
    wanted = [{"name": "best", "parameters": {"classification": 2, "binary_data": True}}, {"name": "probabilities"}]
    answer = infer(Front(), files(IMAGE), outputs=wanted)
    length = int(answer.headers["inference-header-content-length"])
    first, second = json.loads(answer.content[:length])["outputs"]
    packed = b"".join(struct.pack("<I", len(each)) + each.encode() for each in TEXTS[:2])
    assert (answer.content[length:], first["parameters"]) == (packed, {"binary_data_size": len(packed)})
    assert second["data"] == ROW


@pytest.mark.parametrize("nested", [False, True])
def test_pixels(nested: bool) -> None:
    front = Front()
    flat = list(range(36))
    rows = [[[flat[(i * 3 + j) * 3 :][:3] for j in range(3)] for i in range(2 * n, 2 * n + 2)] for n in range(2)]
    answer = infer(front, pixels([2, 2, 3, 3], rows if nested else flat))
    assert answer.status_code == 200, answer.text
    assert [part.content for part in front.pool.parts] == [bytes(range(18)), bytes(range(18, 36))]
    assert [part.facts["size"] for part in front.pool.parts] == [(3, 2)] * 2


def test_pixels_behind_the_json() -> None:
    front = Front()
    content = bytes(range(24))
    assert infer_bytes(front, content, {"name": "x", "datatype": "UINT8", "shape": [1, 4, 2, 3]}).status_code == 200
    assert [part.content for part in front.pool.parts] == [content]
    assert [part.facts["size"] for part in front.pool.parts] == [(2, 4)]


def test_a_bad_image_fails_the_request_and_is_named() -> None:
    answer = infer(Front(), files(IMAGE, BAD))
    sentence = f"Image 1 of 2: {REFUSAL['message']}"
    assert (answer.status_code, answer.json()) == (
        415,
        {"error": sentence, "code": REFUSAL["code"], "message": sentence},
    )
    alone = infer(Front(), files(BAD))
    assert (alone.status_code, alone.json()) == (415, {"error": REFUSAL["message"], **REFUSAL})
    undecoded = infer(Front(), {**files(IMAGE), "data": ["no base64"]})
    assert (undecoded.status_code, undecoded.json()["code"]) == (400, "bad_base64")


def test_a_bad_image_fails_alone_where_errors_are_asked_for() -> None:
    wanted = [{"name": "probabilities"}, {"name": "c", "parameters": {"classification": 2}}, {"name": "errors"}]
    answer = infer(Front(), {**files(IMAGE, BAD, b""), "data": [*b64(IMAGE, BAD), "no base64"]}, outputs=wanted)
    assert answer.status_code == 200
    shares, classes, errors = answer.json()["outputs"]
    assert shares["data"] == ROW + [0.0] * 6
    assert classes["data"] == TEXTS[:2] + [""] * 4
    assert (errors["shape"], errors["datatype"]) == ([3], "BYTES")
    assert [json.loads(text)["code"] if text else "" for text in errors["data"]] == ["", REFUSAL["code"], "bad_base64"]


def test_only_errors() -> None:
    (output,) = infer(Front(), files(IMAGE), outputs=[{"name": "errors"}]).json()["outputs"]
    assert output["data"] == [""]


def test_refusals_of_the_pool() -> None:
    front = Front()
    front.pool.error = QueueFullError("Full.")
    answer = infer(front, files(IMAGE))
    assert (answer.status_code, answer.json()["error"], answer.json()["code"]) == (503, "Full.", "queue_full")
    front = Front()
    front.pool.answers = lambda ticket: ticket.fail(KillerError("It ended them."))
    assert infer(front, files(IMAGE)).json() == {
        "error": "It ended them.",
        "code": "crashed",
        "message": "It ended them.",
    }


SMALL = [1, 1, 1, 3]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({}, "inputs is missing"),
        ({"inputs": 5}, "inputs"),
        ({"inputs": []}, "0 inputs"),
        ({"inputs": [files(b"")] * 2}, "2 inputs"),
        ({"inputs": [{"name": "x", "datatype": "BYTES", "shape": [1]}]}, "binary_data_size"),
        ({"inputs": [files()]}, "0 images"),
        ({"inputs": [{**files(b""), "shape": [2]}]}, "1 images"),
        ({"inputs": [{**files(b""), "shape": []}]}, "[]"),
        ({"inputs": [{**files(b""), "shape": [-1]}]}, "shape"),
        ({"inputs": [{**files(b""), "shape": [1.0]}]}, "shape"),
        ({"inputs": [{**files(b""), "shape": [2**64]}]}, "shape"),
        ({"inputs": [{**files(b""), "shape": [1] * 9}]}, "shape"),
        ({"inputs": [{**files(b""), "shape": "x" * 5000}]}, "shape"),
        ({"inputs": [{**files(b""), "data": "text"}]}, "must be a list"),
        ({"inputs": [{**files(b""), "datatype": "FP32"}]}, "FP32"),
        ({"inputs": [pixels([1], [1])]}, "[images, rows, columns, 3]"),
        ({"inputs": [pixels([1, 1, 1, 4], [1] * 4)]}, "[images, rows, columns, 3]"),
        ({"inputs": [pixels([0, 1, 1, 3], [])]}, "[images, rows, columns, 3]"),
        ({"inputs": [pixels(SMALL, [1, 2])]}, "3 values, not 2"),
        ({"inputs": [pixels([2**60, 2**60, 2**60, 3], [1, 2, 3])]}, "values, not 3"),
        ({"inputs": [pixels(SMALL, [1, 2, 256])]}, "0 to 255"),
        ({"inputs": [pixels(SMALL, [1, 2, -1])]}, "0 to 255"),
        ({"inputs": [pixels(SMALL, [1, 2, 0.5])]}, "0 to 255"),
        ({"inputs": [pixels(SMALL, ["1", 2, 3])]}, "0 to 255"),
        ({"inputs": [pixels(SMALL, [[[[[1, 2, 3]]]]])]}, "0 to 255"),
        ({"inputs": [files(b"")], "outputs": [{"name": "a", "parameters": {"classification": -1}}]}, "0 or more"),
        ({"inputs": [files(b"")], "outputs": [{"name": "a"}] * 17}, "outputs"),
        ({"inputs": [files(b"")], "id": 5}, "id"),
        ({"inputs": [{**files(b""), "parameters": {"binary_data_size": 3}}]}, "binary_data_size is 3"),
    ],
)
def test_content_that_cannot_be_used(content: Any, says: str) -> None:
    answer = Front().ask("POST", "/v2/models/owls/infer", json=content)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_content"), answer.text
    assert says in answer.json()["error"]
    assert len(answer.json()["error"]) < 300
    assert answer.json()["error"] == answer.json()["message"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\x05\0\0\0abcd", "cut short"),
        (b"\x05\0", "cut short"),
        (b"\xff\xff\xff\xff", "cut short"),
        (b"\0\0\0\0" * 2, "2 images"),
    ],
)
def test_texts_that_do_not_end_where_they_say(content: bytes, says: str) -> None:
    answer = infer_bytes(Front(), content, {"name": "x", "datatype": "BYTES", "shape": [1]})
    assert (answer.status_code, says in answer.json()["error"]) == (422, True), answer.text


@pytest.mark.parametrize("length", ["-1", "3", "two", "", "9" * 30, "²"])
def test_a_wrong_length_of_the_json(length: str) -> None:
    headers = {"Inference-Header-Content-Length": length.encode("latin-1")}
    answer = Front().ask("POST", "/v2/models/owls/infer", content=b"{}", headers=headers)
    assert (answer.status_code, "Inference-Header-Content-Length" in answer.json()["error"]) == (422, True)


def test_too_many_images_are_refused_before_they_are_decoded() -> None:
    most = QUEUE_SIZE
    assert infer(Front(), files(*[b""] * most)).status_code == 200
    assert infer(Front(), pixels([most, 1, 1, 3], [0] * 3 * most)).status_code == 200
    many = most + 1
    answers = [
        infer(Front(), {**files(*[b""] * many), "data": [5] * many}),
        infer(Front(), pixels([many, 1, 1, 3], [0] * 3 * many)),
        infer_bytes(Front(), b"\0\0\0\0" * many, {"name": "x", "datatype": "BYTES", "shape": [many]}),
    ]
    assert [(each.status_code, each.json()["code"]) for each in answers] == [(413, "too_many_images")] * 3


def test_what_server_and_model_are() -> None:
    front = Front()
    described = front.ask("GET", "/v2/models/owls").json()
    assert front.ask("GET", "/v2/models/owls/versions/1.0").json() == described
    assert (described["name"], described["versions"]) == ("owls", ["1.0"])
    assert described["inputs"] == [
        {"name": "image", "datatype": "BYTES", "shape": [-1]},
        {"name": "pixels", "datatype": "UINT8", "shape": [-1, -1, -1, 3]},
    ]
    assert described["outputs"] == [
        {"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]},
        {"name": "errors", "datatype": "BYTES", "shape": [-1]},
    ]
    server = front.ask("GET", "/v2").json()
    assert (server["name"], server["extensions"]) == ("groupnl", ["classification", "binary_tensor_data"])


def test_health() -> None:
    front = Front()
    ready = ("/v2/health/ready", "/v2/models/owls/ready", "/v2/models/owls/versions/1.0/ready")
    assert [front.ask("GET", path).status_code for path in ("/v2/health/live", *ready)] == [200] * 4
    front.pool.workers = []
    assert front.ask("GET", "/v2/health/live").status_code == 200
    for path in ready:
        answer = front.ask("GET", path)
        assert (answer.status_code, answer.json()["code"]) == (503, "no_worker")
        assert answer.json()["error"] == answer.json()["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/nothing", 404),
        ("GET", "/v2/models/cats", 404),
        ("GET", "/v2/models/owls/versions/3", 404),
        ("POST", "/v2/models/cats/infer", 404),
        ("GET", "/v2/models/owls/infer", 405),
        ("POST", "/v2", 405),
        ("POST", "/v2/models/owls/infer", 400),
    ],
)
def test_every_error_has_the_key_of_the_protocol(method: str, path: str, status: int) -> None:
    answer = Front().ask(method, path, content=b"" if method == "POST" else None)
    assert answer.status_code == status
    assert answer.json()["error"] == answer.json()["message"]
    assert answer.json().keys() == {"error", "code", "message"}
