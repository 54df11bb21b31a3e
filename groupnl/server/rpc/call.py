"""One call of gRPC and its answer: as a caller to the models, as an account to the log, as a status to the client."""

import asyncio
import functools
import json
import time
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import grpc

from groupnl.errors import DeadlineError
from groupnl.metrics import GRPC, OTHER
from groupnl.server.observed.account import Account
from groupnl.server.web.answer import Answer
from groupnl.server.web.proxies import Proxies

CODE_KEY = "groupnl-code"  # of the metadata behind an error: which one
_STATUSES: Mapping[int, grpc.StatusCode] = {
    HTTPStatus.UNAUTHORIZED: grpc.StatusCode.UNAUTHENTICATED,
    HTTPStatus.FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
    HTTPStatus.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    HTTPStatus.SERVICE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT: grpc.StatusCode.DEADLINE_EXCEEDED,
    HTTPStatus.INTERNAL_SERVER_ERROR: grpc.StatusCode.INTERNAL,
}


def address_of(peer: str) -> str:
    """The address in what grpc calls a peer: ``ipv4:127.0.0.1:5000``, ``ipv6:%5B::1%5D:5000``."""
    return unquote(peer.partition(":")[2]).rpartition(":")[0].strip("[]")


class Call:
    """A call.

    Args:
        context: of grpc.
        method: its full name.
        is_infer: whether it asks about images.
        proxies: that may say who asks.

    Attributes:
        headers: its metadata, lower-case name -> value.
        account: what is known of it.
    """

    def __init__(self, context: Any, method: str, *, is_infer: bool, proxies: Proxies) -> None:
        self._context = context
        metadata = context.invocation_metadata() or ()
        self.headers: dict[str, str] = {key: value for key, value in metadata if isinstance(value, str)}
        began = time.perf_counter()
        client = proxies.client(address_of(context.peer()), functools.partial(_values, metadata))
        self.account = Account.open("POST", method, client, self.headers, began)
        self.account.read = began  # grpc has waited for all of it
        self.account.protocol = GRPC if is_infer else OTHER

    async def wait_for(self, answer: "asyncio.Future[Any]", seconds: float) -> None:
        """Wait until the future is done; it is cancelled where nobody waits any more.

        Raises:
            DeadlineError: there is nothing after so many seconds, or when the client waits no longer.
        """
        left = self._context.time_remaining()
        try:
            await asyncio.wait({answer}, timeout=seconds if left is None else min(seconds, left))
            if not answer.done():
                raise DeadlineError
        finally:
            answer.cancel()

    async def name_itself(self) -> None:
        """Tell the client what the call is called, before its answer."""
        await self._context.send_initial_metadata(tuple(self.account.headers.items()))

    async def refuse(self, answer: Answer) -> None:
        """End the call with an error; does not return.

        Args:
            answer: what a client of HTTP would get.
        """
        error = json.loads(answer.body)
        self.account.status, self.account.code = answer.status, error["code"]
        status = _STATUSES.get(answer.status, grpc.StatusCode.INVALID_ARGUMENT)
        await self._context.abort(status, error["message"], ((CODE_KEY, error["code"]),))


def _values(metadata: Iterable[tuple[str, Any]], name: str) -> list[str]:
    return [value for key, value in metadata if key == name and isinstance(value, str)]
