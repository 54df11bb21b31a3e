"""What goes through the pipe between a worker and its shadow process, beside batches and their results."""

from pathlib import Path
from typing import NamedTuple

from groupnl.archive.engine import Choice
from groupnl.service.shadow.examples import ExamplesPlace


class Setup(NamedTuple):
    """The first message: what to load.

    Attributes:
        model_dir: the model's unpacked archive.
        twin_dir: the twin's, or None.
        choice: how both networks run.
        threads: of one forward pass.
        candidate_dir: the candidate's unpacked archive, or None.
        examples: where pictures of flips are kept, or None.
        niceness: of the process; None: it runs only when nothing else wants to.
    """

    model_dir: Path
    twin_dir: Path | None
    choice: Choice
    threads: int
    candidate_dir: Path | None = None
    examples: ExamplesPlace | None = None
    niceness: int | None = None


class Failure(NamedTuple):
    """The answer when something was raised.

    Attributes:
        text: class and sentence of the exception.
    """

    text: str
