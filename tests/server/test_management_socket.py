"""groupnl.server.management_socket: what is replaced, and what is left alone."""

import socket
from pathlib import Path

import pytest

from groupnl.errors import ConfigError
from groupnl.server.management_socket import listen


def test_what_a_killed_service_has_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "m.sock"
    listen(path).close()
    assert path.is_socket()
    with listen(path), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_a_service_keeps_its_socket(tmp_path: Path) -> None:
    path = tmp_path / "m.sock"
    with listen(path), socket.socket(socket.AF_UNIX) as client:
        with pytest.raises(ConfigError, match="another service"):
            listen(path)
        client.connect(str(path))


def test_a_file_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "model.mar"
    path.write_bytes(b"weights")
    with pytest.raises(ConfigError, match="no socket"):
        listen(path)
    assert path.read_bytes() == b"weights"
