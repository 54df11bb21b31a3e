"""One form of error, and one sentence for each cause."""

import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.front import BAD, Front
from support.server import form

from groupnl.errors import KillerError, NoWorkerError, QueueFullError, RefusedError, input_errors, refused_errors
from groupnl.server.web.forms import MOST_FIELDS

PATH = "/predictions/owls"
FORM = {"Content-Type": "multipart/form-data; boundary=x"}


@pytest.mark.parametrize(
    ("method", "path", "request_", "status", "code"),
    [
        ("PUT", PATH, {"content": b"", "headers": {"X-Request-Timeout-Ms": "soon"}}, 400, "bad_request"),
        ("POST", PATH, {"content": b"no form", "headers": FORM}, 400, "bad_form"),
        ("POST", "/v1/models/owls:predict", {"content": b"no JSON"}, 400, "bad_json"),
        ("PUT", "/predictions/cats", {"content": b""}, 404, "not_found"),
        ("PUT", f"{PATH}/2.0", {"content": b""}, 404, "not_found"),
        ("GET", "/nothing", {}, 404, "not_found"),
        ("GET", PATH, {}, 405, "method_not_allowed"),
        ("DELETE", PATH, {}, 405, "method_not_allowed"),
        ("PATCH", "/invocations", {"content": b""}, 405, "method_not_allowed"),
        ("POST", "/models", {"content": b""}, 405, "method_not_allowed"),
        ("PUT", PATH, {"content": bytes(3001)}, 413, "too_large"),
        ("PUT", PATH, {"content": None}, 413, "too_large"),
        ("PUT", PATH, {"content": BAD}, 415, "unsupported_type"),
        ("PUT", PATH, {"content": b"", "headers": {"Content-Encoding": "gzip"}}, 415, "encoded_body"),
        ("POST", "/v1/models/owls:predict", {"content": b"{}"}, 422, "bad_content"),
        ("POST", "/v2/models/owls/infer", {"content": b"{}"}, 422, "bad_content"),
    ],
)
def test_what_the_client_did_wrong(method: str, path: str, request_: Mapping[str, Any], status: int, code: str) -> None:
    if request_.get("content", b"") is None:
        request_ = {**request_, "content": _pieces()}
    _assert_refused(Front().ask(method, path, **request_), status, code)


async def _pieces() -> Any:
    for _ in range(2):
        yield bytes(2000)


def test_a_body_without_a_length_is_no_body() -> None:
    answer = _ask_raw(Front(), [])
    assert (answer["status"], json.loads(answer["body"])["code"]) == (411, "length_required")


def test_a_body_that_comes_too_slowly() -> None:
    answer = _ask_raw(Front(body_s=0.01), [(b"content-length", b"5")])
    assert (answer["status"], json.loads(answer["body"])["code"]) == (408, "request_timeout")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [(QueueFullError("Full."), 503, "queue_full"), (NoWorkerError("None."), 503, "no_worker")],
)
def test_what_the_service_cannot_do_now(error: RefusedError, status: int, code: str) -> None:
    front = Front()
    front.pool.error = error
    answer = front.ask("PUT", PATH, content=b"")
    _assert_refused(answer, status, code)
    assert int(answer.headers["retry-after"]) >= 1


def test_no_answer_in_time() -> None:
    front = Front(request_s=0.02)
    front.pool.answers = lambda ticket: None
    _assert_refused(front.ask("PUT", PATH, content=b""), 504, "deadline")
    front = Front()
    front.pool.answers = lambda ticket: None
    headers = {"X-Request-Timeout-Ms": "10"}
    _assert_refused(front.ask("PUT", PATH, content=b"", headers=headers), 504, "deadline")


def test_a_stopping_service_tells_balancers() -> None:
    front = Front()
    front.state.is_stopping = True
    _assert_refused(front.ask("GET", "/ready"), 503, "stopping")


def test_an_image_that_ends_workers() -> None:
    front = Front()
    front.pool.answers = lambda ticket: ticket.fail(KillerError("It ended them."))
    _assert_refused(front.ask("PUT", PATH, content=b""), 500, "crashed")


def test_our_own_faults_are_told_without_what_happened(caplog: pytest.LogCaptureFixture) -> None:
    front = Front()
    front.pool.error = ZeroDivisionError("secret")
    answer = front.ask("PUT", PATH, content=b"")
    _assert_refused(answer, 500, "internal")
    assert "secret" not in answer.text
    assert "secret" in caplog.text


def test_every_cause_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in refused_errors()]
    assert len(set(codes)) == len(codes)


def test_the_page_for_clients_names_every_code() -> None:
    page = (Path(__file__).parents[3] / "docs" / "clients.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([\d, ]+) \| (.+) \|$", page, re.MULTILINE))
    told = {
        (int(status), code)
        for key, text in rows.items()
        for status in key.split(", ")
        for code in re.findall(r"`(\w+)`", text)
    }
    of_operators = {(409, "not_reloaded")}
    kinds = {(error.status, error.code) for error in (*refused_errors(), *input_errors())}
    assert kinds - of_operators <= told


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/json", "text/plain", "x", "", None])
@pytest.mark.parametrize("path", [PATH, f"{PATH}/1.0", "/invocations"])
def test_any_content_type_is_an_image(path: str, kind: str | None) -> None:
    front = Front()
    headers = {} if kind is None else {"Content-Type": kind}
    assert front.ask("POST", path, content=b"image=%20&x", headers=headers).status_code == 200
    assert front.ask("PUT", path, content=b"image=%20&x", headers=headers).status_code == 200
    assert [part.content for part in front.pool.parts] == [b"image=%20&x"] * 2


@pytest.mark.parametrize("field", ["data", "body", "anything at all"])
def test_a_form_has_one_file(field: str) -> None:
    front = Front()
    content, headers = form(field, b"image\r\n--x")
    assert front.ask("POST", PATH, content=content, headers=headers).status_code == 200
    assert front.ask("POST", PATH, files={field: b"image"}, data={"note": "no file"}).status_code == 200
    assert [part.content for part in front.pool.parts] == [b"image\r\n--x", b"image"]
    answer = front.ask("POST", PATH, files=[(field, b"image"), ("other", b"image")])
    _assert_refused(answer, 400, "bad_form")
    assert "2 files" in answer.json()["message"]


def test_a_form_of_very_many_fields_is_not_read() -> None:
    front = Front()
    field = b"--x\r\na: b\r\n\r\n\r\n"
    answer = front.ask("POST", PATH, content=field * (MOST_FIELDS + 1) + b"--x--\r\n", headers=FORM)
    _assert_refused(answer, 400, "bad_form")
    assert f"more than {MOST_FIELDS} fields" in answer.json()["message"]


@pytest.mark.parametrize("boundary", ["*=utf-8''%E2%82%AC", "*=idna''%ff", f"*{'0' * 5000}=x", "*=none''x", ""])
def test_an_odd_boundary_is_no_fault_of_ours(boundary: str) -> None:
    headers = {"Content-Type": f"multipart/form-data; boundary{boundary}"}
    _assert_refused(Front().ask("POST", PATH, content=b"no form", headers=headers), 400, "bad_form")


def _assert_refused(answer: Any, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    message = answer.json()["message"]
    assert (message[0].isupper(), message[-1]) == (True, "."), message
    assert answer.headers["content-type"] == "application/json"
    if status == 405:
        assert answer.headers["allow"]


def _ask_raw(front: Front, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    """A request whose body never comes."""
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "PUT",
        "path": PATH,
        "headers": headers,
        "client": None,
    }
    answer: dict[str, Any] = {}

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        answer.update(message)

    asyncio.run(front.app(scope, receive, send))
    return answer
