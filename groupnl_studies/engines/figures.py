"""What rates say of the choice: its share of the fastest way, and what is left of it beside others."""

from typing import NamedTuple

from groupnl_studies.engines.rates import AS_SERVED, Load, NetworkRates, PairRates, Rates
from groupnl_studies.harness.rounds import Ratio, median_over

LEAST_SHARE = 0.95  # of the fastest way found
LEAST_BESIDE = 0.45  # beside a busy program, of alone


class Choice(NamedTuple):
    """What `--engine auto` takes, as it is served, beside what else there is; ratios of images a second.

    Attributes:
        way: its name.
        rate: images a second, alone.
        fastest: the fastest way found.
        share: of the fastest way's rate.
        left: of the rate alone under the other loads.
    """

    way: str
    rate: float
    fastest: str
    share: Ratio
    left: dict[Load, Ratio]


def choice(network: NetworkRates, rates: Rates) -> Choice:
    """The figures of a network, with full batches or single images."""
    way = f"{network.ranking[0]} {AS_SERVED}"
    fastest = fastest_way(rates)
    return Choice(
        way=way,
        rate=median(rates, "alone", way),
        fastest=fastest,
        share=_ratio(rates["alone"][way], rates["alone"][fastest]),
        left={load: _ratio(rates[load][way], rates["alone"][way]) for load in rates if load != "alone"},
    )


def fastest_way(rates: Rates) -> str:
    """The way with the most images a second, alone."""
    return max(rates["alone"], key=lambda way: median(rates, "alone", way))


def median(rates: Rates, load: Load, way: str) -> float:
    """Images a second."""
    return median_over(rates[load][way], float)


def over_twin(pair: PairRates) -> Ratio:
    """The GroupNL network's rate over its twin's, each on its own fastest way, with full batches, alone."""
    model, twin = (each.full["alone"][fastest_way(each.full)] for each in (pair.model, pair.twin))
    return _ratio(model, twin)


def misses(pair: PairRates) -> list[str]:
    """Where the choice is too far from the fastest way, or too little is left of it, in sentences."""
    said = []
    for network in (pair.model, pair.twin):
        for words, rates in (("full batches", network.full), ("single images", network.lone)):
            found = choice(network, rates)
            if found.share.median < LEAST_SHARE:
                said.append(
                    f"{network.network}, {words}: {found.way} has {found.share.median:.2f} of {found.fastest} "
                    f"(at least {LEAST_SHARE:g} is wanted)"
                )
            if "beside" in found.left and found.left["beside"].median < LEAST_BESIDE:
                said.append(
                    f"{network.network}, {words}: beside a busy program {found.way} has "
                    f"{found.left['beside'].median:.2f} of alone (at least {LEAST_BESIDE:g} is wanted)"
                )
    return said


def _ratio(upper: list[float], lower: list[float]) -> Ratio:
    return Ratio.over(list(zip(upper, lower, strict=True)), lambda each: each[0] / each[1])
