"""The figures of `groupnl bench serve` as a picture: throughput and latency over the number of clients."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from groupnl.base.picture import save
from groupnl_studies.serving.figures import OURS, Round, best_mode, best_single_mode, median_limit, median_slot


def draw(rounds: Sequence[Round], title: str, path: Path) -> None:
    """Draw medians over the rounds.

    Args:
        rounds: at least one.
        title: what was served.
        path: picture, .svg or .png.
    """
    from matplotlib.figure import Figure  # half a second that no other command needs

    figure = Figure(figsize=(10, 4.6), layout="constrained")
    figure.suptitle(title, fontsize="medium")
    left, right = figure.subplots(1, 2)
    lines = _throughput(left, rounds)
    _latency(right, rounds)
    for axes in (left, right):
        _clients_axis(axes, list(rounds[0].served[OURS]))
    figure.legend(handles=lines, loc="outside lower center", ncols=len(lines), fontsize="small", frameon=False)
    save(figure, path)


def _throughput(axes: Any, rounds: Sequence[Round]) -> list[Any]:
    """Returns the services' lines, whose colours both halves share."""
    found = median_limit(rounds, best_mode(rounds)).throughput
    _reference(axes, found, f"offline limit, {found:.0f} images/s")
    lines = []
    for number, (service, slots) in enumerate(rounds[0].served.items()):
        rates = [median_slot(rounds, service, clients).throughput for clients in slots]
        lines += axes.plot(list(slots), rates, "o-", color=f"C{number}", label=service)
    axes.set(ylabel="answers a second", ylim=(0, None))
    return lines


def _latency(axes: Any, rounds: Sequence[Round]) -> None:
    alone = median_limit(rounds, best_single_mode(rounds)).single_ms
    if alone is not None:
        _reference(axes, alone, f"one image offline, {alone:.1f} ms")
    for number, (service, slots) in enumerate(rounds[0].served.items()):
        medians = [median_slot(rounds, service, clients) for clients in slots]
        axes.plot(list(slots), [each.p50_ms for each in medians], "o-", color=f"C{number}")
        axes.plot(list(slots), [each.p99_ms for each in medians], "o:", color=f"C{number}")
    axes.set(ylabel="latency, ms: p50 (lines), p99 (dotted)", yscale="log")


def _reference(axes: Any, value: float, label: str) -> None:
    line = axes.axhline(value, color="black", linestyle="--", linewidth=1, label=label)
    axes.legend(handles=[line], fontsize="small")


def _clients_axis(axes: Any, clients: Sequence[int]) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xticks(clients, [str(count) for count in clients])
    axes.minorticks_off()
    axes.set_xlabel("concurrent clients")
    axes.grid(alpha=0.3)
