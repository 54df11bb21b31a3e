"""`groupnl bench images`: what preparing an image costs, beside the reference, in one run."""

import argparse
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Self, get_args

import torch
from pydantic import model_validator
from torch import Tensor

from groupnl.base.options import Options as BaseOptions
from groupnl.base.others import Others, others_in_words
from groupnl.card import InputConfig
from groupnl.card.card import Interpolation
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


class Options(BaseOptions):
    """What `groupnl bench images` measures.

    Attributes:
        files: images; empty: generated ones.
        size: side of the input, pixels.
        crop_pct: share of the crop.
        interpolation: of the resize.
        repeats: medians are of so many.
        threads: for a batch.
    """

    files: tuple[Path, ...]
    size: int
    crop_pct: float
    interpolation: Interpolation
    repeats: int
    threads: int

    @model_validator(mode="after")
    def _counts_are_positive(self) -> Self:
        for option, value in (("--repeats", self.repeats), ("--threads", self.threads)):
            if value < 1:
                raise ValueError(f"{option} is {value}; it must be at least 1")
        return self


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl bench images`."""
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="images (generated ones)")
    parser.add_argument("--size", type=int, default=224, metavar="PIXELS", help="side of the input (%(default)s)")
    parser.add_argument("--crop-pct", type=float, default=0.875, metavar="SHARE", help="of the crop (%(default)s)")
    parser.add_argument("--interpolation", choices=get_args(Interpolation), default="bilinear", help="(%(default)s)")
    parser.add_argument("--repeats", type=int, default=20, metavar="N", help="medians are of so many (%(default)s)")
    parser.add_argument(
        "--threads", type=int, default=torch.get_num_threads(), metavar="N", help="for a batch (%(default)s)"
    )


def run(options: Options) -> int:
    """Measure and print the table.

    Raises:
        ConfigError: an option or an image cannot be used.
    """
    config = _input(options)
    pictures = [(path.name, path.read_bytes()) for path in options.files] or generated()
    torch.set_num_threads(1)
    others = Others()
    rows = _measured(pictures, config, options.repeats, SideBySide(options.threads) if options.threads > 1 else None)
    busy = others_in_words(others.cores())
    print(
        f"input {config.size} x {config.size}, crop {config.crop_pct:g}, {config.interpolation}; milliseconds for an "
        f"image, medians of {options.repeats} in turns: of one core, and by the clock for each of {_BATCH} images in "
        f"{options.threads} threads\n"
    )
    print(_table(rows))
    print(f"\n{busy}")
    return 0


def _input(options: Options) -> InputConfig:
    try:
        return InputConfig(
            size=options.size,
            crop_pct=options.crop_pct,
            interpolation=options.interpolation,
            mean=(0, 0, 0),
            std=(1, 1, 1),
        )
    except ValueError as error:
        raise ConfigError(
            f"--size {options.size} and --crop-pct {options.crop_pct}: sizes are 8 to 1024, and shares above 0 and at "
            "most 1"
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
