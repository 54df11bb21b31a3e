"""The calls of the Open Inference Protocol: what each answers."""

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import grpc

import groupnl
from groupnl.errors import RefusedError
from groupnl.server.rpc.call import Call
from groupnl.server.rpc.messages import MESSAGES, SERVICE
from groupnl.server.rpc.served import Served
from groupnl.server.rpc.tensors import pictures_of, response, wanted_by
from groupnl.server.web.answer import Answer, internal_error, refusal
from groupnl.server.web.asking import Asking, ask
from groupnl.server.web.health import Health
from groupnl.server.web.tensors import INPUTS, classes_needed, first_failure, output_shapes, outputs
from groupnl.server.web.v2 import EXTENSIONS, PLATFORM

logger = logging.getLogger(__name__)
INFER = "ModelInfer"
_OPEN = ("ServerLive", "ServerReady")  # to everybody, without a key
Answerer = Callable[[Any, Call], Awaitable[Any]]


class RpcService:
    """Answers the calls.

    Args:
        served: what they need of the server.
    """

    def __init__(self, served: Served) -> None:
        self._models, limits, self._state, self._watch, self._door, self._proxies = served
        self._asking = Asking(self._models, limits)
        self._health = Health(self._models, self._state)

    def handlers(self) -> Any:
        """What grpc needs to know of them."""
        answerers: dict[str, Answerer] = {
            "ServerLive": self._server_live,
            "ServerReady": self._server_ready,
            "ModelReady": self._model_ready,
            "ServerMetadata": self._server_metadata,
            "ModelMetadata": self._model_metadata,
            INFER: self._infer,
        }
        return grpc.method_handlers_generic_handler(
            SERVICE, {name: self._handler(name, answerer) for name, answerer in answerers.items()}
        )

    def _handler(self, name: str, answerer: Answerer) -> Any:
        async def answer(request: Any, context: Any) -> Any:
            call = Call(context, f"/{SERVICE}/{name}", is_infer=name == INFER, proxies=self._proxies)
            call.account.is_health = name in _OPEN
            self._watch.begin(call.account)
            self._state.in_hand += 1
            try:
                await call.name_itself()
                return await self._answer(answerer, request, call, is_open=name in _OPEN)
            finally:
                self._state.in_hand -= 1
                self._watch.end(call.account)

        return grpc.unary_unary_rpc_method_handler(
            answer,
            request_deserializer=MESSAGES[f"{name}Request"].FromString,
            response_serializer=MESSAGES[f"{name}Response"].SerializeToString,
        )

    async def _answer(self, answerer: Answerer, request: Any, call: Call, *, is_open: bool) -> Any:
        try:
            if not is_open:
                self._door.check_key(call.headers, call.account)
            answer = await answerer(request, call)
        except RefusedError as error:
            answer = refusal(error)
        except Exception:
            logger.exception("call %s could not be answered", call.account.request_id)
            answer = internal_error()
        if isinstance(answer, Answer):
            await call.refuse(answer)
        call.account.status, call.account.bytes_out = HTTPStatus.OK, answer.ByteSize()
        return answer

    async def _server_live(self, _: Any, __: Call) -> Any:
        return MESSAGES["ServerLiveResponse"](live=True)

    async def _server_ready(self, _: Any, call: Call) -> Any:
        if problem := self._health.problem():
            call.account.code = problem.code
        return MESSAGES["ServerReadyResponse"](ready=problem is None)

    async def _model_ready(self, request: Any, _: Call) -> Any:
        found = self._models.find(request.name, request.version or None)
        return MESSAGES["ModelReadyResponse"](ready=bool(found.pool.workers))

    async def _server_metadata(self, _: Any, __: Call) -> Any:
        return MESSAGES["ServerMetadataResponse"](name="groupnl", version=groupnl.__version__, extensions=EXTENSIONS)

    async def _model_metadata(self, request: Any, _: Call) -> Any:
        found = self._models.find(request.name, request.version or None)
        versions = [found] if request.version else self._models.versions(request.name)
        return MESSAGES["ModelMetadataResponse"](
            name=found.name,
            versions=[each.number for each in versions],
            platform=PLATFORM,
            inputs=[_shape(*each) for each in INPUTS],
            outputs=[_shape(*each) for each in output_shapes(len(found.manifest.card.classes))],
        )

    async def _infer(self, request: Any, call: Call) -> Any:
        question = self._asking.question(call, request.model_name, request.model_version or None)
        call.account.bytes_in = request.ByteSize()
        classes = question.model.manifest.card.classes
        wanted = wanted_by(request)
        pictures = pictures_of(request, question.most_images)
        answers = await ask(question, pictures, classes_needed(wanted, len(classes)))
        if failure := first_failure(answers, wanted):
            return failure
        head = {"model_name": question.model.name, "model_version": question.model.number, "id": request.id}
        return response(head, outputs(answers, wanted, classes), raw=bool(request.raw_input_contents))


def _shape(name: str, datatype: str, shape: list[int]) -> Any:
    return MESSAGES["Shape"](name=name, datatype=datatype, shape=shape)
