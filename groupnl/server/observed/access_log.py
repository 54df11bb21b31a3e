"""The access log: one line of JSON for each answer, but for health checks that are answered as the one before."""

import asyncio
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from groupnl.server.logs import rolling_file
from groupnl.server.observed.account import GONE, LONGEST, Account

ACCESS_LOG = "access.log"


class AccessLog:
    """Writes lines into a file that rolls.

    ASCII alone is written, and no sign that steers a terminal: JSON's own escapes stand for all others.

    Args:
        folder: of the log files.
    """

    def __init__(self, folder: Path) -> None:
        self._file = rolling_file(folder / ACCESS_LOG)
        self._unwritten: list[str] = []
        self._health: dict[str, tuple[int, str]] = {}  # address -> status and code of its last answer

    def write(self, account: Account) -> None:
        """The line of a request that has ended; those of one turn of the event loop go to the file together.

        To be called in the loop.
        """
        if account.is_health and not self._is_news(account):
            return
        if not self._unwritten:  # a write and the look whether the file is full take longer than the line
            asyncio.get_running_loop().call_soon(self._flush)
        self._unwritten.append(json.dumps(_fields(account), separators=(",", ":")).replace("\x7f", "\\u007f"))

    def close(self) -> None:
        """Write no more."""
        self._flush()
        self._file.close()

    def _is_news(self, account: Account) -> bool:
        """Whether a health check was answered otherwise than the one before at its address, or is the first."""
        answer = account.status, account.code
        before, self._health[account.path] = self._health.get(account.path), answer
        return answer != before

    def _flush(self) -> None:
        if self._unwritten:
            self._file.handle(logging.makeLogRecord({"msg": "\n".join(self._unwritten)}))
            self._unwritten.clear()


@contextmanager
def access_log(folder: Path) -> Iterator[AccessLog]:
    """An access log in the folder, which is closed at the end of the block."""
    log = AccessLog(folder)
    try:
        yield log
    finally:
        log.close()


def _fields(account: Account) -> dict[str, Any]:
    batches = account.batches
    queued, taken, computed = account.queued, account.taken, account.computed
    return {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "method": account.method,
        "path": account.path[:LONGEST],
        "status": account.status or GONE,
        "code": account.code,
        "protocol": account.protocol,
        "model": account.model,
        "version": account.version,
        "images": len(account.tickets),
        "bytes_in": account.bytes_in,
        "bytes_out": account.bytes_out,
        "seconds": round(account.seconds, 6),
        "queue_s": _between(queued, taken),
        "worker_s": _between(taken, computed),
        "decode_s": _sum([ready - begun for begun, ready, _ in batches]),
        "infer_s": _sum([done - ready for _, ready, done in batches]),
        "request_id": account.request_id,
        "trace_id": account.trace.trace_id,
        "key": account.key,
        "client": account.client[:LONGEST],
    }


def _sum(seconds: Sequence[float]) -> float | None:
    return round(sum(seconds), 6) if seconds else None


def _between(begin: float | None, end: float | None) -> float | None:
    return None if begin is None or end is None else round(end - begin, 6)
