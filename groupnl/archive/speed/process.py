"""`python -m groupnl.archive.speed.process FOLDER`: runs the engines of an unpacked archive as a worker does.

Orders come as lines of JSON on the standard input, answers go as lines of JSON to what was the standard output; see
`groupnl.archive.speed.measure`.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import torch

from groupnl.archive.engine import candidates, choose, load_engine
from groupnl.archive.load import checked_manifest, handler_section
from groupnl.archive.read import CONFIG_FILE
from groupnl.base.environment import seats_folder
from groupnl.base.turns import Turns
from groupnl.base.yaml_file import read_mapping
from groupnl.errors import GroupNLError
from groupnl.inference.device import precision_name
from groupnl.inference.engine_names import AUTO, EngineName
from groupnl.inference.engines.engine import Engine
from groupnl.inference.engines.table import engine_kind
from groupnl.inference.threads import compute_with, warm_up_with
from groupnl.inference.warm_up import noise


class Contestants:
    """The engines of an archive, opened when they are asked for.

    Args:
        folder: the unpacked archive.
        batch_size: most images in a batch.
    """

    def __init__(self, folder: Path, batch_size: int) -> None:
        config = handler_section(read_mapping(folder / CONFIG_FILE))
        if config.threads is not None:
            torch.set_num_threads(config.threads)
        self._folder = folder
        self._manifest = checked_manifest(folder)
        self._choice = choose(config.model_copy(update={"engine": AUTO}))
        self._opened: dict[EngineName, tuple[Engine, Turns]] = {}
        self._pixels = noise(batch_size, self._manifest.card.input.size)

    def names(self) -> dict[EngineName, str | None]:
        """Each engine that the archive could run on, and why it cannot."""
        return candidates(self._folder, self._manifest, self._choice)

    def open(self, name: EngineName) -> dict[str, Any]:
        """Open an engine and warm it up; gives its precision, or the reason why it cannot run."""
        try:
            loaded = load_engine(self._folder, self._manifest, self._choice.for_engine(name))
            turns = Turns(seats_folder(), torch.get_num_threads(), all_or_none=engine_kind(name).fixed_threads)
            warm_up_with(loaded.engine, turns.threads, len(self._pixels))
        except GroupNLError as error:
            return {"reason": str(error)}
        except Exception as error:  # runtimes and drivers have errors of many types
            return {"reason": f"{type(error).__name__}: {error}"}
        self._opened[name] = loaded.engine, turns
        return {"precision": precision_name(loaded.precision)}

    def run(self, name: EngineName, batch: int, seconds: float) -> dict[str, float]:
        """Answer batches for so many seconds, taking turns with the other processes."""
        engine, turns = self._opened[name]
        images, start = 0, time.perf_counter()
        now = start
        while now < start + seconds:
            with turns.turn(batch) as threads:
                compute_with(threads)
                engine(self._pixels[:batch])
            images += batch
            now = time.perf_counter()
        return {"images": images, "seconds": now - start}


def _answers(folder: Path, batch_size: int, orders: TextIO) -> Iterator[object]:
    contestants = Contestants(folder, batch_size)
    yield contestants.names()
    for line in orders:
        match json.loads(line):
            case {"open": name}:
                yield contestants.open(name)
            case {"run": name, "batch": batch, "seconds": seconds}:
                yield contestants.run(name, batch, seconds)


def main() -> None:
    """Follow the orders until there are no more."""
    # What libraries print must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    _, folder, batch_size = sys.argv
    for answer in _answers(Path(folder), int(batch_size), sys.stdin):
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
