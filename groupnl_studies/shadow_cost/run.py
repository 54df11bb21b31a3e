"""What shadow requests cost the client: the same load with and without them, interleaved in one run.

Two services of the same kind can differ by more than shadows cost. So one service, which shadows half of all keys, is
asked with keys of the wanted half: a hash says which requests are chosen. A second service has no shadows at all. Every
ratio is formed inside a round, where the machine is the same, and the medians over the rounds are reported. The variant
without chosen requests is asked twice a round: no smaller cost can be seen than these two differ.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from groupnl.errors import ServerError
from groupnl.metrics import DROP_REASONS, SHADOW_DROPPED, SHADOW_PAIRS, SHADOW_SAMPLED
from groupnl.robustness.sampling import is_sampled
from groupnl.service.items import KEY_HEADER
from groupnl_studies.harness.client import Request
from groupnl_studies.harness.load import LoadProcess, Outcome
from groupnl_studies.harness.rounds import Ratio, median_over
from groupnl_studies.harness.scrape import Scrape, wait_until, waiting
from groupnl_studies.harness.service import RunningService

SERVED_SHARE = 0.5  # of the service with shadows


class Variant(NamedTuple):
    """One way to ask.

    Attributes:
        service: which of the two, "on" or "off".
        tenths: of ten requests, how many have a key that is chosen.
    """

    service: str
    tenths: int


BASE = "0 %"
VARIANTS = {
    BASE: Variant("on", 0),
    "0 % again": Variant("on", 0),
    "10 %": Variant("on", 1),
    "100 %": Variant("on", 10),
    "no shadows": Variant("off", 0),
}
OPEN_LOOP_LOAD = 0.5  # of the saturated throughput without shadows
OPEN_CONNECTIONS = 64
DRAIN_LIMIT_S = 180.0
_FIGURES = ("throughput", "p50_ms", "p99_ms")  # of `Slot`, with a ratio each


class Slot(NamedTuple):
    """What one variant did in one round.

    Attributes:
        throughput: answers a second, saturated.
        p50_ms: median latency at half load, milliseconds.
        p99_ms: the latency that 99 % of the answers did not exceed there.
        failures: answers other than 200, in both.
    """

    throughput: float
    p50_ms: float
    p99_ms: float
    failures: int


Round = Mapping[str, Slot]  # by variant


@dataclass(frozen=True)
class Load:
    """How a service is asked.

    Attributes:
        requests: sent in turn.
        clients: connections of the saturated load.
        seconds: length of each load.
    """

    requests: Sequence[Request]
    clients: int
    seconds: float


def keyed(requests: Sequence[Request], tenths: int) -> list[Request]:
    """Ten times the requests, with keys of which so many in ten are chosen by a service with `SERVED_SHARE`."""
    chosen, others = (iter(_keys(wanted)) for wanted in (True, False))
    result = []
    for number in range(10 * len(requests)):
        key = next(chosen if number % 10 < tenths else others)
        request = requests[number % len(requests)]
        result.append(request._replace(headers=(*request.headers, (KEY_HEADER, key))))
    return result


def _keys(chosen: bool) -> Iterator[str]:
    names = (f"bench-{number}" for number in itertools.count())
    return (name for name in names if is_sampled(name, SERVED_SHARE) == chosen)


def rotated(variants: Sequence[str], number: int) -> list[str]:
    """The variants in the order of round `number`: each is first, second, ... equally often."""
    start = number % len(variants)
    return [*variants[start:], *variants[:start]]


def saturated(service: RunningService, process: LoadProcess, load: Load) -> Outcome:
    """Ask as fast as the service answers, then let its shadows finish."""
    outcome = process.closed_loop(service.inference_port, load.requests, load.clients, load.seconds)
    drain(service)
    return outcome


def at_rate(service: RunningService, process: LoadProcess, load: Load, rate: float, seed: int) -> Outcome:
    """Ask at a rate, then let the shadows finish."""
    port = service.inference_port
    outcome = process.open_loop(port, load.requests, OPEN_CONNECTIONS, load.seconds, rate, seed)
    drain(service)
    return outcome


def drain(service: RunningService) -> Scrape:
    """Wait until no chosen image waits: a service that is not measured must be quiet."""
    return wait_until(service, lambda scrape: waiting(scrape) == 0, DRAIN_LIMIT_S, "the shadows did not finish")


def slot(full: Outcome, half: Outcome) -> Slot:
    """The figures of one variant in one round, from its two loads.

    Raises:
        ServerError: a load was answered nothing.
    """
    if not full.latencies_s or not half.latencies_s:
        raise ServerError("a service gave no answer within a load's time: take more --seconds, on a quieter machine")
    return Slot(full.throughput, half.quantile_s(0.5) * 1e3, half.quantile_s(0.99) * 1e3, full.failures + half.failures)


def ratio(rounds: Sequence[Round], variant: str, figure: str) -> Ratio:
    """Compare a variant with `BASE`.

    Args:
        rounds: at least one.
        variant: one of `VARIANTS`.
        figure: field of `Slot`.
    """
    return Ratio.over(rounds, lambda each: _figure(each, variant, figure) / _figure(each, BASE, figure))


def _figure(found: Round, variant: str, figure: str) -> float:
    return float(getattr(found[variant], figure))


def _median(rounds: Sequence[Round], variant: str, figure: str) -> float:
    return median_over(rounds, lambda each: _figure(each, variant, figure))


def table(rounds: Sequence[Round]) -> str:
    """The result as a Markdown table: medians over the rounds, and ratios to `BASE`."""
    lines = [
        "| shadows | answers/s | ratio (min-max) | p50 ms | ratio (min-max) | p99 ms | ratio (min-max) | failed |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for variant in rounds[0]:
        cells = [
            f"{_median(rounds, variant, figure):.4g} | {ratio(rounds, variant, figure):.3f}" for figure in _FIGURES
        ]
        lines.append(f"| {variant} | {' | '.join(cells)} | {sum(each[variant].failures for each in rounds)} |")
    return "\n".join(lines)


def shadows_done(before: Scrape, after: Scrape) -> str:
    """What the shadows of one service did between two readings."""
    sampled, pairs = (after.total(family) - before.total(family) for family in (SHADOW_SAMPLED, SHADOW_PAIRS))
    drops = {
        reason: after.total(SHADOW_DROPPED, reason=reason) - before.total(SHADOW_DROPPED, reason=reason)
        for reason in DROP_REASONS
    }
    told = ", ".join(f"{count} {reason}" for reason, count in drops.items())
    return f"{sampled} chosen, {pairs} pairs, dropped: {told}"
