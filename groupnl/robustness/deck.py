"""Deals corruptions so that all cells fill alike: a shuffled deck, and a new one when it is used up.

A hash of the request would give each cell a share of its own luck; a deck gives the cells of one worker the same number
of images, give or take one. One image meets one cell only: the answers in a cell, and the comparison of two models over
all cells, then rest on different images, which intervals and tests take for granted.
"""

import random
from collections.abc import Sequence
from typing import Generic, TypeVar

CardT = TypeVar("CardT")


class Deck(Generic[CardT]):
    """Endless cards.

    Args:
        cards: of one deck; at least one.
        rng: shuffles each deck.
    """

    def __init__(self, cards: Sequence[CardT], rng: random.Random) -> None:
        self._cards = list(cards)
        self._rng = rng
        self._left: list[CardT] = []

    def deal(self) -> CardT:
        """The next card."""
        if not self._left:
            self._left = self._rng.sample(self._cards, len(self._cards))
        return self._left.pop()
