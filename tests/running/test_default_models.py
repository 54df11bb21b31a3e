"""The two default models, served as `make serve` serves them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support.server import Server

ROOT = Path(__file__).parents[2]
STORE = ROOT / "model_store"
SAMPLE = ROOT / "docs" / "sample.png"
NAMES = ("gnl_effnet_es", "effnet_es")
# The class of docs/sample.png.
EXPECTED = "animal-mammal"


def _check_answer(server: Server, name: str) -> list[str]:
    """Ask for a prediction, and return the names in its answer."""
    answer = server.predict(name, SAMPLE.read_bytes())
    assert answer.status == 200
    shares = list(answer.content.values())
    assert len(shares) == 5
    assert shares == sorted(shares, reverse=True)
    assert 0 <= shares[-1] <= sum(shares) <= 1 + 1e-6
    return list(answer.content)


def test_both_answer(start: Callable[..., Server], kind: str) -> None:
    for name in NAMES:
        if not (STORE / f"{name}.mar").exists():
            pytest.skip(f"model_store/{name}.mar is not built: make archives")

    for attempt in ("first", "again") if kind == "groupnl" else ("first",):
        server = start("--models", *NAMES, "--model-store", str(STORE))
        server.wait_for("Ctrl-C stops")
        best = {name: _check_answer(server, name)[0] for name in NAMES}
        assert best == dict.fromkeys(NAMES, EXPECTED), attempt
        assert server.stop() == 0
