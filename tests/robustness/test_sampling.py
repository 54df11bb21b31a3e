"""groupnl.robustness.sampling: choices by hash, alike everywhere."""

import pytest

from groupnl.corruptions import CELLS
from groupnl.robustness.sampling import is_sampled, request_key, seed_of

KEYS = [f"request {number}" for number in range(20_000)]


def test_the_clients_key_comes_first() -> None:
    assert request_key("mine", b"an image") == "mine"
    assert request_key(None, b"an image") == request_key("", b"an image") != request_key(None, b"another")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.5, 1.0])
def test_the_share_is_kept(share: float) -> None:
    chosen = sum(is_sampled(key, share) for key in KEYS) / len(KEYS)
    assert abs(chosen - share) <= 4 * (share * (1 - share) / len(KEYS)) ** 0.5


def test_a_larger_share_holds_the_smaller_one() -> None:
    assert all(is_sampled(key, 0.5) for key in KEYS if is_sampled(key, 0.1))


def test_seeds_differ_by_everything() -> None:
    seeds = {seed_of(key, *cell, seed) for key in KEYS[:50] for cell in CELLS for seed in (0, 1)}
    assert len(seeds) == 50 * len(CELLS) * 2
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_seeds_stay_the_same() -> None:
    # A recorded pair must be replayable by later versions.
    assert seed_of("key", "fog", 3, 0) == 9083113050746682917
    assert request_key(None, b"") == "cae66941d9efbd404e4d88758ea67670"


def test_keys_may_hold_anything() -> None:
    assert 0 <= seed_of("\udcff\0é" * 1000, "fog", 1, -1) < 2**63
