"""One image on its way: its request waits until the answer is there, or gives up."""

import asyncio
import time
from dataclasses import dataclass, field

from groupnl.worker import CELLS, TIMES
from groupnl.worker.wire import Part


@dataclass(eq=False)
class Ticket:
    """What a request waits for.

    Attributes:
        part: the item, as a worker gets it.
        answer: the answer, or a `RefusedError`; cancelled where nobody waits for it any more.
        deaths: how many workers have died with this item in hand.
        submitted: when it began to wait for a worker, by `time.perf_counter`.
        taken: when a worker got it, the last one if several did; 0: none yet.
        answered: when its answer came; 0: not yet.
        stages: when its batch went through the worker's stages, by the same clock, which all processes share: decoding
            began, decoding ended, the network had answered; empty: not known.
    """

    part: Part
    answer: asyncio.Future[Part] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    deaths: int = 0
    submitted: float = field(default_factory=time.perf_counter)
    taken: float = 0.0
    answered: float = 0.0
    stages: tuple[float, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of the image."""
        return len(self.part.content)

    @property
    def is_trial(self) -> bool:
        """Whether it asks about an image under corruptions: such items are answered when no other one waits."""
        return CELLS in self.part.facts

    @property
    def is_alone(self) -> bool:
        """Whether it is a batch of its own: a trial, and an item with which a worker has died."""
        return self.deaths > 0 or self.is_trial

    def reply(self, part: Part) -> None:
        """Give the answer to whoever still waits for it."""
        self.answered = time.perf_counter()
        self.stages = tuple(part.facts.get(TIMES, ()))
        if not self.answer.done():
            self.answer.set_result(part)

    def fail(self, error: Exception) -> None:
        """The same, where there is none."""
        if not self.answer.done():
            self.answer.set_exception(error)
