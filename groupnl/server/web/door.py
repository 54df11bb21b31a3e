"""Who is let in: clients with a key for it, under the service's own names, and no page of another site."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from groupnl.errors import ForbiddenError, UnauthorizedError
from groupnl.server.keys.keys import Keys
from groupnl.server.observed.account import Account
from groupnl.server.web.exchange import Exchange
from groupnl.server.web.hosts import Hosts

_BEARER = re.compile(r"bearer +(?P<secret>[!-~]+) *", re.ASCII | re.IGNORECASE)
_LONGEST = 80  # signs of what a client has written


class Door(NamedTuple):
    """What is asked of a request before it is answered.

    Attributes:
        scope: that its key must have.
        keys: of the clients; None: no key is asked for.
        hosts: under which it may ask; None: any.
        takes_pages: whether pages of other sites may ask; a browser tells what a page may read of the answer.
    """

    scope: str
    keys: Keys | None = None
    hosts: Hosts | None = None
    takes_pages: bool = True

    def check(self, exchange: Exchange) -> None:
        """Let the request in.

        Raises:
            UnauthorizedError: it has no key, or a wrong one.
            ForbiddenError: its key is for something else, or it comes from a page that may not ask.
        """
        headers = exchange.headers
        if self.hosts is not None and (host := headers.get("host", "")) not in self.hosts:
            raise ForbiddenError(f"The service is not asked under the name {host[:_LONGEST]!r}.")
        if not self.takes_pages and (origin := headers.get("origin")) is not None:
            raise ForbiddenError(f"Pages may not ask here, also not those of {origin[:_LONGEST]!r}.")
        self.check_key(headers, exchange.account)

    def check_key(self, headers: Mapping[str, str], account: Account) -> None:
        """Let in whoever has a key, and note which.

        Args:
            headers: lower-case name -> value.
            account: of the request.

        Raises:
            UnauthorizedError: there is no key, or a wrong one.
            ForbiddenError: the key is for something else.
        """
        if self.keys is not None:
            account.key = check_key(self.keys, self.scope, headers.get("authorization"))


def check_key(keys: Keys, scope: str, authorization: str | None) -> str:
    """The name of the key that a client shows.

    Args:
        keys: that there are.
        scope: what it must be for.
        authorization: the header; None: there is none.

    Raises:
        UnauthorizedError: it shows none, or a wrong one.
        ForbiddenError: the key is for something else.
    """
    if authorization is None:
        raise UnauthorizedError("A key is needed; send the header Authorization: Bearer KEY.")
    match = _BEARER.fullmatch(authorization)
    if match is None:
        raise UnauthorizedError("The Authorization header must be Bearer and the key.")
    key = keys.find(match["secret"])
    if key is None:
        raise UnauthorizedError("There is no such key.")
    if scope not in key.scopes:
        raise ForbiddenError(f"The key {key.name!r} is not for this: it has not the scope {scope}.")
    return key.name
