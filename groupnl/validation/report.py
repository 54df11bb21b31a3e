"""The figures as text, as CSV and as JSON."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from groupnl.base.atomic_file import write_whole
from groupnl.base.texts import counted
from groupnl.corruptions.names import BENCHMARK, Cell
from groupnl.validation.calibration import Calibration
from groupnl.validation.figures import Figures
from groupnl.validation.record import Counts, Record, Settings

CSV_FILE = "cells.csv"
FIGURES_FILE = "figures.csv"
JSON_FILE = "figures.json"
_HEAD = ("corruption", "severity", "images", "top1_correct", "top5_correct", "top1_error", *Calibration._fields)
_SHARES = ("clean_top1", "clean_top5", "mean_ce", "mean_accuracy", "mce", "relative_mce")
_NAME = 46  # characters of a line's name
_CALIBRATION = {"ece": "ECE", "rms": "RMS calibration error", "aurc": "AURC"}


def heading(settings: Settings, clean: bool) -> str:
    """What is measured.

    Args:
        settings: of the network.
        clean: whether clean images are read: ImageNet-C's files are not resized.
    """
    lines = [f"{settings.architecture}, engine {settings.engine} in {settings.precision} on {settings.device}"]
    if clean:
        size, crop, interpolation = settings.input.size, settings.input.crop_pct, settings.input.interpolation
        lines.append(f"clean images: {size} pixels, crop {crop:g}, {interpolation}")
    return "\n".join(lines)


def text(record: Record, found: Figures) -> str:
    """What was found, below the heading."""
    settings = record.settings
    lines = []
    if record.clean is not None:
        name, classes = _clean_of(record)
        clean = f"top-1 {percent(found.clean_top1)} %, top-5 {percent(found.clean_top5)} %{classes}"
        lines.append(f"{name}: {clean} of {counted(record.clean.images, 'image')} of {settings.input.size} pixels")
        if None in found.calibration:
            lines.append(f"{name}: {_calibrated(found.calibration[None])}")
    if found.errors:
        lines += ["", *_table(found), "", *_means(found)]
    return "\n".join([*lines, *(f"\n{note}" for note in found.notes)])


def write_files(record: Record, found: Figures, folder: Path) -> None:
    """Write a row for each set of images, a row for each figure, and as JSON all figures and what they are of."""
    write_whole(folder / CSV_FILE, _csv(record))
    write_whole(folder / FIGURES_FILE, _figures_csv(found))
    errors = {name: {str(cell.severity): found.errors[cell] for cell in _cells(found, name)} for name in found.ce}
    about = record.model_dump(mode="json", include={"settings", "clean_of", "corrupted"})
    content: dict[str, Any] = {**about, **found._asdict(), "errors": errors, "calibration": _by_name(found)}
    write_whole(folder / JSON_FILE, json.dumps(content, indent=2) + "\n")


def percent(share: float | None) -> str:
    """A share in percent, with one decimal."""
    return "-" if share is None else f"{100 * share:.1f}"


def _clean_of(record: Record) -> tuple[str, str]:
    """What the clean images are called, and which classes they were told apart from."""
    of = record.clean_of
    if of is None or of.clean_set == "images":
        return "clean", ""
    return of.clean_set, "" if of.answers is None else f" among the set's {counted(of.answers, 'class')}"


def _calibrated(found: Calibration) -> str:
    return ", ".join(f"{_CALIBRATION[name]} {percent(share)} %" for name, share in found._asdict().items())


def _by_name(found: Figures) -> dict[str, Any]:
    """Calibration of the clean images, its means over the cells, and of each."""
    cells: dict[str, dict[str, dict[str, float]]] = {}
    for cell, each in found.calibration.items():
        if cell is not None:
            cells.setdefault(cell.corruption, {})[str(cell.severity)] = each._asdict()
    clean, mean = found.calibration.get(None), found.mean_calibration
    return {"clean": clean and clean._asdict(), "mean_of_cells": mean and mean._asdict(), "cells": cells}


def _table(found: Figures) -> Iterator[str]:
    head = "".join(f"{severity:>7}" for severity in found.severities)
    yield f"{'top-1 error, %, at severity':<{_NAME}}{head}   unnormalised CE"
    for name, error in found.ce.items():
        row = "".join(f"{percent(found.errors.get(Cell(name, severity))):>7}" for severity in found.severities)
        yield f"{name:<{_NAME}}{row}{percent(error):>18}"


def _means(found: Figures) -> Iterator[str]:
    types = len(found.ce)
    lines = {
        f"mean unnormalised CE of {counted(types, 'type')}": found.mean_ce,
        "mean corruption accuracy": found.mean_accuracy,
    }
    if found.divided:
        lines[f"mCE ({len(BENCHMARK)} types, AlexNet = 100)"] = found.mce
        lines[f"relative mCE ({len(BENCHMARK)} types, AlexNet = 100)"] = found.relative_mce
    if mean := found.mean_calibration:
        lines |= {f"mean {_CALIBRATION[name]} of the cells": share for name, share in mean._asdict().items()}
    for name, share in lines.items():
        yield f"{name:<{_NAME}}{percent(share):>7}"


def _cells(found: Figures, name: str) -> list[Cell]:
    return [cell for cell in found.errors if cell.corruption == name]


def _csv(record: Record) -> str:
    clean = [("clean", 0, *_numbers(record.clean))] if record.clean is not None else []
    return _text_of([_HEAD, *clean, *((*counts.cell, *_numbers(counts)) for counts in record.cells)])


def _figures_csv(found: Figures) -> str:
    named = {name: getattr(found, name) for name in _SHARES} | {f"ce {name}": share for name, share in found.ce.items()}
    for where, each in (("clean", found.calibration.get(None)), ("mean", found.mean_calibration)):
        named |= {f"{where}_{name}": share for name, share in (each._asdict() if each else {}).items()}
    shares = ((name, f"{share:.6f}") for name, share in named.items() if share is not None)
    return _text_of([("figure", "share"), *shares])


def _text_of(rows: Iterable[Sequence[object]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()


def _numbers(counts: Counts) -> tuple[object, ...]:
    of = counts.calibration
    shares = ["" if of is None else f"{getattr(of, name):.6f}" for name in Calibration._fields]
    return counts.images, counts.top1, counts.top5, f"{1 - counts.top1 / counts.images:.6f}", *shares
