"""One picture of a set of runs, from their summaries: capacity, twins, spike, and the latencies of the others."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadtests._record import Json

WORDS = {True: "passed", False: "failed"}
KINDS = (("answered", "tab:blue"), ("busy", "tab:orange"), ("wrong", "tab:red"))


def draw(summaries: Mapping[str, Json], file: Path) -> None:
    """Write the picture; a scenario without a summary leaves its place empty.

    Args:
        summaries: scenario -> what `--summary` wrote.
        file: its suffix says the format.
    """
    # Slow to import, and only the last step of a set of runs needs it.
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(12, 8), layout="constrained")
    for axis, (names, panel) in zip(axes.flat, PANELS, strict=True):
        found = {name: summaries[name] for name in names if name in summaries}
        words = [f"{name} ({WORDS[summary['passed']]})" for name, summary in found.items()]
        axis.set_title(", ".join(words) or f"{', '.join(names)}: not run")
        if found:
            panel(axis, {name: summary["figures"] for name, summary in found.items()})
    figure.savefig(file)
    plt.close(figure)


def _capacity(axis: Any, figures: Mapping[str, Json]) -> None:
    steps = figures["capacity"]["steps"]
    for model in dict.fromkeys(step["model"] for step in steps):
        rows = [step for step in steps if step["model"] == model]
        axis.plot([row["users"] for row in rows], [row["throughput"] for row in rows], "o-", label=model)
    axis.set(xscale="log", xlabel="users, each asking again at once", ylabel="answers/s", ylim=(0, None))
    ticks = sorted({step["users"] for step in steps})
    axis.set_xticks(ticks, [str(users) for users in ticks])
    axis.minorticks_off()
    _legend(axis)


def _twins(axis: Any, figures: Mapping[str, Json]) -> None:
    for model, curve in figures["twins"]["quantiles_ms"].items():
        axis.plot(curve, range(len(curve)), label=model)
    axis.set(xlabel="latency, ms", ylabel="answers as quick as that, %", xlim=(0, None), ylim=(0, 100))
    _legend(axis)


def _spike(axis: Any, figures: Mapping[str, Json]) -> None:
    rows, (begin, end) = figures["spike"]["per_second"], figures["spike"]["overload_s"]
    axis.axvspan(begin, end, color="0.9", label="overload")
    for kind, colour in KINDS:
        if any(rows[kind]):
            axis.step(range(len(rows[kind])), rows[kind], where="post", color=colour, label=kind)
    axis.set(xlabel="second", ylabel="answers/s (busy: 503, queue full)", ylim=(0, None))
    _legend(axis)


def _latencies(axis: Any, figures: Mapping[str, Json]) -> None:
    rows = [(f"{model}\n{name}", row) for name, found in figures.items() for model, row in found["models"].items()]
    keys = ("p50_ms", "p95_ms", "p99_ms")
    for number, key in enumerate(keys):
        places = [place + 0.27 * (number - 1) for place in range(len(rows))]
        axis.bar(places, [row[key] or 0 for _, row in rows], 0.25, label=key.removesuffix("_ms"))
    axis.set_xticks(range(len(rows)), [name for name, _ in rows], fontsize="small")
    axis.set(ylabel="latency, ms")
    _legend(axis)


def _legend(axis: Any) -> None:
    axis.grid(alpha=0.3)
    if axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize="small")


PANELS = (
    (("capacity",), _capacity),
    (("twins",), _twins),
    (("spike",), _spike),
    (("soak", "hostile", "rollout"), _latencies),
)
