"""groupnl.robustness.deck: cells fill alike, in an order that differs from worker to worker."""

import random
from collections import Counter

from groupnl.corruptions import CELLS
from groupnl.robustness.deck import Deck


def test_every_card_once_a_round() -> None:
    deck = Deck(CELLS, random.Random(0))
    counts: Counter[object] = Counter()
    for _ in range(3):
        counts.update(deck.deal() for _ in CELLS)
        assert len(counts) == len(CELLS)
        assert len(set(counts.values())) == 1


def test_counts_differ_by_one_at_most() -> None:
    deck = Deck(CELLS, random.Random(1))
    counts = Counter(deck.deal() for _ in range(250))
    assert max(counts.values()) - min(counts.values()) <= 1


def test_rounds_and_workers_are_shuffled_differently() -> None:
    deck, other = Deck(CELLS, random.Random(0)), Deck(CELLS, random.Random(1))
    first, second = [[deck.deal() for _ in CELLS] for _ in range(2)]
    assert first != second
    assert first != [other.deal() for _ in CELLS]
