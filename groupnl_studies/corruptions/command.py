"""`groupnl bench corruptions`: what each corruption costs, beside the reference library, in one run on one core."""

import argparse
import importlib
import statistics
import time
from collections.abc import Callable
from types import ModuleType

import cv2
import numpy as np
import torch
from torch import Tensor

from groupnl.base.numbers import Positive
from groupnl.base.options import Options as BaseOptions
from groupnl.base.others import Others, others_in_words
from groupnl.base.progress import progress
from groupnl.corruptions.corrupt import corrupt
from groupnl.corruptions.names import NAMES, SEVERITIES
from groupnl_studies.harness.photographs import squares

LIBRARY = "imagecorruptions"


class Options(BaseOptions):
    """What `groupnl bench corruptions` measures.

    Attributes:
        severity: of every corruption.
        size: side of the images, pixels.
        batch: images at once, ours.
        repeats: medians are of so many.
    """

    severity: int
    size: Positive
    batch: Positive
    repeats: Positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl bench corruptions`."""
    parser.add_argument("--severity", type=int, choices=SEVERITIES, default=3, help="(%(default)s)")
    parser.add_argument("--size", type=int, default=224, metavar="PIXELS", help="side of the images (%(default)s)")
    parser.add_argument("--batch", type=int, default=16, metavar="N", help="images at once, ours (%(default)s)")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="medians are of so many (%(default)s)")


def run(options: Options) -> int:
    """Measure and print the table."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    library = _library()
    images = torch.from_numpy(squares(options.batch, options.size)).permute(0, 3, 1, 2).contiguous()
    others = Others()
    rows = {
        name: _medians(name, options.severity, images, library, options.repeats)
        for name in progress(NAMES, title="corruptions", unit="kinds")
    }
    busy = others_in_words(others.cores())
    work = f"severity {options.severity}, {options.size} pixels, one thread"
    print(f"{work}; ms for an image, medians of {options.repeats}\n")
    if library is None:
        print(f"{LIBRARY} is not installed, so there is nothing to compare with:")
        print("  pip install --no-deps imagecorruptions-imaug && pip install numba scipy scikit-image\n")
    print(_table(rows, options.batch))
    print(f"\n{busy}")
    return 0


def _library() -> ModuleType | None:
    try:
        return importlib.import_module(LIBRARY)
    except ImportError:
        return None


def _medians(
    name: str, severity: int, images: Tensor, library: ModuleType | None, repeats: int
) -> tuple[float, float | None]:
    """Milliseconds for an image, ours and the library's, measured in turns."""
    generator = torch.Generator().manual_seed(1)
    runs: list[tuple[Callable[[], object], int]] = [(lambda: corrupt(images, name, severity, generator), len(images))]
    if library is not None and name in library.get_corruption_names("all"):
        rows = np.ascontiguousarray(images[0].permute(1, 2, 0).numpy())
        module = library
        runs.append((lambda: module.corrupt(rows, corruption_name=name, severity=severity), 1))
    for action, _ in runs:
        action()  # tables are built, the library compiles
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(repeats):
        for found, (action, count) in zip(times, runs, strict=True):
            start = time.perf_counter()
            action()
            found.append((time.perf_counter() - start) / count * 1000)
    ours, *theirs = map(statistics.median, times)
    return ours, theirs[0] if theirs else None


def _table(rows: dict[str, tuple[float, float | None]], batch: int) -> str:
    lines = [f"| corruption | ours, batch of {batch} | {LIBRARY} | times as fast |", "|---|---|---|---|"]
    lines.extend(_line(name, ours, theirs) for name, (ours, theirs) in rows.items())
    known = [theirs for _, theirs in rows.values() if theirs is not None]
    ours = statistics.fmean(first for first, _ in rows.values())
    lines.append(_line("**mean**", ours, statistics.fmean(known) if known else None))
    return "\n".join(lines)


def _line(name: str, ours: float, theirs: float | None) -> str:
    if theirs is None:
        return f"| {name} | {ours:.2f} | | |"
    return f"| {name} | {ours:.2f} | {theirs:.2f} | {theirs / ours:.1f} |"
