"""The port of gRPC: opened where it is asked for, and closed when its calls are answered."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from groupnl.errors import ConfigError, ServerError, not_installed
from groupnl.server.certificate import Certificate
from groupnl.server.rpc.served import Served
from groupnl.server.web.json_body import json_bytes

END_S = 1.0  # for calls that are not answered by then; the service has waited for all before, where it could
EndCalls = Callable[[float], Awaitable[None]]


@asynccontextmanager
async def rpc_server(
    address: tuple[str, int | None], certificate: Certificate | None, served: Served
) -> AsyncIterator[EndCalls]:
    """Answer calls while the block runs.

    Args:
        address: host and port; without a port nothing is opened.
        certificate: that it shows; None: it speaks no TLS.
        served: what its calls need of the server.

    Yields:
        What lets no more calls in, and waits so many seconds for those that are there; then they are ended.

    Raises:
        ConfigError: grpc is not installed.
        ServerError: the port cannot be opened.
    """
    host, port = address
    if port is None:
        yield _nobody
        return
    try:
        import grpc

        from groupnl.server.rpc.credentials import credentials
        from groupnl.server.rpc.service import RpcService
    except ImportError:
        raise ConfigError(f"--grpc-port cannot be used: {not_installed('grpcio', 'grpc')}") from None
    most = max(json_bytes(version.serving.request_bytes) for version in served.models)
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", most), ("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers([RpcService(served).handlers()])
    try:
        if certificate is None:
            server.add_insecure_port(f"{host}:{port}")
        else:
            server.add_secure_port(f"{host}:{port}", credentials(certificate))
    except RuntimeError as error:
        raise ServerError(f"cannot listen on {host}:{port} ({error}); choose another --grpc-port") from None
    await server.start()
    try:
        yield server.stop
    finally:
        await server.stop(END_S)


async def _nobody(_: float) -> None:
    """Nobody can call."""
