"""The management API: what changes the service. It is reached through its owner's socket, or with a key for it."""

import json
from pathlib import Path

from groupnl.errors import ArchiveError, ConfigError, RefusedError, ReloadError, ServerError
from groupnl.server.pool.reload import Reloads
from groupnl.server.rereading import Rereading
from groupnl.server.web.answer import Answer, json_answer
from groupnl.server.web.arriving import Arriving
from groupnl.server.web.exchange import Exchange

_MOST_BYTES = 64 * 1024
_MOST_S = 10.0


class Management:
    """Changes what is served, and to whom.

    Args:
        reloads: exchanges versions.
        rereading: exchanges keys and certificate.
    """

    def __init__(self, reloads: Reloads, rereading: Rereading) -> None:
        self._reloads = reloads
        self._rereading = rereading

    async def reread(self, _: Exchange) -> Answer:
        """Read keys and certificate again.

        Raises:
            ReloadError: something cannot be used; what was read before goes on.
        """
        if problems := self._rereading.now():
            raise ReloadError(f"What was read before goes on: {'; '.join(problems)}.")
        return json_answer({"status": "Read"})

    async def reload(self, exchange: Exchange, name: str) -> Answer:
        """Serve another version of a model; answers when it has taken over.

        The body is empty, or JSON: ``{"archive": "FILE.mar"}``.

        Raises:
            NotFoundError: no model has this name.
            ReloadError: the new version cannot be served; the old one goes on.
        """
        archive = _archive(await exchange.body(_MOST_BYTES, _MOST_S, Arriving(_MOST_BYTES)))
        try:
            version = await self._reloads.reload(name, archive)
        except (ArchiveError, ConfigError, ServerError, OSError) as error:
            raise ReloadError(f"{name} was not exchanged, the old version goes on: {error}") from None
        return json_answer({"modelName": name, "modelVersion": version.number, "sha256": version.digest})


def _archive(body: bytes) -> Path | None:
    if not body:
        return None
    try:
        return Path(json.loads(body)["archive"])
    except (ValueError, TypeError, KeyError):
        raise RefusedError('The body must be empty, or JSON such as {"archive": "/path/NAME.mar"}.') from None
