"""The calls, with played workers: what each answers, and what a client is told of an error."""

import asyncio
import contextlib
import functools
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from support.front import BAD, CLASSES, QUEUE_SIZE, REFUSAL, SHARES, Front, play

from groupnl.errors import KillerError, NoWorkerError, QueueFullError
from groupnl.server.keys.keys import Keys
from groupnl.server.keys.secret import new_secret
from groupnl.server.pool.ticket import Ticket
from groupnl.server.rpc.call import CODE_KEY, address_of
from groupnl.server.rpc.messages import MESSAGES, SERVICE
from groupnl.server.rpc.served import Served
from groupnl.server.rpc.server import rpc_server
from groupnl.server.rpc.service import RpcService
from groupnl.server.web.proxies import Proxies
from groupnl_studies.harness.ports import free_ports

PROXIES = Proxies(["127.0.0.0/8"])
IMAGE = b"\xff\xd8\xffan image"
ROW = [SHARES[name] for name in CLASSES]
TEXTS = [b"0.500000:2:owl", b"0.375000:0:cat", b"0.125000:1:dog"]


def call(
    front: Front,
    rpc: str,
    /,
    timeout: float | None = None,
    metadata: Any = None,
    told: dict[str, Any] | None = None,
    **fields: Any,
) -> Any:
    """One call over a port of its own; `told` gets the metadata that come before the answer."""

    async def ask() -> Any:
        server = grpc.aio.server()
        service = RpcService(Served(front.models, front.limits, front.state, front.watch, front.door, PROXIES))
        server.add_generic_rpc_handlers([service.handlers()])
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                method = channel.unary_unary(
                    f"/{SERVICE}/{rpc}",
                    request_serializer=MESSAGES[f"{rpc}Request"].SerializeToString,
                    response_deserializer=MESSAGES[f"{rpc}Response"].FromString,
                )
                answer = method(MESSAGES[f"{rpc}Request"](**fields), timeout=timeout, metadata=metadata)
                if told is not None:
                    told.update(await answer.initial_metadata())
                return await answer
        finally:
            await server.stop(None)

    return asyncio.run(ask())


def files(*contents: bytes) -> Any:
    return MESSAGES["Tensor"](
        name="image", datatype="BYTES", shape=[len(contents)], contents=MESSAGES["Contents"](bytes_contents=contents)
    )


def wanted(name: str, classes: int | None = None) -> Any:
    value = MESSAGES["Value"](int64_param=classes)
    parameters = [] if classes is None else [MESSAGES["Parameter"](key="classification", value=value)]
    return MESSAGES["Wanted"](name=name, parameters=parameters)


def infer(front: Front, tensor: Any, **fields: Any) -> Any:
    return call(front, "ModelInfer", model_name="owls", inputs=[tensor], **fields)


@pytest.mark.parametrize("content", [IMAGE, BAD])
def test_a_call_has_an_id_and_a_trace(content: bytes) -> None:
    told: dict[str, Any] = {}
    trace = f"00-{'1' * 32}-{'2' * 16}-01"
    sent = (("x-request-id", "one/1"), ("traceparent", trace))
    with contextlib.suppress(grpc.aio.AioRpcError):
        infer(Front(), files(content), metadata=sent, told=told)
    assert (told["x-request-id"], told["traceparent"]) == ("one/1", trace)


def test_probabilities() -> None:
    answer = infer(Front(), files(IMAGE, IMAGE), id="seven")
    (output,) = answer.outputs
    assert (answer.model_name, answer.model_version, answer.id) == ("owls", "1.0", "seven")
    assert (output.name, output.datatype, list(output.shape)) == ("probabilities", "FP32", [2, 3])
    assert list(output.contents.fp32_contents) == ROW * 2


def test_classes() -> None:
    (output,) = infer(Front(), files(IMAGE), outputs=[wanted("best", 2)]).outputs
    assert (output.datatype, list(output.shape)) == ("BYTES", [1, 2])
    assert list(output.contents.bytes_contents) == TEXTS[:2]


def test_raw_contents_are_answered_by_raw_contents() -> None:
    front = Front()
    tensor = MESSAGES["Tensor"](name="x", datatype="UINT8", shape=[2, 1, 2, 3])
    answer = infer(front, tensor, raw_input_contents=[bytes(range(12))])
    assert [part.content for part in front.pool.parts] == [bytes(range(6)), bytes(range(6, 12))]
    assert [part.facts["size"] for part in front.pool.parts] == [(2, 1)] * 2
    assert len(answer.raw_output_contents) == 1
    assert len(answer.raw_output_contents[0]) == 2 * 3 * 4
    assert not answer.outputs[0].HasField("contents")


def test_pixels_in_their_field() -> None:
    front = Front()
    contents = MESSAGES["Contents"](uint_contents=[1, 2, 255])
    infer(front, MESSAGES["Tensor"](name="x", datatype="UINT8", shape=[1, 1, 1, 3], contents=contents))
    assert front.pool.parts[0].content == bytes([1, 2, 255])


def test_a_bad_image_fails_alone_where_errors_are_asked_for() -> None:
    first, errors = infer(Front(), files(IMAGE, BAD), outputs=[wanted("p"), wanted("errors")]).outputs
    assert list(first.contents.fp32_contents) == ROW + [0.0] * 3
    assert [REFUSAL["code"].encode() in text for text in errors.contents.bytes_contents] == [False, True]


def refused(of: Callable[[], Any]) -> tuple[grpc.StatusCode, str, str]:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        of()
    trailing = dict(error.value.trailing_metadata() or ())
    return error.value.code(), str(trailing[CODE_KEY]), str(error.value.details())


def test_a_bad_image_fails_the_call_and_is_named() -> None:
    code, name, text = refused(lambda: infer(Front(), files(IMAGE, BAD)))
    assert (code, name) == (grpc.StatusCode.INVALID_ARGUMENT, REFUSAL["code"])
    assert text == f"Image 1 of 2: {REFUSAL['message']}"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (QueueFullError("Full."), grpc.StatusCode.UNAVAILABLE),
        (NoWorkerError("None."), grpc.StatusCode.UNAVAILABLE),
        (KillerError("It."), grpc.StatusCode.INTERNAL),
    ],
)
def test_refusals_of_the_pool(error: Any, code: grpc.StatusCode) -> None:
    front = Front()
    front.pool.error = error
    assert refused(lambda: infer(front, files(IMAGE))) == (code, error.code, str(error))


def test_our_own_faults_are_told_without_what_happened() -> None:
    front = Front()
    front.pool.error = ZeroDivisionError("secret")
    code, name, text = refused(lambda: infer(front, files(IMAGE)))
    assert (code, name, "secret" in text) == (grpc.StatusCode.INTERNAL, "internal", False)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"inputs": []}, "0 inputs"),
        ({"inputs": [files(b"")] * 2}, "2 inputs"),
        ({"inputs": [files()]}, "0 images"),
        ({"inputs": [files(*[b""] * (QUEUE_SIZE + 1))]}, f"{QUEUE_SIZE + 1} images"),
        ({"inputs": [MESSAGES["Tensor"](datatype="FP32", shape=[1])]}, "FP32"),
        ({"inputs": [MESSAGES["Tensor"](datatype="BYTES", shape=[-1])]}, "-1"),
        ({"inputs": [MESSAGES["Tensor"](datatype="UINT8", shape=[1, 1, 1, 3])]}, "3 values, not 0"),
        ({"inputs": [files(b"")], "raw_input_contents": [b"", b""]}, "2 raw_input_contents"),
        ({"inputs": [files(b"")], "raw_input_contents": [b"\x09\0\0\0abc"]}, "cut short"),
        ({"inputs": [files(b"")], "outputs": [wanted("p")] * 17}, "17 outputs"),
        ({"inputs": [files(b"")], "outputs": [wanted("p", -1)]}, "-1"),
    ],
)
def test_requests_that_cannot_be_used(fields: dict[str, Any], says: str) -> None:
    code, _, text = refused(lambda: call(Front(), "ModelInfer", model_name="owls", **fields))
    assert (code, says in text) == (grpc.StatusCode.INVALID_ARGUMENT, True), text


def test_levels_beyond_a_byte() -> None:
    contents = MESSAGES["Contents"](uint_contents=[1, 2, 256])
    tensor = MESSAGES["Tensor"](name="x", datatype="UINT8", shape=[1, 1, 1, 3], contents=contents)
    assert "0 to 255" in refused(lambda: infer(Front(), tensor))[2]


def test_what_the_client_says_counts() -> None:
    front = Front()
    infer(front, files(IMAGE), metadata=(("x-request-key", "k"),))
    assert front.pool.parts[0].facts["x-request-key"] == "k"


def test_a_key_is_asked_for() -> None:
    secret, other = new_secret(), new_secret()
    front = Front(keys=Keys(None, f"web predict {secret};ops manage {other}"))

    def ask(*metadata: tuple[str, str]) -> Any:
        return infer(front, files(IMAGE), metadata=metadata)

    assert ask(("authorization", f"Bearer {secret}")).model_name == "owls"
    for metadata in ((), (("authorization", f"Bearer {new_secret()}"),), (("authorization", secret),)):
        assert refused(functools.partial(ask, *metadata))[:2] == (
            grpc.StatusCode.UNAUTHENTICATED,
            "unauthorized",
        )
    code, name, text = refused(lambda: ask(("authorization", f"Bearer {other}")))
    assert (code, name, other in text) == (grpc.StatusCode.PERMISSION_DENIED, "forbidden", False)
    for rpc, fields in (("ModelMetadata", {"name": "owls"}), ("ServerMetadata", {}), ("ModelReady", {"name": "owls"})):
        assert refused(functools.partial(call, front, rpc, **fields))[1] == "unauthorized"
    assert call(front, "ServerLive").live
    assert call(front, "ServerReady").ready
    assert len(front.pool.parts) == 1


def test_no_answer_in_time() -> None:
    front = Front(request_s=0.05)
    front.pool.answers = lambda ticket: None
    assert refused(lambda: infer(front, files(IMAGE)))[:2] == (grpc.StatusCode.DEADLINE_EXCEEDED, "deadline")
    assert front.state.in_hand == 0


def test_nobody_computes_for_a_client_that_waits_no_longer() -> None:
    front = Front(request_s=30)
    tickets: list[Any] = []
    front.pool.answers = tickets.append
    with pytest.raises(grpc.aio.AioRpcError) as error:
        infer(front, files(IMAGE), timeout=1.0)
    assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert tickets[0].answer.cancelled()


def test_health() -> None:
    front = Front()
    asked = {"ServerLive": "live", "ServerReady": "ready"}
    assert [getattr(call(front, name), field) for name, field in asked.items()] == [True, True]
    assert call(front, "ModelReady", name="owls", version="1.0").ready
    front.pool.workers = []
    assert [getattr(call(front, name), field) for name, field in asked.items()] == [True, False]
    assert not call(front, "ModelReady", name="owls").ready


def test_what_server_and_model_are() -> None:
    front = Front()
    assert call(front, "ServerMetadata").name == "groupnl"
    model = call(front, "ModelMetadata", name="owls")
    assert (model.name, list(model.versions)) == ("owls", ["1.0"])
    assert [(each.name, each.datatype, list(each.shape)) for each in (*model.inputs, *model.outputs)] == [
        ("image", "BYTES", [-1]),
        ("pixels", "UINT8", [-1, -1, -1, 3]),
        ("probabilities", "FP32", [-1, 3]),
        ("errors", "BYTES", [-1]),
    ]


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("ModelReady", {"name": "cats"}),
        ("ModelMetadata", {"name": "owls", "version": "2.0"}),
        ("ModelInfer", {"model_name": "cats"}),
    ],
)
def test_models_that_are_not_there(name: str, fields: dict[str, Any]) -> None:
    assert refused(lambda: call(Front(), name, **fields))[:2] == (grpc.StatusCode.NOT_FOUND, "not_found")


@pytest.mark.parametrize(
    ("peer", "address"), [("ipv4:127.0.0.1:5000", "127.0.0.1"), ("ipv6:%5B::1%5D:5000", "::1"), ("unix:", "")]
)
def test_the_address_of_a_client(peer: str, address: str) -> None:
    assert address_of(peer) == address


def test_a_proxy_says_who_calls() -> None:
    front = Front()
    for said in ((), (("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "203.0.113.7"))):
        call(front, "ServerLive", metadata=said)
    assert [account.client for account in front.accounts] == ["127.0.0.1", "203.0.113.7"]


def test_health_is_known_as_such_and_why_it_is_bad() -> None:
    front = Front()
    call(front, "ServerReady")
    front.pool.workers = []
    call(front, "ServerReady")
    call(front, "ServerMetadata")
    assert [(account.is_health, account.code) for account in front.accounts] == [
        (True, ""),
        (True, "no_worker"),
        (False, ""),
    ]


def test_the_end_lets_no_more_calls_in_and_waits_for_those_that_are_there() -> None:
    front = Front()
    waiting: list[Ticket] = []
    front.pool.answers = waiting.append

    async def run() -> None:
        address = "127.0.0.1", free_ports(1)[0]
        served = Served(front.models, front.limits, front.state, front.watch, front.door)
        async with (
            rpc_server(address, None, served) as end_calls,
            grpc.aio.insecure_channel("{}:{}".format(*address)) as channel,
        ):
            infer, live = (
                channel.unary_unary(
                    f"/{SERVICE}/{rpc}",
                    request_serializer=MESSAGES[f"{rpc}Request"].SerializeToString,
                    response_deserializer=MESSAGES[f"{rpc}Response"].FromString,
                )
                for rpc in ("ModelInfer", "ServerLive")
            )
            held = infer(MESSAGES["ModelInferRequest"](model_name="owls", inputs=[files(IMAGE)]))
            while not waiting:
                await asyncio.sleep(0.01)
            ending = asyncio.ensure_future(end_calls(60.0))
            await asyncio.sleep(0.2)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await live(MESSAGES["ServerLiveRequest"]())
            assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
            assert not ending.done()
            play(waiting[0])
            assert list((await held).outputs[0].contents.fp32_contents) == ROW
            await asyncio.wait_for(ending, 30)

    asyncio.run(run())
