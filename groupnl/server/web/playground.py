"""The page at `/`: an image, what a model and its twin answer, and what corruptions change. It asks by the public API.

Its files lie in `page/`. What a browser may do with them is told by the strictest policy under which they work.
"""

import hashlib
from http import HTTPStatus
from pathlib import Path

from groupnl.errors import NotFoundError
from groupnl.server.web.answer import Answer
from groupnl.server.web.exchange import Exchange

FOLDER = Path(__file__).with_name("page")
_INDEX = "index.html"
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


class Playground:
    """Sends the page's files, which are read once."""

    def __init__(self) -> None:
        self._answers = {path.name: _answer(path) for path in FOLDER.iterdir()}

    async def file(self, exchange: Exchange, file: str | None = None) -> Answer:
        """One file; without a name the page itself.

        Raises:
            NotFoundError: there is no such file.
        """
        answer = self._answers.get(_INDEX if file is None else file)
        if answer is None:
            raise NotFoundError(f"There is nothing at {exchange.path[:80]!r}.")
        if answer.headers["etag"] in exchange.headers.get("if-none-match", ""):
            return answer._replace(status=HTTPStatus.NOT_MODIFIED, body=b"")
        return answer


def _answer(path: Path) -> Answer:
    content = path.read_bytes()
    headers = {
        "etag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        "cache-control": "no-cache",  # kept, but asked about each time
        "content-security-policy": _POLICY,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }
    return Answer(HTTPStatus.OK, content, headers, _KINDS[path.suffix])
