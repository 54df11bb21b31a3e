"""One worker process: `groupnl.worker SOCKET FOLDER NAME ORDINAL`, run by `groupnl.base.bound`.

Its first messages say how far the model is, the last of them that it is ready, or why it cannot be loaded; then there
is one of answers for each of items. It ends when the socket does, and with the process that started it.
"""

import json
import logging
import os
import socket
import sys
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import torch

from groupnl.archive.model_config import read_setting
from groupnl.archive.read import CONFIG_FILE
from groupnl.base.yaml_file import read_mapping
from groupnl.corruptions.names import Cell
from groupnl.service.items import Item
from groupnl.service.loading import load_service
from groupnl.service.replies import Reply
from groupnl.service.service import Service
from groupnl.service.trials import Trial
from groupnl.worker import CELLS, CODE, PHASE, REFUSAL, SEED, SHOWS_PIXELS, SIZE, TIMES
from groupnl.worker.wire import Part, encode, read

logger = logging.getLogger(__name__)
LOG_FORMAT = "[%(levelname)s] %(name)s: %(message)s"  # the server adds the time, and shows what is a warning


def main(number: str, folder: str, name: str, ordinal: str) -> int:
    """Load the model, then answer until the socket is closed.

    Args:
        number: of the socket's file descriptor, which the server has opened.
        folder: the unpacked archive.
        name: of the model.
        ordinal: of this worker among those of the model, from 0; says which GPU is its own, where there are several.
    """
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    with socket.socket(fileno=int(number)) as link, link.makefile("rb") as items:
        try:
            service = _load(Path(folder), name, int(ordinal), lambda phase: _send(link, [Part({PHASE: phase})]))
        except Exception as error:
            logger.exception("the model %s cannot be loaded", name)
            _send(link, [Part({REFUSAL: " ".join(f"{error}".split()) or type(error).__name__})])
            return 1
        _send(link, [Part({"pid": os.getpid()})])
        _answer(service, items.read, link)
    return 0


def _load(folder: Path, name: str, ordinal: int, tell: Callable[[str], None]) -> Service:
    settings = read_mapping(folder / CONFIG_FILE)
    gpus = torch.cuda.device_count()
    gpu = ordinal % gpus if gpus else None
    batch_size = read_setting(settings, "batch_size")
    return load_service(folder, name, settings, gpu=gpu, batch_size=batch_size, tell=tell)


def _answer(service: Service, take: Callable[[int], bytes], link: socket.socket) -> None:
    while True:
        try:
            batch = read(take)
        except EOFError:
            return
        if CELLS in batch[0].facts:  # a trial, which is a batch of its own
            _send(link, [_try_out(service, part) for part in batch])
            continue
        replies = service.answer([_item(part) for part in batch])
        _send(link, [Part({**_facts(reply), TIMES: service.times}, _json(reply)) for reply in replies])


def _try_out(service: Service, part: Part) -> Part:
    facts = part.facts
    cells = tuple(Cell(*cell) for cell in facts[CELLS])
    reply = service.try_out(Trial(_item(part), cells, facts[SEED], facts[SHOWS_PIXELS]))
    return Part(_facts(reply), _json(reply) if reply.image is None else reply.image)


def _item(part: Part) -> Item:
    size = part.facts.get(SIZE)
    return Item({"body": part.content}, part.facts, None if size is None else (size[0], size[1]))


def _facts(reply: Reply) -> dict[str, Any]:
    status = int(reply.status)
    return {"status": status} if status == HTTPStatus.OK else {"status": status, CODE: reply.body["code"]}


def _json(reply: Reply) -> bytes:
    if any(isinstance(value, dict | list) for value in reply.body.values()):
        return json.dumps(reply.body, indent=2, ensure_ascii=False).encode() + b"\n"
    # The same text: what writes an indent is Python, and took three times as long as what does not, which is C.
    members = json.dumps(reply.body, separators=(",\n  ", ": "), ensure_ascii=False)[1:-1]
    return f"{{\n  {members}\n}}\n".encode()


def _send(link: socket.socket, parts: list[Part]) -> None:
    link.sendall(b"".join(encode(parts)))


if __name__ == "__main__":
    status = main(*sys.argv[1:])
    logging.shutdown()
    os._exit(status)  # at once: what has been counted lies in files, and the shadow process ends with this one
