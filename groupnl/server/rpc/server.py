"""The port of gRPC: opened where it is asked for, and closed when its calls are answered."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from groupnl.errors import ConfigError, ServerError, not_installed
from groupnl.server.observed.watch import Watch
from groupnl.server.pool.models import Models
from groupnl.server.web.asking import Asking
from groupnl.server.web.json_body import json_bytes
from groupnl.server.web.limits import Limits
from groupnl.server.web.state import State

END_S = 1.0  # for calls that are not answered by then; the service has waited for all before


@asynccontextmanager
async def rpc_server(
    address: tuple[str, int | None], models: Models, limits: Limits, state: State, watch: Watch
) -> AsyncIterator[None]:
    """Answer calls while the block runs.

    Args:
        address: host and port; without a port nothing is opened.
        models: that are served.
        limits: of a request.
        state: of the server.
        watch: learns of every call.

    Raises:
        ConfigError: grpc is not installed.
        ServerError: the port cannot be opened.
    """
    host, port = address
    if port is None:
        yield
        return
    try:
        import grpc

        from groupnl.server.rpc.service import RpcService
    except ImportError:
        raise ConfigError(f"--grpc-port cannot be used: {not_installed('grpcio', 'grpc')}") from None
    most = max(json_bytes(version.serving.request_bytes) for version in models)
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", most), ("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers([RpcService(models, Asking(models, limits), state, watch).handlers()])
    try:
        server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise ServerError(f"cannot listen on {host}:{port} ({error}); choose another --grpc-port") from None
    await server.start()
    try:
        yield
    finally:
        await server.stop(END_S)
