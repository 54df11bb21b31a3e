"""The examples of docs/clients.md, as they stand there."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.server import Server, only_ours

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(sh|python|js)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
EXAMPLES = BLOCK.findall((ROOT / "docs" / "clients.md").read_text(encoding="utf-8"))
PROGRAMS = {"sh": ["bash", "-e", "-c"], "python": [sys.executable, "-W", "ignore", "-c"], "js": ["node", "-e"]}


@only_ours
@pytest.mark.parametrize(
    ("language", "text"), EXAMPLES, ids=[f"{index}-{name}" for index, (name, _) in enumerate(EXAMPLES)]
)
def test_examples(server: Server, language: str, text: str) -> None:
    if shutil.which(PROGRAMS[language][0]) is None:
        pytest.skip(f"{PROGRAMS[language][0]} is not installed")
    sample = ROOT / "docs" / "sample.png"
    best = next(iter(server.predict("tiny", sample.read_bytes()).content))
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{server.inference}").replace("gnl_effnet_es", "tiny")
    done = subprocess.run([*PROGRAMS[language], text], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    if "probabilities" not in text:
        assert best in done.stdout, done.stdout
    else:
        assert re.fullmatch(r"\[\[[\s\d.e-]+\]\]\s*", done.stdout), done.stdout


def test_every_kind_of_example_is_there() -> None:
    assert {language for language, _ in EXAMPLES} == set(PROGRAMS)
    for client in ("curl", "requests", "httpx", "aiohttp", "tritonclient", "fetch"):
        assert any(client in text for _, text in EXAMPLES), client
