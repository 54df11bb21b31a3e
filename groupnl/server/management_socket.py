"""Where the management API is reached: a Unix socket in a folder that only its owner can enter."""

import os
import socket
from pathlib import Path

from groupnl.base.environment import runtime_folder
from groupnl.errors import ConfigError

LONGEST_SOCKET_PATH = 100  # bytes; the kernel's limit is 108 (Linux) or 104 (macOS)


def management_socket(port: int, given: Path | None) -> Path:
    """The socket's path.

    Args:
        port: of predictions, which tells several services of a machine apart.
        given: by the operator; None: the usual place.
    """
    return given or runtime_folder() / f"groupnl-{os.getuid()}" / f"management-{port}.sock"


def listen(path: Path) -> socket.socket:
    """Listen there; what a killed service has left is replaced, and nothing else.

    Raises:
        ConfigError: nothing can be made there, or another service has it.
    """
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        raise ConfigError(f"the management socket {path} has too long a name; choose another --management-socket")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.parent.stat().st_uid != os.getuid():
            raise ConfigError(f"{path.parent} is somebody else's; choose another --management-socket")
        _make_room(path)
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen()
    except OSError as error:
        listener.close()
        reason = error.strerror
        raise ConfigError(f"cannot listen on {path} ({reason}); choose another --management-socket") from None
    except ConfigError:
        listener.close()
        raise
    return listener


def _make_room(path: Path) -> None:
    """Remove a socket on which nobody listens any more; nothing else is removed."""
    if not os.path.lexists(path):
        return
    if not path.is_socket():
        raise ConfigError(f"{path} is no socket, and stays as it is; choose another --management-socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.setblocking(False)
        try:
            client.connect(str(path))
        except BlockingIOError:
            pass  # many wait for it already
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise ConfigError(f"another service listens on {path}; choose another --management-socket")
