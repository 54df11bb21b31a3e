"""The examples of docs/clients.md, as they stand there."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.grpc_server import grpc_server
from support.server import Server

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(sh|python|js)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
EXAMPLES = BLOCK.findall((ROOT / "docs" / "clients.md").read_text(encoding="utf-8"))
PROGRAMS = {"sh": ["bash", "-e", "-c"], "python": [sys.executable, "-W", "ignore", "-c"], "js": ["node", "-e"]}


@pytest.fixture(scope="module")
def served(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, int]]:
    """A server, and its port of gRPC."""
    with grpc_server(tmp_path_factory.mktemp("clients"), store) as running:
        yield running


@pytest.mark.parametrize(
    ("language", "text"), EXAMPLES, ids=[f"{index}-{name}" for index, (name, _) in enumerate(EXAMPLES)]
)
def test_examples(served: tuple[Server, int], language: str, text: str) -> None:
    server, grpc_port = served
    if shutil.which(PROGRAMS[language][0]) is None:
        pytest.skip(f"{PROGRAMS[language][0]} is not installed")
    sample = ROOT / "docs" / "sample.png"
    best = next(iter(server.predict("tiny", sample.read_bytes()).content))
    for word, here in ((":8080", f":{server.inference}"), (":8085", f":{grpc_port}"), ("gnl_effnet_es", "tiny")):
        text = text.replace(word, here)
    done = subprocess.run([*PROGRAMS[language], text], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    if "probabilities" not in text:
        assert best in done.stdout, done.stdout
    else:
        assert re.fullmatch(r"\[\[[\s\d.e-]+\]\]\s*", done.stdout), done.stdout


def test_every_kind_of_example_is_there() -> None:
    assert {language for language, _ in EXAMPLES} == set(PROGRAMS)
    for client in ("curl", "requests", "httpx", "aiohttp", "tritonclient.http", "tritonclient.grpc", "fetch"):
        assert any(client in text for _, text in EXAMPLES), client
