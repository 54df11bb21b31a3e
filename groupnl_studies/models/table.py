"""The figures of `groupnl bench models` as Markdown tables."""

from collections.abc import Sequence

from groupnl_studies.models.figures import (
    OWN_FASTEST,
    batches_of,
    cpu_ms,
    fastest_way,
    median_ms,
    min_ms,
    over_twin,
    rewrite_speedups,
    ways_of,
)
from groupnl_studies.models.pair import Case, PairTimes


def tables(measured: Sequence[PairTimes]) -> str:
    """All tables: ratios to the twin, the fastest ways, what the rewrite gains, times.

    Args:
        measured: at least one pair; all in the same ways and batch sizes.
    """
    parts = [_over_twin(measured), _fastest(measured), _speedups(measured), _times(measured)]
    return "\n\n".join(part for part in parts if part)


def _over_twin(measured: Sequence[PairTimes]) -> str:
    columns = list(over_twin(measured[0], batches_of(measured[0])[0]))
    rows = [
        [times.pair.model, f"{batch}", *(f"{over_twin(times, batch)[column]}" for column in columns)]
        for times in measured
        for batch in batches_of(times)
    ]
    title = "Throughput over the twin's, in the same way: median (min-max over the rounds; quickest batches)"
    return _table(title, ["network", "batch", *columns], rows)


def _fastest(measured: Sequence[PairTimes]) -> str:
    rows = []
    for times in measured:
        for batch in batches_of(times):
            cells = [times.pair.model, f"{batch}"]
            for network in times.pair:
                way = fastest_way(times, network, batch)
                cells.append(f"{way}, {median_ms(times.turns[Case(network, way, batch)]):.2f} ms")
            rows.append([*cells, f"{over_twin(times, batch)[OWN_FASTEST]}"])
    return _table("Each in its own fastest way", ["network", "batch", "its way", "twin's way", "ratio"], rows)


def _speedups(measured: Sequence[PairTimes]) -> str:
    rows = [
        [speedup.network, f"{batch}", f"{speedup.after} over {speedup.before}", f"{speedup.ratio}"]
        for times in measured
        for batch in batches_of(times)
        for speedup in rewrite_speedups(times, batch)
    ]
    title = "Throughput in the inference form over the published form, same runtime and precision"
    return _table(title, ["network", "batch", "ways", "ratio"], rows) if rows else ""


def _times(measured: Sequence[PairTimes]) -> str:
    ways = ways_of(measured[0])
    rows = []
    for times in measured:
        for network in times.pair:
            for batch in batches_of(times):
                turns = [times.turns[Case(network, way, batch)] for way in ways]
                rows.append(
                    [
                        network,
                        f"{batch}",
                        *(f"{median_ms(each):.2f} ({min_ms(each):.2f}; {cpu_ms(each):.2f})" for each in turns),
                    ]
                )
    return _table(
        "Milliseconds for an image: median (quickest batch; processor time of all threads)",
        ["network", "batch", *ways],
        rows,
    )


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"**{title}**", "", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
