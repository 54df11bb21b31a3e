"""A service that is to be restarted: whether it is ready, and whether the process that answered before has gone."""

import http.client
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from groupnl.base.addresses import Url
from groupnl.base.problems import phrase
from groupnl.base.texts import form
from groupnl.server.web.state import RUN_HEADER

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

    def look(self) -> "Look":
        """How it is now."""
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme.lower() == "https" else http.client.HTTPConnection
        connection = kind(parts.netloc, timeout=ANSWER_S)
        try:
            connection.request("GET", PATH)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            return Look(f"{self.url} does not answer ({error})", None)
        finally:
            connection.close()
        is_ready = answer.status == http.HTTPStatus.OK
        return Look(
            None if is_ready else f"it answers {answer.status}{_message(body)}", answer.getheader(RUN_HEADER, "")
        )

    def problem(self) -> str | None:
        """Why it is not ready, in its own words; None where it is."""
        return self.look().problem


class Restart:
    """The restart of a service, from before the command on: has another process taken the place of the first?

    A command may return before the process that it ends has stopped listening, and that one may still say that it is
    ready. A release that names no run has gone once it was seen not to be ready, so it is looked at meanwhile, too.

    Attributes:
        service: that is to be restarted.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self._before = service.look().run
        self._was_away = False

    def problem(self) -> str | None:
        """Why the service is not back, in its own words; None where it is. To be asked from the command's start on."""
        problem, run = self.service.look()
        self._was_away |= problem is not None
        if problem is not None or run != self._before or (not run and self._was_away):
            return problem
        unnamed = "" if run else ", or another one that does not name its run"
        return f"the process of before still holds {self.service.url}{unnamed}"


class Look(NamedTuple):
    """What a service says of itself.

    Attributes:
        problem: why it is not ready; None where it is.
        run: name of the start that answers, other than those before and after it; empty: it names none, as releases
            did that knew none; None: nobody answers.
    """

    problem: str | None
    run: str | None


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
