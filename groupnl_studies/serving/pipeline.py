"""An archive's way from bytes to logits without a server.

A module, and a program that `groupnl_studies.serving.offline` starts. The one place of the studies that knows how a
worker loads an archive and prepares an image.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from groupnl.archive.engine import choose, load_engine
from groupnl.archive.load import checked_manifest, handler_section
from groupnl.archive.read import CONFIG_FILE
from groupnl.base.numbers import Positive
from groupnl.base.options import Options as BaseOptions
from groupnl.base.options import read_options
from groupnl.base.yaml_file import read_mapping
from groupnl.images import Reader, SideBySide, as_batch
from groupnl.inference.engine_names import EngineName

_UNCOUNTED_BATCHES = 3


class Pipeline:
    """Decodes, resizes and classifies, with the functions and the engine of the service.

    Args:
        unpacked: folder with the files of an archive.
        threads: of the forward pass on a CPU, and images prepared at a time.
        max_batch: largest batch.
        engine: that runs the network; None: as the archive's settings say.

    Attributes:
        engine_name: of the engine that is used: another one than is wanted where that cannot be used here.
    """

    def __init__(self, unpacked: Path, threads: int, max_batch: int, engine: EngineName | None = None) -> None:
        torch.set_num_threads(threads)
        config = handler_section(read_mapping(unpacked / CONFIG_FILE))
        if engine is not None:
            config = config.model_copy(update={"engine": engine})
        manifest = checked_manifest(unpacked)
        loaded = load_engine(unpacked, manifest, choose(config)._replace(urgent=True))
        self._engine, self.engine_name = loaded.engine, loaded.name
        self._engine.warm_up(max_batch)
        self._read = Reader(manifest.card.input, config.limits)
        self._side_by_side = SideBySide(threads)

    def __call__(self, files: Sequence[bytes]) -> Tensor:
        """Logits of encoded images, at least one; float32 (B, classes)."""
        return self._engine(as_batch(self._side_by_side(self._read, files)))


class Run(NamedTuple):
    """One run of a pipeline.

    Attributes:
        images: that were classified.
        seconds: that it took.
        latencies_s: of each batch.
    """

    images: int
    seconds: float
    latencies_s: list[float]


def measure(pipeline: Pipeline, files: Sequence[bytes], batch: int, seconds: float) -> Run:
    """Classify batches of the files, in turn, for so many seconds."""
    supply = cycle(files)
    for _ in range(_UNCOUNTED_BATCHES):
        pipeline(list(islice(supply, batch)))
    latencies: list[float] = []
    now = start = time.perf_counter()
    while now < start + seconds:
        pipeline(list(islice(supply, batch)))
        before, now = now, time.perf_counter()
        latencies.append(now - before)
    return Run(batch * len(latencies), now - start, latencies)


class Options(BaseOptions):
    """What the program is told.

    Attributes:
        unpacked: folder with the files of an archive.
        images: folder of encoded images.
        threads: see `Pipeline`.
        max_batch: see `Pipeline`.
        engine: see `Pipeline`.
    """

    unpacked: Path
    images: Path
    threads: Positive
    max_batch: Positive
    engine: EngineName | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    *required, last = Options.model_fields
    for name in required:
        parser.add_argument(name)
    parser.add_argument(last, nargs="?")


def main(options: Options) -> None:
    """Answer orders, one a line on the standard input, with runs on the standard output, both as JSON."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1) as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no answer
        files = [path.read_bytes() for path in sorted(options.images.iterdir())]
        pipeline = Pipeline(options.unpacked, options.threads, options.max_batch, options.engine)
        answers.write(json.dumps({"engine": pipeline.engine_name}) + "\n")
        for line in sys.stdin:
            order = json.loads(line)
            answers.write(json.dumps(measure(pipeline, files, order["batch"], order["seconds"])._asdict()) + "\n")


if __name__ == "__main__":
    program = argparse.ArgumentParser()
    add_arguments(program)
    main(read_options(Options, program.parse_args()))
