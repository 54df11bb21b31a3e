"""The checkpoints that are shipped: their size, and that their pages say what their headers say."""

from pathlib import Path

import pytest

from groupnl.base.files import sha256_of
from groupnl.card.page import page
from groupnl.models import load_checkpoint

STORE = Path(__file__).parents[2] / "model_store"
LARGEST_BYTES = 25_000_000


@pytest.mark.parametrize("name", ["efficientnet_gnl_es", "efficientnet_es"])
def test_small_enough_and_described(name: str) -> None:
    checkpoint = STORE / f"{name}.safetensors"
    if not checkpoint.exists():
        pytest.skip(f"{checkpoint} is not there yet: make train-default")
    card = load_checkpoint(checkpoint).card

    assert checkpoint.stat().st_size <= LARGEST_BYTES
    assert card is not None
    assert card.architecture == name
    text = checkpoint.with_suffix(".md").read_text(encoding="utf-8")
    assert text == page(card, checkpoint.name, sha256_of(checkpoint))
