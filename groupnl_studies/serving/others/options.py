"""What a program of this package is told: how to serve an archive's network."""

import sys
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from groupnl.base.numbers import Positive

READY = "a worker is ready"  # each prints it once
PATH = "/inference"  # of every program's URL
Answer = dict[str, float]  # class name -> probability


class ProgramOptions(BaseModel):
    """How the network is served.

    Attributes:
        unpacked: folder with the files of an archive.
        our_engine: with our decoding and engine, or with what the server's documents advise.
        port: of this machine.
        workers: processes that run the network.
        threads: of each.
        batch_size: most images in a batch.
        batch_delay_ms: longest wait for others.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    unpacked: Path
    our_engine: bool
    port: Positive
    workers: Positive
    threads: Positive
    batch_size: Positive
    batch_delay_ms: Positive

    @classmethod
    def of_this_program(cls) -> Self:
        """The one that is named last on the command line; processes that the server spawns have the same line."""
        return cls.model_validate_json(Path(sys.argv[-1]).read_text(encoding="utf-8"))


def say_ready() -> None:
    """Called by a worker that has loaded the network."""
    sys.stdout.write(READY + "\n")
    sys.stdout.flush()
