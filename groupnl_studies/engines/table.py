"""The figures of `groupnl study engines` as Markdown tables."""

from collections.abc import Sequence

from groupnl_studies.engines.figures import Choice, choice, median, misses, over_twin
from groupnl_studies.engines.rates import Load, NetworkRates, PairRates, Rates

_LOADS: dict[Load, str] = {
    "alone": "alone",
    "beside": "beside a busy program",
    "lowest": "beside one of the lowest priority",
    "quota": "with a quota",
}


def tables(measured: Sequence[PairRates]) -> str:
    """The choice of each network, then GroupNL beside its twin, then all ways, then what misses the aims.

    Args:
        measured: at least one pair, all with the same settings.
    """
    networks = list({each.network: each for pair in measured for each in (pair.model, pair.twin)}.values())
    loads = list(measured[0].settings.loads)
    parts = [
        _choices("Full batches: what `auto` takes, as served", networks, [each.full for each in networks], loads),
        _choices("Single images: the same", networks, [each.lone for each in networks], loads),
        _over_twins(measured),
        _ways("Images a second, full batches", networks, [each.full for each in networks], loads),
        _ways("Images a second, single images, one process", networks, [each.lone for each in networks], loads),
        "\n".join(f"- {miss}" for pair in measured for miss in misses(pair)) or "Every aim is reached.",
    ]
    return "\n\n".join(parts)


def _choices(title: str, networks: Sequence[NetworkRates], rates: Sequence[Rates], loads: Sequence[Load]) -> str:
    others = [load for load in loads if load != "alone"]
    head = [
        "network",
        "engine",
        "images/s",
        "of the fastest",
        "which is",
        *(f"{_LOADS[load]}, of it" for load in others),
    ]
    rows = [
        [network.network, *_cells(choice(network, each), others)] for network, each in zip(networks, rates, strict=True)
    ]
    return _table(title, head, rows)


def _cells(found: Choice, loads: Sequence[Load]) -> list[str]:
    left = [f"{found.left[load].median:.2f}" for load in loads]
    return [found.way.split()[0], f"{found.rate:.1f}", f"{found.share:.2f}", found.fastest, *left]


def _over_twins(measured: Sequence[PairRates]) -> str:
    rows = [[pair.model.network, pair.twin.network, f"{over_twin(pair):.2f}"] for pair in measured]
    return _table("Throughput over the twin's, each in its own fastest way", ["network", "twin", "ratio"], rows)


def _ways(title: str, networks: Sequence[NetworkRates], rates: Sequence[Rates], loads: Sequence[Load]) -> str:
    rows = [
        [network.network, way, *(f"{median(each, load, way):.1f}" for load in loads)]
        for network, each in zip(networks, rates, strict=True)
        for way in each["alone"]
    ]
    return _table(title, ["network", "way", *(_LOADS[load] for load in loads)], rows)


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"**{title}**", "", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
