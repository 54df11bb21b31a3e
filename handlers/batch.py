"""A batch as TorchServe hands it over to request items, and their replies to what it sends."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from groupnl.service.items import Item
from groupnl.service.replies import Reply
from handlers.context import Context

_CONTENT_TYPE = "application/json"


def read_items(data: Sequence[Mapping[str, Any]], context: Context) -> list[Item]:
    """Make one item of each request of the batch, in order."""
    return [Item(fields, _headers(context.get_all_request_header(index))) for index, fields in enumerate(data)]


def send(replies: Sequence[Reply], context: Context) -> list[dict[str, Any]]:
    """Set status and content type of each answer, and return the bodies as TorchServe wants them."""
    for index, reply in enumerate(replies):
        context.set_response_status(reply.status, HTTPStatus(reply.status).phrase, index)
        context.set_response_content_type(index, _CONTENT_TYPE)
    return [reply.body for reply in replies]


def _headers(raw: Mapping[str, Any]) -> dict[str, str]:
    # TorchServe mixes a mapping for each form field in; a field may have a header's name.
    return {name.lower(): value for name, value in raw.items() if isinstance(value, str)}
