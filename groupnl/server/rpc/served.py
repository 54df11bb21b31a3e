"""What the calls of gRPC need of the server."""

from typing import NamedTuple

from groupnl.server.observed.watch import Watch
from groupnl.server.pool.models import Models
from groupnl.server.web.door import Door
from groupnl.server.web.limits import Limits
from groupnl.server.web.proxies import Proxies
from groupnl.server.web.state import State


class Served(NamedTuple):
    """Parts of the server.

    Attributes:
        models: that are served.
        limits: of a request.
        state: of the server.
        watch: learns of every call.
        door: whose keys let calls in.
        proxies: that may say who asks.
    """

    models: Models
    limits: Limits
    state: State
    watch: Watch
    door: Door
    proxies: Proxies = Proxies()
