"""`groupnl reload`: let a running service answer with another version of a model, without a request that fails."""

import argparse
import http.client
import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import quote

from groupnl.base.options import Options as BaseOptions
from groupnl.errors import ServerError
from groupnl.server.management_socket import management_socket


class Options(BaseOptions):
    """What is exchanged, and where.

    Attributes:
        models: ``NAME``, whose archive has changed, or ``NAME=FILE.mar``.
        inference_port: of the service.
        management_socket: of the service; None: the usual place.
    """

    models: tuple[str, ...]
    inference_port: int
    management_socket: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl reload`."""
    parser.add_argument("models", nargs="+", metavar="NAME[=FILE.mar]", help="without a file: the archive it came from")
    parser.add_argument("--inference-port", type=int, default=8080, metavar="PORT", help="of the service (8080)")
    parser.add_argument("--management-socket", type=Path, metavar="FILE", help="of the service (by its port)")


def run(options: Options) -> int:
    """Exchange one model after the other.

    Raises:
        ServerError: no service listens, or a new version cannot be served; the old one goes on.
    """
    path = management_socket(options.inference_port, options.management_socket)
    for model in options.models:
        name, equals, file = model.partition("=")
        body = json.dumps({"archive": str(Path(file).resolve())}) if equals else ""
        print(f"{name}: loading", flush=True)
        version = _post(path, f"/models/{quote(name)}/reload", body)
        print(f"{name}: version {version['modelVersion']} answers ({version['sha256'][:12]})", flush=True)
    return 0


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


def _post(path: Path, address: str, body: str) -> dict[str, Any]:
    connection = _Connection(path)
    try:
        connection.request("POST", address, body.encode())
        response = connection.getresponse()
        content: dict[str, Any] = json.loads(response.read())
    except OSError as error:
        raise ServerError(
            f"no service answers at {path} ({error.strerror}); say its --inference-port, or its --management-socket"
        ) from None
    except (http.client.HTTPException, ValueError) as error:
        raise ServerError(f"the service at {path} ended before it answered ({error!r})") from None
    finally:
        connection.close()
    if response.status != http.HTTPStatus.OK:
        raise ServerError(content["message"])
    return content
