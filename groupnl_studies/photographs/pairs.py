"""Shadow pairs one by one: each image is sent alone, and what the service counts next is its pair."""

import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from torch import Tensor

from groupnl.corruptions import Cell
from groupnl.errors import ServerError
from groupnl.metrics import SHADOW_FLIPS, SHADOW_PAIRS
from groupnl.service.items import KEY_HEADER
from groupnl_studies.harness.client import Request, answers
from groupnl_studies.harness.scrape import Scrape
from groupnl_studies.harness.service import RunningService
from groupnl_studies.photographs.crops import Sent
from groupnl_studies.photographs.offline import Offline
from groupnl_studies.photographs.ties import NEAR, margin

LIMIT_S = 60.0  # that a pair may take
_POLL_S = 0.05


class Counted(NamedTuple):
    """What a service has counted of a model's pairs.

    Attributes:
        pairs: by cell.
        flips: those whose best class changed.
    """

    pairs: dict[Cell, int]
    flips: dict[Cell, int]

    @classmethod
    def of(cls, scrape: Scrape, model: str) -> "Counted":
        """In one reading of the metrics."""
        return cls(scrape.by_cell(SHADOW_PAIRS, model), scrape.by_cell(SHADOW_FLIPS, model))

    def since(self, before: "Counted") -> tuple[Cell, bool] | None:
        """The cell of the one pair that came since, and whether its answer held; None: there is none yet.

        Raises:
            ServerError: there are several, of which one is somebody else's.
        """
        came = [cell for cell, count in self.pairs.items() for _ in range(count - before.pairs.get(cell, 0))]
        if len(came) > 1:
            raise ServerError(f"{len(came)} pairs came of one image: somebody else asks the service, too")
        return next(((cell, self.flips.get(cell, 0) == before.flips.get(cell, 0)) for cell in came), None)


class Pair(NamedTuple):
    """An image's answers, clean and corrupted.

    Attributes:
        cell: in which it was corrupted.
        live: whether the service's answer held.
        offline: whether the network's own does, on the same image in the same cell.
        margin: of the network's own class, clean or corrupted, whichever is smaller; see `margin`.
    """

    cell: Cell
    live: bool
    offline: bool
    margin: float

    @property
    def differs(self) -> bool:
        """Whether service and network say otherwise."""
        return self.live != self.offline

    @property
    def is_near_tie(self) -> bool:
        """Whether they do so where rounding decides."""
        return self.differs and self.margin < NEAR


def compared(service: RunningService, model: str, images: Iterable[Sent], offline: Offline) -> Iterator[Pair]:
    """Send each image and wait for its pair; make the same pair again.

    Raises:
        ServerError: the service ended, or an image was not answered or not answered again.
    """
    before = Counted.of(Scrape.of(service), model)
    for key, file in images:
        answers(service.inference_port, [Request(f"/predictions/{model}", file, ((KEY_HEADER, key),))])
        (cell, live), before = _next(service, model, before)
        yield _pair(cell, live, key, offline.pixels(file), offline)


def _pair(cell: Cell, live: bool, key: str, pixels: Tensor, offline: Offline) -> Pair:
    """The network's own, beside what the service found."""
    clean, corrupted = (offline.probabilities(each) for each in (pixels, offline.corrupted(pixels, key, cell)))
    best = int(clean.argmax())
    return Pair(cell, live, int(corrupted.argmax()) == best, min(margin(clean, best), margin(corrupted, best)))


def _next(service: RunningService, model: str, before: Counted) -> tuple[tuple[Cell, bool], Counted]:
    deadline = time.monotonic() + LIMIT_S
    while Counted.of(Scrape.of(service), model).since(before) is None:
        service.check_alive()
        if time.monotonic() > deadline:
            raise ServerError(f"an image was not answered again within {LIMIT_S:g} s: are shadows switched on?")
        time.sleep(_POLL_S)
    now = Counted.of(Scrape.of(service), model)  # pairs are counted before flips
    found = now.since(before)
    if found is None:
        raise ServerError(f"the counts of {model} began anew: a worker ended")
    return found, now
