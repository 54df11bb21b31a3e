"""How much of the machine a service leaves unused: figures of `groupnl bench serve`, and what is made of them.

Every ratio is formed inside a round, where the machine is the same, and the medians over the rounds are reported.
"""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from groupnl_studies.harness.rounds import Ratio, median_over
from groupnl_studies.harness.slot import Slot
from groupnl_studies.serving.offline import Speed

OURS = "groupnl serve"
UNDER_TORCHSERVE = "torchserve with our handler"
STOCK = "stock image_classifier"  # ratios name a service by its first word
HEADLINE_CLIENTS = 32


class Limit(NamedTuple):
    """What one way to use the machine without a server did in one round.

    Attributes:
        throughput: images a second, in batches as they are served.
        single_ms: median time for one image alone, milliseconds; None where several processes work side by side.
    """

    throughput: float
    single_ms: float | None


class Round(NamedTuple):
    """One round.

    Attributes:
        offline: by the name of the mode.
        served: by service and number of clients.
    """

    offline: Mapping[str, Limit]
    served: Mapping[str, Mapping[int, Slot]]


def limit(batches: Speed, single: Speed | None) -> Limit:
    """The figures of one mode, from its runs with the served batch size and with one image."""
    return Limit(batches.throughput, statistics.median(single.latencies_s) * 1e3 if single else None)


def best_mode(rounds: Sequence[Round]) -> str:
    """The mode with the highest median throughput: the limit."""
    return max(rounds[0].offline, key=lambda mode: median_limit(rounds, mode).throughput)


def best_single_mode(rounds: Sequence[Round]) -> str:
    """The mode with the lowest median time for one image alone."""
    singles = {mode: median_limit(rounds, mode).single_ms for mode in rounds[0].offline}
    return min((time, mode) for mode, time in singles.items() if time is not None)[1]


def median_limit(rounds: Sequence[Round], mode: str) -> Limit:
    """The median of each of a mode's figures."""
    limits = [each.offline[mode] for each in rounds]
    singles = [each.single_ms for each in limits if each.single_ms is not None]
    return Limit(median_over(limits, lambda each: each.throughput), statistics.median(singles) if singles else None)


def median_slot(rounds: Sequence[Round], service: str, clients: int) -> Slot:
    """The median of each of a service's figures; failures are added up."""
    slots = [each.served[service][clients] for each in rounds]
    middle = Slot(*(statistics.median(values) for values in zip(*slots, strict=True)))
    return middle._replace(failures=sum(each.failures for each in slots))


def served_over_offline(rounds: Sequence[Round], clients: int) -> Ratio:
    """Our throughput, as a share of the limit."""
    mode = best_mode(rounds)
    return Ratio.over(rounds, lambda each: each.served[OURS][clients].throughput / each.offline[mode].throughput)


def served_over(rounds: Sequence[Round], other: str, clients: int) -> Ratio:
    """Our throughput, in multiples of another service's."""
    return Ratio.over(
        rounds, lambda each: each.served[OURS][clients].throughput / each.served[other][clients].throughput
    )


def best_over_best(rounds: Sequence[Round], other: str) -> Ratio:
    """The same, each service at the number of clients that suits it best."""

    def best(each: Round, service: str) -> float:
        return max(slot.throughput for slot in each.served[service].values())

    return Ratio.over(rounds, lambda each: best(each, OURS) / best(each, other))


def added_latency_ms(rounds: Sequence[Round]) -> Ratio:
    """What one client waits longer, in the median, than one image takes without a server, milliseconds."""
    mode = best_single_mode(rounds)
    return Ratio.over(rounds, lambda each: each.served[OURS][1].p50_ms - (each.offline[mode].single_ms or 0.0))


def headlines(rounds: Sequence[Round]) -> dict[str, Ratio]:
    """The figures that matter, by name."""
    served = rounds[0].served
    clients = max([count for count in served[OURS] if count <= HEADLINE_CLIENTS] or served[OURS])
    figures = {f"served / offline limit, {clients} clients": served_over_offline(rounds, clients)}
    for other in served:
        if other != OURS:
            short = other.split()[0]
            figures[f"served / {short}, {clients} clients"] = served_over(rounds, other, clients)
            figures[f"served / {short}, each at its best"] = best_over_best(rounds, other)
    if 1 in served[OURS]:
        figures["added latency, 1 client, ms"] = added_latency_ms(rounds)
    return figures


def summary(rounds: Sequence[Round]) -> dict[str, Any]:
    """Medians and headlines, as JSON takes them."""
    first = rounds[0]
    return {
        "headlines": {name: ratio._asdict() for name, ratio in headlines(rounds).items()},
        "limit": best_mode(rounds),
        "offline": {mode: median_limit(rounds, mode)._asdict() for mode in first.offline},
        "served": {
            service: {str(clients): median_slot(rounds, service, clients)._asdict() for clients in slots}
            for service, slots in first.served.items()
        },
    }


def table(rounds: Sequence[Round]) -> str:
    """The result in Markdown: headlines, the offline limit, each service at each number of clients."""
    lines = ["| what | median (min-max over the rounds) |", "|---|---|"]
    lines += [f"| {name} | {ratio:.3g} |" for name, ratio in headlines(rounds).items()]
    lines += ["", "| without a server | images/s | one image, ms |", "|---|---|---|"]
    lines += [_limit_row(mode, median_limit(rounds, mode)) for mode in rounds[0].offline]
    lines += ["", "| service | clients | answers/s | p50 ms | p95 ms | p99 ms | failed | CPU ms an answer |"]
    lines += ["|---|---|---|---|---|---|---|---|"]
    lines += [
        _slot_row(service, clients, median_slot(rounds, service, clients))
        for service, slots in rounds[0].served.items()
        for clients in slots
    ]
    lines += ["", "CPU: workers + frontend + other processes of the service + load generator."]
    return "\n".join(lines)


def _limit_row(mode: str, found: Limit) -> str:
    return f"| {mode} | {found.throughput:.1f} | {'' if found.single_ms is None else f'{found.single_ms:.1f}'} |"


def _slot_row(service: str, clients: int, found: Slot) -> str:
    costs = (found.workers_cpu_ms, found.frontend_cpu_ms, found.rest_cpu_ms, found.client_cpu_ms)
    cells = (
        *(service, f"{clients}", f"{found.throughput:.1f}"),
        *(f"{value:.1f}" for value in (found.p50_ms, found.p95_ms, found.p99_ms)),
        *(f"{found.failures}", " + ".join(f"{cost:.2f}" for cost in costs)),
    )
    return f"| {' | '.join(cells)} |"
