"""HAProxy's runtime socket: whether it sends requests to a service, and that it is to send none for a while."""

import csv
import socket
from collections.abc import Iterable
from pathlib import Path

from groupnl.errors import ConfigError, ServerError

ANSWER_S = 5.0
_SERVERS = 4  # as `show stat` numbers what it shows
_UP = ("UP", "no check")  # as a status begins; "UP 1/2": the last check has failed, and another one will be made
_PIECE = 65536


class HAProxy:
    """A running HAProxy.

    Args:
        path: its socket, of the level admin (`stats socket PATH level admin`).
        backend: the one whose servers are the services, under their names.
    """

    def __init__(self, path: Path, backend: str) -> None:
        self._path = path
        self._backend = backend

    def check(self, names: Iterable[str]) -> None:
        """Look whether it has these servers.

        Raises:
            ConfigError: it has not, or cannot be asked.
        """
        servers = self._servers()
        if missing := [name for name in names if name not in servers]:
            raise ConfigError(
                f"HAProxy's backend {self._backend} has no server {', '.join(missing)}; it has "
                f"{', '.join(servers) or 'none'}: name the services as its servers, and the backend with --backend"
            )

    def drain(self, name: str) -> None:
        """Send a service nothing new; what it has is still answered."""
        self._set_state(name, "drain")

    def use(self, name: str) -> None:
        """Send a service requests again, as soon as a check finds it ready."""
        self._set_state(name, "ready")

    def is_idle(self, name: str) -> bool:
        """Whether no request is under way to a service."""
        return self._server(name)["scur"] == "0"

    def is_up(self, name: str) -> bool:
        """Whether a service is sent requests."""
        return self._server(name)["status"].startswith(_UP)

    def _set_state(self, name: str, state: str) -> None:
        if problem := self._ask(f"set server {self._backend}/{name} state {state}").strip():
            raise ServerError(f"HAProxy does not set {name} to {state}: {problem}")

    def _server(self, name: str) -> dict[str, str]:
        try:
            return self._servers()[name]
        except KeyError:
            raise ServerError(f"HAProxy's backend {self._backend} has no server {name} any more") from None

    def _servers(self) -> dict[str, dict[str, str]]:
        """Name -> what HAProxy tells of it."""
        table = self._ask(f"show stat {self._backend} {_SERVERS} -1").removeprefix("# ")
        if not table.startswith("pxname,"):
            raise ConfigError(
                f"HAProxy shows no backend {self._backend!r} ({table.strip() or 'no answer'}); name it with --backend"
            )
        return {row["svname"]: row for row in csv.DictReader(table.splitlines())}

    def _ask(self, command: str) -> str:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(ANSWER_S)
                connection.connect(str(self._path))
                connection.sendall(f"{command}\n".encode())
                return b"".join(iter(lambda: connection.recv(_PIECE), b"")).decode()
        except OSError as error:
            raise ConfigError(
                f"HAProxy cannot be asked at {self._path} ({error.strerror or error}); its configuration needs "
                f"`stats socket {self._path} level admin`, and this user must be allowed to open it"
            ) from None
