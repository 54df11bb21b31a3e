"""What is measured, and how much of it: on a GPU, and in a rehearsal on a CPU."""

from dataclasses import dataclass

from groupnl.models import PUBLISHED, TINY, VARIANTS
from groupnl_studies.models.pair import Pair

# What people will look at first; the rest follows as far as there is time.
_FIRST = ("efficientnet_gnl_es", "gnl_resnet50", "mobilenetv3_gnl_large_100", "gnl_std_r4_resnet101")


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        size: side of the input, pixels.
        pairs: GroupNL networks and their twins, in the order in which they are looked at.
        batches: numbers of images at once, for one pair.
        pair_batches: the same, for all pairs.
        graph_batches: the same, for one network, with sizes between those that are recorded.
        rounds: how often each pair is measured.
        turn_s: the least that a turn lasts, seconds.
        served: network of the whole handler.
        served_batches: numbers of requests at once.
        served_s: how long each is asked, seconds.
        beside_s: how long the live network is timed beside a shadow, each time, seconds.
    """

    size: int
    pairs: tuple[Pair, ...]
    batches: tuple[int, ...]
    pair_batches: tuple[int, ...]
    graph_batches: tuple[int, ...]
    rounds: int
    turn_s: float
    served: str
    served_batches: tuple[int, ...]
    served_s: float
    beside_s: float


def _pair(name: str) -> Pair:
    return Pair(name, VARIANTS[name].twin)


def _all_pairs() -> tuple[Pair, ...]:
    names = dict.fromkeys((*_FIRST, *(variant.name for variant in PUBLISHED)))
    return tuple(map(_pair, names))


def make_plan(device: str) -> Plan:
    """The plan for a device, "cuda" or "cpu"."""
    if device == "cpu":
        tiny = _pair(TINY.name)
        return Plan(
            size=224,
            pairs=(tiny,),
            batches=(1, 2, 4, 8),
            pair_batches=(1, 4),
            graph_batches=(1, 3),
            rounds=1,
            turn_s=0.01,
            served=TINY.name,
            served_batches=(1, 8),
            served_s=0.5,
            beside_s=0.5,
        )
    return Plan(
        size=224,
        pairs=_all_pairs(),
        batches=(1, 2, 4, 8, 16, 32, 64, 128, 256),
        pair_batches=(1, 32),
        graph_batches=(1, 2, 3, 4, 8, 12, 16, 24, 32),
        rounds=3,
        turn_s=0.1,
        served=_FIRST[0],
        served_batches=(1, 8, 32, 128),
        served_s=1.5,
        beside_s=1.0,
    )
