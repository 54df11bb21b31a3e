"""A service that is to be restarted: whether it is ready, and whether the process that answered before has gone."""

import http.client
import ssl
from contextlib import suppress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from groupnl.base.addresses import Url
from groupnl.base.problems import phrase
from groupnl.base.texts import form

PATH = "/ready"
ANSWER_S = 5.0  # in which a service says whether it is ready
Name = Annotated[str, form(r"[A-Za-z0-9][A-Za-z0-9_.\-]*", "a name of letters, digits, dots, _ and -, no - first")]


class Service(BaseModel):
    """One of the services behind a balancer.

    Attributes:
        name: of the service, for the command that restarts it; of its server in the balancer.
        url: of its predictions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    url: Url

    def connect(self) -> http.client.HTTPConnection:
        """A connection to it, which is made with the first request."""
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme.lower() == "https" else http.client.HTTPConnection
        return kind(parts.netloc, timeout=ANSWER_S)

    def problem(self) -> str | None:
        """Why it is not ready, in its own words; None where it is."""
        connection = self.connect()
        try:
            connection.request("GET", PATH)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            return f"{self.url} does not answer ({error})"
        finally:
            connection.close()
        return None if answer.status == http.HTTPStatus.OK else f"it answers {answer.status}{_message(body)}"


class Incarnation:
    """The process that answers now: it has gone when it has closed the connection that is kept here.

    A command may return before the process that it ends has stopped listening, and that one may still say that it is
    ready.

    Args:
        service: whose.
    """

    def __init__(self, service: Service) -> None:
        self._connection = service.connect()
        with suppress(OSError, http.client.HTTPException):
            self._connection.request("GET", PATH)
            self._connection.getresponse().read()
        if self._connection.sock is not None:
            self._connection.sock.setblocking(False)

    def has_gone(self) -> bool:
        """Whether it has; nothing that did not answer is waited for."""
        if self._connection.sock is None:  # nobody answered, or the answer ended the connection
            return True
        try:
            return self._connection.sock.recv(1) == b""
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True

    def close(self) -> None:
        """Ask no more."""
        self._connection.close()


def _read(item: object) -> object:
    """``NAME=URL`` as a service; a ValueError says what is wrong with it."""
    if not isinstance(item, str):
        return item
    name, equals, url = item.partition("=")
    if not equals:
        raise ValueError("write NAME=URL, such as one=http://127.0.0.1:8080")
    try:
        return Service(name=name, url=url)
    except ValidationError as error:
        raise ValueError(phrase(error.errors()[0])) from None


NamedService = Annotated[Service, BeforeValidator(_read)]
"""A service as people type it, ``NAME=URL``."""


def _message(body: bytes) -> str:
    try:
        return f": {_REFUSAL.validate_json(body)['message']}"
    except (ValidationError, KeyError):
        return ""


_REFUSAL = TypeAdapter(dict[str, object])
