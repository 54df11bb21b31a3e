"""The fits in a table, a file for programs and a picture."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from groupnl.base.atomic_file import replacing
from groupnl.base.picture import save
from groupnl_studies.harness.fit import STRAIGHT, LayerFit

# Source (which layers of which network) -> their fits.
Fits = Mapping[str, Sequence[LayerFit]]


def table(fits: Fits) -> str:
    """Markdown: mean R^2 by width, and in brackets the share of the maps that are nearly affine."""
    widths = sorted({fit.seeds for each in fits.values() for fit in each})
    head = ["layers", *(f"s = {width}" for width in widths)]
    lines = [f"R^2 (share of the maps above {STRAIGHT:g}) by seed maps s", ""]
    lines += [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(_line(source, each, widths) for source, each in fits.items())])


def _line(source: str, fits: Sequence[LayerFit], widths: Sequence[int]) -> str:
    groups = ([fit for fit in fits if fit.seeds == width] for width in widths)
    return f"| {source} | {' | '.join(_cell(group) for group in groups)} |"


def _cell(fits: Sequence[LayerFit]) -> str:
    if not fits:
        return ""
    return f"{fmean(fit.r2 for fit in fits):.2f} ({fmean(fit.straight for fit in fits):.0%})"


def write_csv(fits: Fits, path: Path) -> None:
    """One line for each layer."""
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["source", "layer", "seeds", "r2", "straight"])
        for source, each in fits.items():
            writer.writerows([source, fit.layer, fit.seeds, f"{fit.r2:.4f}", f"{fit.straight:.4f}"] for fit in each)


def draw(random: Fits, trained: Fits, path: Path) -> None:
    """R^2 over the width, mean of the layers of a width: lines for random layers, marks for trained networks.

    Args:
        random: fits of random layers, by form.
        trained: of networks; a colour for what stands last in their names, a mark for what stands before.
        path: picture, .svg or .png.
    """
    from matplotlib.figure import Figure  # half a second that no other command needs

    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.subplots()
    for place, (source, fits) in enumerate(random.items()):
        axes.plot(*_by_width(fits), color="black", linestyle=("-", "--", "-.", ":")[place % 4], label=source)
    colours, marks = _Distinct([f"C{index}" for index in range(10)]), _Distinct(list("Dosv^"))
    for source, fits in trained.items():
        group, _, kind = source.rpartition(", ")
        (line,) = axes.plot(*_by_width(fits), linewidth=0.5, markersize=5, label=source)
        line.set(color=colours[kind], marker=marks[group])
    axes.set_xscale("log", base=2)
    axes.set(
        xlabel="seed maps of the layer", ylabel="R² of the best affine fit on the seed, mean over maps", ylim=(0, 1.02)
    )
    axes.grid(alpha=0.3)
    axes.legend(fontsize="x-small", loc="center left", bbox_to_anchor=(1.0, 0.5))
    save(figure, path)


def _by_width(fits: Sequence[LayerFit]) -> tuple[list[int], list[float]]:
    widths = sorted({fit.seeds for fit in fits})
    return widths, [fmean(fit.r2 for fit in fits if fit.seeds == width) for width in widths]


class _Distinct(dict[str, str]):
    """A style for each name that is asked for, in turn."""

    def __init__(self, styles: Sequence[str]) -> None:
        self._styles = styles

    def __missing__(self, name: str) -> str:
        self[name] = self._styles[len(self) % len(self._styles)]
        return self[name]
