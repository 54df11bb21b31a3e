"""What a crew does: it hands pieces to whoever is free, and gives back what was counted in them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

import torch

PieceOf = TypeVar("PieceOf")
FoundOf = TypeVar("FoundOf")
_Piece = TypeVar("_Piece", contravariant=True)
_Found = TypeVar("_Found", covariant=True)

Told = Callable[[int], object]
"""Takes how many images more were answered; fewer than none where a process was lost with them."""


class Count(Protocol[_Piece, _Found]):
    """Counts pieces with networks that are ready."""

    def __call__(self, pieces: Iterable[_Piece], told: Told) -> Iterator[_Found]:
        """What is found in each piece, in their order; pieces may be asked for ahead."""


class Job(Protocol[_Piece, _Found]):
    """What is to be counted with; it is pickled and sent to every process, as pieces and findings are."""

    @property
    def device(self) -> torch.device:
        """Which kind of device each process needs."""

    @property
    def cores(self) -> int:
        """How many cores each process uses."""

    def opened(self, ordinal: int) -> AbstractContextManager[Count[_Piece, _Found]]:
        """Open the networks.

        Args:
            ordinal: which process of its machine this is, from 0; it tells which GPU is its own.

        Raises:
            GroupNLError: they cannot be opened.
        """


class Team(Protocol[_Piece, _Found]):
    """Processes with a job."""

    def found(self, pieces: Iterable[_Piece], told: Told) -> Iterator[_Found]:
        """What is found in each piece once, in any order.

        Args:
            pieces: asked for when somebody is free to count them.
            told: of every batch, or of every piece.

        Raises:
            GroupNLError: a piece that cannot be counted, or nobody is left to count.
        """


class Crew(Protocol):
    """Who counts."""

    def cores(self, device: torch.device) -> int:
        """How many cores each process has for itself, where it computes on such a device."""

    def at_work(self, job: Job[PieceOf, FoundOf]) -> AbstractContextManager[Team[PieceOf, FoundOf]]:
        """Give them a job, until the block is left; then none of them goes on."""


def nth_device(device: torch.device, ordinal: int) -> torch.device:
    """The device of one of several processes of a machine: they take its GPUs in turn."""
    return torch.device("cuda", ordinal % torch.cuda.device_count()) if device.type == "cuda" else device
