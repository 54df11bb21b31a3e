"""The default models, served as `make serve` serves them."""

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
# Of docs/coffee.jpg; `make test` packs the archive for photographs only where there is one already.
PHOTOGRAPHS, PHOTOGRAPH, ON_IT = "effnet_lite0", ROOT / "docs" / "coffee.jpg", "espresso"


def _check_answer(server: Server, name: str, image: Path = SAMPLE) -> list[str]:
    """Ask for a prediction, and return the names in its answer."""
    answer = server.predict(name, image.read_bytes())
    assert answer.status == 200
    shares = list(answer.content.values())
    assert len(shares) == 5
    assert shares == sorted(shares, reverse=True)
    assert 0 <= shares[-1] <= sum(shares) <= 1 + 1e-6
    return list(answer.content)


def test_all_answer(start: Callable[..., Server], kind: str) -> None:
    for name in NAMES:
        if not (STORE / f"{name}.mar").exists():
            pytest.skip(f"model_store/{name}.mar is not built: make archives")

    more = (PHOTOGRAPHS,) if (STORE / f"{PHOTOGRAPHS}.mar").exists() else ()
    for attempt in ("first", "again") if kind == "groupnl" else ("first",):
        server = start("--models", *more, *NAMES, "--model-store", str(STORE))
        server.wait_for("Ctrl-C stops")
        best = {name: _check_answer(server, name)[0] for name in NAMES}
        assert best == dict.fromkeys(NAMES, EXPECTED), attempt
        assert [_check_answer(server, name, PHOTOGRAPH)[0] for name in more] == [ON_IT for _ in more], attempt
        assert server.stop() == 0
