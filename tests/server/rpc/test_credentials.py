"""The certificate of a port of gRPC: shown, and exchanged while the port is open."""

import asyncio
import shutil
from pathlib import Path

import grpc
import pytest
from support.certificates import make_certificate
from support.front import Front

from groupnl.server.certificate import Certificate
from groupnl.server.rpc.messages import MESSAGES, SERVICE
from groupnl.server.rpc.served import Served
from groupnl.server.rpc.server import rpc_server
from groupnl_studies.harness.ports import free_ports


async def _is_live(port: int, root: Path) -> bool:
    credentials = grpc.ssl_channel_credentials(root.read_bytes())
    options = [("grpc.ssl_target_name_override", "localhost"), ("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials, options=options) as channel:
        method = channel.unary_unary(
            f"/{SERVICE}/ServerLive",
            request_serializer=MESSAGES["ServerLiveRequest"].SerializeToString,
            response_deserializer=MESSAGES["ServerLiveResponse"].FromString,
        )
        return bool((await method(MESSAGES["ServerLiveRequest"](), timeout=5)).live)


def test_a_new_certificate_is_shown_to_new_connections(tmp_path: Path) -> None:
    first, second = (make_certificate(tmp_path, name) for name in ("first", "second"))
    shown = tmp_path / "shown.pem", tmp_path / "shown.key"

    def show(files: tuple[Path, Path]) -> None:
        for source, target in zip(files, shown, strict=True):
            shutil.copy(source, target)

    async def test() -> None:
        show(first)
        certificate = Certificate(*shown)
        front = Front()
        (port,) = free_ports(1)
        served = Served(front.models, front.limits, front.state, front.watch, front.door)
        async with rpc_server(("127.0.0.1", port), certificate, served):
            assert await _is_live(port, first[0])
            with pytest.raises(grpc.aio.AioRpcError):
                await _is_live(port, second[0])
            show(second)
            certificate.reload()
            assert await _is_live(port, second[0])

    asyncio.run(test())
