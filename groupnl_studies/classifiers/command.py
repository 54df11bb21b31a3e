"""`groupnl study classifiers`: networks of timm and torchvision, packed and asked, beside timm's own answers."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

import torch

from groupnl.base.cores import whole_cores
from groupnl.base.folder_lock import locked
from groupnl.base.numbers import Positive
from groupnl.base.options import Options as BaseOptions
from groupnl.base.progress import progress
from groupnl.errors import ConfigError
from groupnl.inference.engine_names import EngineName
from groupnl_studies.classifiers.case import CASES, Case
from groupnl_studies.classifiers.outcome import Outcome, read_outcome, table, write_outcome
from groupnl_studies.classifiers.trial import tried


class Options(BaseOptions):
    """What `groupnl study classifiers` tries.

    Attributes:
        out: folder of the results; what was right there is not tried again.
        architectures: only these; None: all.
        engines: that answer.
        threads: of the CPU; None: all cores.
        report: nothing is tried.
    """

    out: Path
    architectures: tuple[str, ...] | None
    engines: tuple[EngineName, ...]
    threads: Positive | None
    report: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl study classifiers`."""
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="DIR", help="for the results; a study goes on from there")
    add("--architectures", nargs="+", metavar="NAME", help="only these, by timm's or torchvision's name (all)")
    add("--engines", nargs="+", choices=get_args(EngineName), default=["eager", "onnx", "openvino"])
    add("--threads", type=int, metavar="N", help="CPU threads (all cores)")
    add("--report", action="store_true", help="print what is known; try nothing")


def run(options: Options) -> int:
    """Try what is missing, print the table.

    Returns:
        1 if an answer is another than timm's, or a network is not taken.

    Raises:
        ConfigError: an architecture is none of the study's, a result cannot be used, or another process works there.
    """
    cases = _chosen(options.architectures)
    if not options.report:
        torch.set_num_threads(options.threads or whole_cores())
        with locked(options.out, "choose another --out; the folders can be copied together"):
            _try_missing(options, cases)
    outcomes = list(_known(options, cases))
    print(table(outcomes, cases, options.engines))
    return int(not all(outcome.is_right for outcome in outcomes))


def _try_missing(options: Options, cases: Sequence[Case]) -> None:
    """Results are written one by one; those that are not right are tried again."""
    right = {(outcome.case, outcome.engine) for outcome in _known(options, cases) if outcome.is_right}
    total = len(cases) * len(options.engines)
    with progress(total=total, done=len(right), stays=False, unit="archives") as bar:
        for case in cases:
            missing = [engine for engine in options.engines if (case, engine) not in right]
            for outcome in tried(case, missing) if missing else ():
                write_outcome(options.out, outcome)
                if not outcome.is_right:
                    bar.write(f"{case.name}, {outcome.engine}: {outcome.refusal or outcome.in_a_cell()}", sys.stderr)
                bar.update()


def _known(options: Options, cases: Sequence[Case]) -> Iterator[Outcome]:
    for case in cases:
        for engine in options.engines:
            if outcome := read_outcome(options.out, case, engine):
                yield outcome


def _chosen(architectures: Sequence[str] | None) -> list[Case]:
    known = {case.architecture for case in CASES}
    if unknown := [name for name in architectures or () if name not in known]:
        raise ConfigError(f"--architectures {unknown[0]}: the study has none of that name: {', '.join(sorted(known))}")
    return [case for case in CASES if architectures is None or case.architecture in architectures]
