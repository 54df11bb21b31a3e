"""A real server of our own that also speaks gRPC."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.server import Server

from groupnl_studies.harness.ports import free_ports


@contextmanager
def grpc_server(folder: Path, store: Path) -> Iterator[tuple[Server, int]]:
    """With the model `tiny` of the store; and its port of gRPC."""
    (port,) = free_ports(1)
    options = ("--model-store", str(store), "--models", "tiny", "--grpc-port", str(port))
    running = Server(folder, *options, kind="groupnl")
    try:
        running.wait_for("Ctrl-C stops")
        yield running, port
    finally:
        running.kill()
