"""The same image gives the same answer on every way, by the clients that people use."""

import asyncio
import base64
import json
import queue
import shutil
import subprocess
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import numpy as np
import pytest
import requests
from PIL import Image
from support.grpc_server import grpc_server
from support.hostile import hostile_cases
from support.pictures import encode, scene
from support.raw_socket import raw_socket
from support.server import Server, only_ours
from support.tiny import CLASSES
from support.waiting import until

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from tritonclient import grpc as triton_grpc
    from tritonclient import http as triton

pytestmark = only_ours
PIXELS = scene()
PHOTO = encode(Image.fromarray(PIXELS), "PNG")
TEXT = base64.b64encode(PHOTO).decode()
Shares = dict[str, float]


@pytest.fixture(scope="module")
def expected(server: Server) -> Shares:
    """By the plainest way."""
    content = server.predict("tiny", PHOTO, {"X-Top-K": "7"}).content
    assert sorted(content) == sorted(CLASSES)
    return dict(content)


def _url(server: Server, path: str = "/predictions/tiny") -> str:
    return f"http://127.0.0.1:{server.inference}{path}"


def _curl(*options: str) -> Callable[[Server, Path], Shares]:
    def ask(server: Server, file: Path) -> Shares:
        words = [word.format(file=file) for word in options]
        done = subprocess.run(["curl", "-sS", "-f", *words, _url(server)], capture_output=True, check=True)
        return dict(json.loads(done.stdout))

    return ask


def _httpx(server: Server, _: Path) -> Shares:
    return dict(httpx.put(_url(server), content=PHOTO).json())


def _httpx_chunked(server: Server, _: Path) -> Shares:
    pieces = (PHOTO[start : start + 999] for start in range(0, len(PHOTO), 999))
    return dict(httpx.post(_url(server), content=pieces).json())


def _requests(server: Server, file: Path) -> Shares:
    with file.open("rb") as content:
        return dict(requests.post(_url(server), data=content, timeout=20).json())


def _requests_form(server: Server, file: Path) -> Shares:
    with file.open("rb") as content:
        return dict(requests.post(_url(server), files={"any": content}, timeout=20).json())


def _urllib(server: Server, _: Path) -> Shares:
    with urllib.request.urlopen(_url(server), PHOTO, timeout=20) as answer:  # as form-urlencoded
        return dict(json.load(answer))


def _aiohttp(server: Server, _: Path) -> Shares:
    async def ask() -> Shares:
        async with aiohttp.ClientSession() as session, session.post(_url(server), data=PHOTO) as answer:
            return dict(await answer.json())

    return asyncio.run(ask())


def _sagemaker(server: Server, _: Path) -> Shares:
    headers = {"Content-Type": "application/x-image"}
    return dict(requests.post(_url(server, "/invocations"), data=PHOTO, headers=headers, timeout=20).json())


def _v1(server: Server, _: Path) -> Shares:
    url = _url(server, "/v1/models/tiny:predict")
    answer = requests.post(url, json={"instances": [{"b64": TEXT}]}, timeout=20).json()
    return dict(answer["predictions"][0])


def _fetch(server: Server, file: Path) -> Shares:
    """As a page's script asks; Node has the same function."""
    script = "fetch(process.argv[1], {method: 'POST', body: require('fs').readFileSync(process.argv[2])})"
    script += ".then(answer => answer.text()).then(console.log)"
    done = subprocess.run(["node", "-e", script, _url(server), str(file)], capture_output=True, check=True)
    return dict(json.loads(done.stdout))


def _triton(kind: str, *, binary: bool) -> Callable[[Server, Path], Shares]:
    def ask(server: Server, _: Path) -> Shares:
        values = PIXELS[None] if kind == "UINT8" else np.array([PHOTO if binary else TEXT.encode()], dtype=object)
        client = triton.InferenceServerClient(f"127.0.0.1:{server.inference}")
        try:
            given = triton.InferInput("any", list(values.shape), kind)
            given.set_data_from_numpy(values, binary_data=binary)
            wanted = triton.InferRequestedOutput("probabilities", binary_data=binary)
            row = client.infer("tiny", [given], outputs=[wanted]).as_numpy("probabilities")[0]
        finally:
            client.close()
        return dict(sorted(zip(CLASSES, row.tolist(), strict=True), key=lambda pair: -pair[1])[:5])

    return ask


WAYS: dict[str, Callable[[Server, Path], Shares]] = {
    "curl PUT": _curl("-T", "{file}"),
    "curl POST": _curl("--data-binary", "@{file}"),  # as form-urlencoded
    "curl form": _curl("-F", "photo=@{file}"),
    "curl HTTP/1.0": _curl("-0", "--data-binary", "@{file}", "-H", "Content-Type:"),
    "curl chunked": _curl("-T", "{file}", "-H", "Transfer-Encoding: chunked"),
    "curl Expect": _curl("-T", "{file}", "-H", "Expect: 100-continue"),
    "urllib": _urllib,
    "httpx": _httpx,
    "httpx chunked": _httpx_chunked,
    "requests": _requests,
    "requests form": _requests_form,
    "aiohttp": _aiohttp,
    "fetch": _fetch,
    "SageMaker": _sagemaker,
    "v1": _v1,
    "triton file": _triton("BYTES", binary=True),
    "triton file, JSON": _triton("BYTES", binary=False),
    "triton pixels": _triton("UINT8", binary=True),
    "triton pixels, JSON": _triton("UINT8", binary=False),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_same_image_gives_the_same_answer(server: Server, expected: Shares, tmp_path: Path, way: str) -> None:
    if (program := {"fetch": "node", "curl": "curl"}.get(way.split()[0])) and shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    (tmp_path / "a photo.png").write_bytes(PHOTO)
    found = WAYS[way](server, tmp_path / "a photo.png")
    assert list(found) == list(expected)[:5]
    assert list(found.values()) == pytest.approx(list(expected.values())[:5], abs=1e-6)


def test_a_bad_image_among_good_ones(server: Server, expected: Shares) -> None:
    instances = [{"b64": TEXT}, {"b64": base64.b64encode(b"no image").decode()}, {"b64": TEXT}]
    answer = requests.post(_url(server, "/v1/models/tiny:predict"), json={"instances": instances}, timeout=20)
    first, bad, last = answer.json()["predictions"]
    assert (answer.status_code, bad["error"]["code"]) == (200, "unsupported_type")
    for found in (first, last):
        assert found == pytest.approx(dict(list(expected.items())[:5]), abs=1e-5)  # batches are summed in another order


@pytest.mark.timeout(180)
def test_hostile_files_fail_in_their_place(server: Server, expected: Shares) -> None:
    """A good photo after every seven; what fits no request is left to the tests of single images."""
    cases = [case for case in hostile_cases() if len(case.data) < 2**20]
    wrong = []
    for start in range(0, len(cases), 7):
        group = cases[start : start + 7]
        instances = [{"b64": base64.b64encode(data).decode()} for data in (*(case.data for case in group), PHOTO)]
        url = _url(server, "/v1/models/tiny:predict")
        *found, good = requests.post(url, json={"instances": instances}, timeout=60).json()["predictions"]
        assert good == pytest.approx(dict(list(expected.items())[:5]), abs=1e-5)
        codes = [each["error"]["code"] if "error" in each else None for each in found]
        wrong += [
            (case.name, code)
            for case, code in zip(group, codes, strict=True)
            if code not in {wanted for _, wanted in case.expected}
        ]
    assert wrong == []


def test_triton_client(server: Server, expected: Shares) -> None:
    client = triton.InferenceServerClient(f"127.0.0.1:{server.inference}")
    try:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("tiny")
        assert client.is_model_ready("tiny", "1.0")
        assert not client.is_model_ready("nobody")
        assert client.get_server_metadata()["name"] == "groupnl"
        assert client.get_model_metadata("tiny")["versions"] == ["1.0"]
        given = triton.InferInput("image", [2], "BYTES")
        given.set_data_from_numpy(np.array([PHOTO, b"no image"], dtype=object))
        with pytest.raises(triton.InferenceServerException, match="Image 1 of 2: This looks like text") as refused:
            client.infer("tiny", [given])
        assert refused.value.status() == "415"
        wanted = [triton.InferRequestedOutput("best", class_count=2), triton.InferRequestedOutput("errors")]
        result = client.infer("tiny", [given], outputs=wanted, request_id="seven")
        assert result.get_response()["id"] == "seven"
        places = [f"{share:f}:{CLASSES.index(name)}:{name}".encode() for name, share in list(expected.items())[:2]]
        assert result.as_numpy("best").tolist() == [places, [b"", b""]]
        assert result.as_numpy("errors")[0] == b""
        assert json.loads(result.as_numpy("errors")[1])["code"] == "unsupported_type"
    finally:
        client.close()


@pytest.fixture(scope="module")
def with_grpc(kind: str, store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, int]]:
    """A server, and its port of gRPC."""
    with grpc_server(tmp_path_factory.mktemp("grpc"), store) as running:
        yield running


def _grpc_input(kind: str, values: Any) -> Any:
    given = triton_grpc.InferInput("any", list(values.shape), kind)
    given.set_data_from_numpy(values)
    return given


def test_grpc(with_grpc: tuple[Server, int]) -> None:
    server, port = with_grpc
    expected = server.predict("tiny", PHOTO, {"X-Top-K": "7"}).content
    row = [expected[name] for name in CLASSES]
    photos = np.array([PHOTO], dtype=object)
    with triton_grpc.InferenceServerClient(f"127.0.0.1:{port}") as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("tiny", "1.0")
        assert client.get_model_metadata("tiny").versions == ["1.0"]
        for given in (_grpc_input("BYTES", photos), _grpc_input("UINT8", PIXELS[None])):
            found = client.infer("tiny", [given]).as_numpy("probabilities")
            assert found.tolist() == [pytest.approx(row, abs=1e-6)]
        several = _grpc_input("BYTES", np.array([PHOTO, b"no image"], dtype=object))
        with pytest.raises(triton_grpc.InferenceServerException, match="Image 1 of 2: This looks like text"):
            client.infer("tiny", [several])
        wanted = [triton_grpc.InferRequestedOutput("best", class_count=1), triton_grpc.InferRequestedOutput("errors")]
        result = client.infer("tiny", [several], outputs=wanted)
        best, share = next(iter(expected.items()))
        assert result.as_numpy("best").tolist() == [[f"{share:f}:{CLASSES.index(best)}:{best}".encode()], [b""]]
        assert json.loads(result.as_numpy("errors")[1])["code"] == "unsupported_type"
        with pytest.raises(triton_grpc.InferenceServerException, match="at most 64 are answered at once"):
            client.infer("tiny", [_grpc_input("BYTES", np.array([b""] * 65, dtype=object))])


def test_a_stopping_service_answers_the_calls_in_hand(with_grpc: tuple[Server, int]) -> None:
    server, port = with_grpc
    answers: queue.Queue[Any] = queue.Queue()
    given = _grpc_input("BYTES", np.array([PHOTO] * 8, dtype=object))
    with triton_grpc.InferenceServerClient(f"127.0.0.1:{port}") as client:
        for _ in range(8):
            client.async_infer("tiny", [given], callback=lambda result, error: answers.put(error or result))
        until(lambda: answers.qsize() + server.count("requests_in_hand") >= 8)  # the client sends when it likes
        assert server.stop() == 0
        found = [answers.get(timeout=30) for _ in range(8)]
    assert [each for each in found if not isinstance(each, triton_grpc.InferResult)] == []


def _head(version: str, *headers: str, method: str = "POST") -> bytes:
    return "\r\n".join([f"{method} /predictions/tiny HTTP/{version}", "Host: here", *headers, "", ""]).encode()


LENGTH = f"Content-Length: {len(PHOTO)}"


@pytest.mark.parametrize(
    ("version", "header", "is_kept"),
    [
        ("1.1", "X: y", True),
        ("1.1", "Connection: close", False),
        ("1.0", "X: y", False),
        ("1.0", "Connection: Keep-Alive", True),
    ],
)
def test_connections_are_kept_as_the_client_asks(server: Server, version: str, header: str, is_kept: bool) -> None:
    with raw_socket(server.inference) as connection:
        for _ in range(2 if is_kept else 1):
            connection.send(_head(version, header, LENGTH) + PHOTO)
            status, headers, _ = connection.answer()
            assert status == 200
            said = headers.get("connection")
        assert said == {("1.0", True): "keep-alive", ("1.1", True): None}.get((version, is_kept), "close")
        if not is_kept:
            assert connection.is_closed()


def test_a_body_that_is_waited_for(server: Server) -> None:
    with raw_socket(server.inference) as connection:
        connection.send(_head("1.1", LENGTH, "Expect: 100-continue"))
        assert connection.answer() == (100, {}, b"")
        connection.send(PHOTO)
        assert connection.answer()[0] == 200


def test_a_body_that_is_not_wanted_is_not_waited_for(server: Server) -> None:
    for head in (_head("1.1", "Content-Length: 99999999"), _head("1.1", LENGTH, method="PATCH")):
        with raw_socket(server.inference) as connection:
            connection.send(head.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
            status, headers, _ = connection.answer()
            assert (status in (405, 413), headers["connection"]) == (True, "close")
            assert connection.is_closed()


def test_chunks(server: Server) -> None:
    half = len(PHOTO) // 2
    chunks = b"".join(b"%x;a=b\r\n%b\r\n" % (len(part), part) for part in (PHOTO[:half], PHOTO[half:]))
    with raw_socket(server.inference) as connection:
        for _ in range(2):
            connection.send(_head("1.1", "Transfer-Encoding: chunked") + chunks + b"0\r\nTrailer: x\r\n\r\n")
            assert connection.answer()[0] == 200


@pytest.mark.parametrize("size", [40_000, 400_000])
def test_headers_that_are_too_large(server: Server, size: int) -> None:
    with raw_socket(server.inference) as connection:
        connection.send(_head("1.1", f"X: {'x' * size}", LENGTH))
        status, _, body = connection.answer()
        assert (status, json.loads(body)["code"]) == (431, "headers_too_large")


def test_pages_may_ask_where_the_operator_says_so(start: Callable[..., Server], store: Path) -> None:
    site = "https://example.org"
    own = start("--model-store", str(store), "--models", "tiny", "--cors-origin", site)
    own.wait_for("Ctrl-C stops")
    ask = {"Origin": site, "Access-Control-Request-Method": "POST"}
    first = requests.options(_url(own), headers=ask, timeout=20)
    assert (first.status_code, first.headers["Access-Control-Allow-Origin"]) == (204, site)
    answer = requests.post(_url(own), data=PHOTO, headers={"Origin": site}, timeout=20)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, site)
    assert own.stop() == 0
