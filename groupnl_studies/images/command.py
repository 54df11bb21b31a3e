"""`groupnl bench images`: what preparing an image costs, beside the reference, in one run."""

import argparse
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from groupnl.card import InputConfig
from groupnl.errors import ConfigError, InputError
from groupnl.images.decode import decode
from groupnl.images.limits import Limits
from groupnl.images.preprocess import Preprocess
from groupnl.images.reader import Reader
from groupnl.images.side_by_side import SideBySide
from groupnl_studies.images.pictures import generated

_BATCH = 8


class Row(NamedTuple):
    """What was measured of one image.

    Attributes:
        name: of the file or kind.
        kib: size of the file.
        reference_ms: by Pillow; processor time of one core, which others that use the machine do not change.
        fast_ms: as the service does it; the same time.
        together_ms: time that passes for each image of a batch in several threads; None with one thread.
        mean_levels: mean difference of the two, 0 to 255.
        max_levels: largest.
    """

    name: str
    kib: float
    reference_ms: float
    fast_ms: float
    together_ms: float | None
    mean_levels: float
    max_levels: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl bench images`."""
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="images (generated ones)")
    parser.add_argument("--size", type=int, default=224, metavar="PIXELS", help="side of the input (%(default)s)")
    parser.add_argument("--crop-pct", type=float, default=0.875, metavar="SHARE", help="of the crop (%(default)s)")
    parser.add_argument("--interpolation", choices=("bilinear", "bicubic"), default="bilinear", help="(%(default)s)")
    parser.add_argument("--repeats", type=int, default=20, metavar="N", help="medians are of so many (%(default)s)")
    parser.add_argument(
        "--threads", type=int, default=torch.get_num_threads(), metavar="N", help="for a batch (%(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Measure and print the table.

    Raises:
        ConfigError: an option or an image cannot be used.
    """
    for option in ("repeats", "threads"):
        if getattr(args, option) < 1:
            raise ConfigError(f"--{option} is {getattr(args, option)}; it must be at least 1")
    config = _input(args)
    pictures = [(path.name, path.read_bytes()) for path in args.files] or generated()
    torch.set_num_threads(1)
    rows = _measured(pictures, config, args.repeats, SideBySide(args.threads) if args.threads > 1 else None)
    print(
        f"input {config.size} x {config.size}, crop {config.crop_pct:g}, {config.interpolation}; milliseconds for an "
        f"image, medians of {args.repeats} in turns: of one core, and by the clock for each of {_BATCH} images in "
        f"{args.threads} threads\n"
    )
    print(_table(rows))
    return 0


def _input(args: argparse.Namespace) -> InputConfig:
    try:
        return InputConfig(
            size=args.size, crop_pct=args.crop_pct, interpolation=args.interpolation, mean=(0, 0, 0), std=(1, 1, 1)
        )
    except ValueError as error:
        raise ConfigError(
            f"--size {args.size} and --crop-pct {args.crop_pct}: sizes are 8 to 1024, and shares above 0 and at most 1"
        ) from error


def _measured(
    pictures: Iterable[tuple[str, bytes]], config: InputConfig, repeats: int, side_by_side: SideBySide | None
) -> list[Row]:
    reader, preprocess, limits = Reader(config, Limits()), Preprocess(config), Limits()
    rows = []
    for name, data in pictures:
        batch = [data] * _BATCH

        def reference(data: bytes = data) -> Tensor:
            return preprocess(decode(data, limits))

        def fast(data: bytes = data) -> Tensor:
            return reader(data)

        def together(batch: list[bytes] = batch) -> None:
            if side_by_side is not None:
                side_by_side(reader, batch)

        try:
            difference = (reference().int() - fast().int()).abs()
        except InputError as error:
            raise ConfigError(f"the image {name} cannot be used: {error}") from None
        reference_ms, fast_ms, batch_ms = _medians_ms(
            [(reference, time.thread_time), (fast, time.thread_time), (together, time.perf_counter)], repeats
        )
        apart = None if side_by_side is None else batch_ms / _BATCH
        mean, largest = float(difference.float().mean()), int(difference.max())
        rows.append(Row(name, len(data) / 1024, reference_ms, fast_ms, apart, mean, largest))
    return rows


def _medians_ms(actions: Sequence[tuple[Callable[[], object], Callable[[], float]]], repeats: int) -> list[float]:
    """Milliseconds of each action by its clock, measured in turns."""
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(repeats):
        for found, (action, clock) in zip(times, actions, strict=True):
            start = clock()
            action()
            found.append((clock() - start) * 1000)
    return [statistics.median(found) for found in times]


def _table(rows: Iterable[Row]) -> str:
    lines = [
        "| image | KiB | reference | here | times as fast | mean levels apart | most | batch, clock |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        together = "" if row.together_ms is None else f"{row.together_ms:.2f}"
        lines.append(
            f"| {row.name} | {row.kib:.0f} | {row.reference_ms:.2f} | {row.fast_ms:.2f} "
            f"| {row.reference_ms / row.fast_ms:.1f} | {row.mean_levels:.3f} | {row.max_levels} | {together} |"
        )
    return "\n".join(lines)
