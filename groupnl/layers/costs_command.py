"""`groupnl costs`: prints the cost table of one convolution."""

import argparse
import sys

from groupnl.base.options import Options as BaseOptions
from groupnl.layers.costs import ConvShape, CostRow, cost_table

HEADER = ("method", "#ops", "FLOPs (MAC)", "x standard", "parameters", "x standard", "constants")


class Options(BaseOptions):
    """The sizes of `groupnl costs`; `ConvShape` says what they mean, and which cannot be used.

    Attributes:
        in_channels: of the convolution.
        out_channels: of the convolution.
        kernel: side of its kernel.
        size: side of the output, pixels.
        ratio: output maps for each seed map.
        cheap_kernel: side of Ghost's second kernel.
        transforms: SineFM's sines.
        terms: GroupNL's groups.
    """

    in_channels: int
    out_channels: int
    kernel: int
    size: int
    ratio: int
    cheap_kernel: int
    transforms: int
    terms: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The convolution's sizes and the methods' options."""
    parser.add_argument("--in-channels", type=int, default=256, metavar="N", help="default %(default)s")
    parser.add_argument("--out-channels", type=int, default=256, metavar="M", help="default %(default)s")
    parser.add_argument("--kernel", type=int, default=3, metavar="K", help="kernel side, default %(default)s")
    parser.add_argument(
        "--size", type=int, default=56, metavar="PIXELS", help="side of the output, default %(default)s"
    )
    parser.add_argument(
        "--ratio", type=int, default=2, metavar="R", help="output maps per seed map, default %(default)s"
    )
    parser.add_argument(
        "--cheap-kernel", type=int, default=3, metavar="D", help="Ghost's second kernel, default %(default)s"
    )
    parser.add_argument("--transforms", type=int, default=2, metavar="T", help="SineFM's sines, default %(default)s")
    parser.add_argument("--terms", type=int, default=4, metavar="G", help="GroupNL's groups, default %(default)s")


def run(options: Options) -> int:
    """Print the table; 2 and a sentence where the sizes do not fit together."""
    try:
        shape = ConvShape(
            in_channels=options.in_channels,
            out_channels=options.out_channels,
            kernel_size=options.kernel,
            height=options.size,
            width=options.size,
            ratio=options.ratio,
            cheap_kernel_size=options.cheap_kernel,
            num_transforms=options.transforms,
            num_terms=options.terms,
        )
    except ValueError as error:
        sys.stderr.write(f"groupnl costs: {error}\n")
        return 2
    sys.stdout.write(format_costs(cost_table(shape)) + "\n")
    if shape.in_channels != shape.out_channels:
        sys.stdout.write(
            f"Depthwise is left out: it needs as many output as input channels "
            f"({shape.out_channels} != {shape.in_channels}).\n"
        )
    return 0


def format_costs(rows: tuple[CostRow, ...]) -> str:
    """An aligned text table; the ratios are to the first row."""
    standard = rows[0]
    lines = [HEADER, *(_cells(row, standard) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(_line(cells, widths) for cells in lines)


def _cells(row: CostRow, standard: CostRow) -> tuple[str, ...]:
    return (
        row.method,
        str(row.operations),
        f"{row.flops:,}",
        f"{row.flops / standard.flops:.4f}",
        f"{row.parameters:,}",
        f"{row.parameters / standard.parameters:.4f}",
        f"{row.constants:,}",
    )


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    name, *figures = (
        cell.rjust(width) if index else cell.ljust(width)
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join([name, *figures])
