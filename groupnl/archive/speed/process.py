"""`python -m groupnl.archive.speed.process FOLDER`: runs the engines of an unpacked archive as a worker does.

Orders come as lines of JSON on the standard input, answers go as lines of JSON to what was the standard output; see
`groupnl.archive.speed.contest`.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import torch

from groupnl.archive.engine import Loaded, candidates, choose, load_engine
from groupnl.archive.load import checked_manifest, handler_section
from groupnl.archive.read import CONFIG_FILE
from groupnl.base.environment import seats_folder
from groupnl.base.turns import Turns
from groupnl.base.yaml_file import read_mapping
from groupnl.errors import GroupNLError
from groupnl.inference.device import precision_name
from groupnl.inference.engine_names import AUTO, EngineName
from groupnl.inference.engines.engine import Engine
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
        self._threads = torch.get_num_threads()
        self._opened: dict[EngineName, Loaded] = {}
        self._turns: dict[EngineName, Turns] = {}
        self._pixels = noise(batch_size, self._manifest.card.input.size)

    def names(self) -> dict[EngineName, str | None]:
        """Each engine that the archive could run on, and why it cannot."""
        return candidates(self._folder, self._manifest, self._choice)

    def open(self, name: EngineName, threads: Sequence[int] = ()) -> dict[str, Any]:
        """Open an engine and warm it up, for a worker's threads and for other numbers of them.

        Gives its precision and the memory that this took, bytes, or the reason why it cannot run.
        """
        before = _most_bytes()
        try:
            turns = Turns(seats_folder(), self._threads)
            precision = self._open(name, sorted({*turns.threads, *threads}))
        except GroupNLError as error:
            return {"reason": str(error)}
        except Exception as error:  # runtimes and drivers have errors of many types
            return {"reason": f"{type(error).__name__}: {error}"}
        self._turns[name] = turns
        return {"precision": precision, "bytes": _most_bytes() - before}

    def _open(self, name: EngineName, threads: Sequence[int]) -> str:
        """Warm an engine up for these numbers of threads, opened for as many as a worker has; its precision."""
        if name not in self._opened:
            torch.set_num_threads(self._threads)
            self._opened[name] = load_engine(self._folder, self._manifest, self._choice.for_engine(name))
        warm_up_with(self._opened[name].engine, threads, len(self._pixels))
        return precision_name(self._opened[name].precision)

    def run(self, name: EngineName, batch: int, seconds: float, threads: int | None = None) -> dict[str, float]:
        """Answer batches for so many seconds: with so many threads, or taking turns with the other processes."""
        engine = self._opened[name].engine
        turns = self._turns[name] if threads is None else Turns(None, threads)
        turns.forget()
        # Uncounted: who is alone finds out with how many threads it is the quickest, several get into their turns.
        for _ in turns.threads if batch == 1 else (None,):
            self._answer(engine, turns, batch)
        images, start, used_before = 0, time.perf_counter(), time.process_time()
        now = start
        while now < start + seconds:
            self._answer(engine, turns, batch)
            images += batch
            now = time.perf_counter()
        return {"images": images, "seconds": now - start, "cpu_s": time.process_time() - used_before}

    def _answer(self, engine: Engine, turns: Turns, batch: int) -> None:
        with turns.turn(batch) as threads:
            compute_with(threads)
            engine(self._pixels[:batch])


def _most_bytes() -> int:
    """The most memory that this process has had so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _answers(folder: Path, batch_size: int, orders: TextIO) -> Iterator[object]:
    contestants = Contestants(folder, batch_size)
    yield contestants.names()
    for line in orders:
        match json.loads(line):
            case {"open": name, "threads": threads}:
                yield contestants.open(name, threads)
            case {"run": name, "batch": batch, "seconds": seconds, "threads": threads}:
                yield contestants.run(name, batch, seconds, threads)


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
