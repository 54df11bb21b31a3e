"""One server of each kind for the session, with two tiny models."""

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.once import Exporting
from support.server import KINDS, Server, serving
from support.tiny import HANDLER, tiny_checkpoint

from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack

# Long enough that requests sent together share a batch; full batches do not wait.
BATCH_DELAY_MS = 250


@pytest.fixture(scope="module", autouse=True)
def _networks_exported_once(networks_exported_once: None) -> None:
    """Each network that is packed is exported once for all processes of the run."""


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory, exporting_once: Exporting) -> Path:
    """A model store with `tiny`, and `leaver`: the same, but its worker leaves when it reads the word leave.

    No image is answered again: a shadow process takes as long to start as its worker.
    """
    folder = tmp_path_factory.mktemp("store")
    handler = HANDLER | {"shadow": {"share": 0.0, "corruptions": ["contrast"], "severities": [1]}}
    settings = ServingSettings(workers=1, batch_size=8, max_batch_delay_ms=BATCH_DELAY_MS, handler=handler)
    with exporting_once():
        _make_leaver(pack(tiny_checkpoint(folder), folder, "tiny", settings=settings), folder / "leaver.mar")
    return folder


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Which server; a test of one of them says so: `only_torchserve`, `only_ours`."""
    return str(request.param)


@pytest.fixture(scope="session")
def server(kind: str, store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server"), "--model-store", str(store), kind=kind) as running:
        yield running


@pytest.fixture
def start(kind: str, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts further servers, and ends what a failed test left of them."""
    started: list[Server] = []

    def start_one(*options: str) -> Server:
        started.append(Server(tmp_path, *options, kind=kind))
        return started[-1]

    yield start_one
    for server in started:
        server.kill()


def _make_leaver(archive: Path, target: Path) -> None:
    answer = "        return self._service.handle(data, context)\n"
    leave = (
        '        if any(bytes(item.get("body", b"")) == b"leave" for item in data):\n            raise SystemExit(1)\n'
    )
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            content = source.read(name)
            if name == "classifier.py":
                text = content.decode()
                assert answer in text
                content = text.replace(answer, leave + answer).encode()
            copy.writestr(name, content)
