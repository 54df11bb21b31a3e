"""`groupnl study classifiers`: networks of timm and torchvision, packed and asked, beside timm's own answers."""

import argparse
import sys
from collections.abc import Sequence
from typing import get_args

import torch

from groupnl.base.cores import whole_cores
from groupnl.base.numbers import Positive
from groupnl.base.options import Options as BaseOptions
from groupnl.base.progress import progress
from groupnl.errors import GroupNLError
from groupnl.inference.engine_names import EngineName
from groupnl_studies.classifiers.case import CASES, Case
from groupnl_studies.classifiers.trial import Row, tried

# Of the logits' size: what rounding makes, of sums in another order, and of resized pixels in a random network.
_MOST, _MOST_RESIZED = 1e-3, 0.3


class Options(BaseOptions):
    """What `groupnl study classifiers` tries.

    Attributes:
        architectures: only these; None: all.
        engines: that answer.
        threads: of the CPU; None: all cores.
    """

    architectures: tuple[str, ...] | None
    engines: tuple[EngineName, ...]
    threads: Positive | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl study classifiers`."""
    add = parser.add_argument
    add("--architectures", nargs="+", metavar="NAME", help="only these, by timm's or torchvision's name (all)")
    add("--engines", nargs="+", choices=get_args(EngineName), default=["eager", "onnx", "openvino"])
    add("--threads", type=int, metavar="N", help="CPU threads (all cores)")


def run(options: Options) -> int:
    """Try them, print the table.

    Returns:
        1 if an answer is another than timm's, or a network is not taken.
    """
    torch.set_num_threads(options.threads or whole_cores())
    wanted = options.architectures
    cases = [case for case in CASES if wanted is None or case.architecture in wanted]
    rows: list[Row] = []
    failed = 0
    with progress([(case, name) for case in cases for name in options.engines], stays=False, unit="archives") as bar:
        for case, engine in bar:
            bar.set_description(f"{case.architecture}: {engine}")
            try:
                rows.append(tried(case, engine))
            except GroupNLError as error:
                failed += 1
                print(f"{case.architecture}, {engine}: {error}", file=sys.stderr)
    print(_table(cases, options.engines, rows))
    return 0 if not failed and all(row.error < _MOST and row.resized < _MOST_RESIZED for row in rows) else 1


def _table(cases: Sequence[Case], engines: Sequence[EngineName], rows: Sequence[Row]) -> str:
    """A line a case; for each engine its errors, of pixels that are the same and of resized ones."""
    lines = [
        f"| architecture | classes | channels | pixels | file | {' | '.join(engines)} |",
        "|---" * (5 + len(engines)) + "|",
    ]
    for case in cases:
        found = {row.engine: row for row in rows if row.case == case}
        cells = [_cell(found.get(engine)) for engine in engines]
        facts = [f"`{case.architecture}`", str(case.classes), str(case.channels), str(case.size), case.form]
        lines.append(f"| {' | '.join([*facts, *cells])} |")
    return "\n".join(lines)


def _cell(row: Row | None) -> str:
    return "refused" if row is None else f"{row.error:.0e}, {row.resized:.1%}"
