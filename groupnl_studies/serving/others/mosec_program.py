"""A program: Mosec with an archive's network.

As its example of an image classifier has it: a stage of processes that decode, and a stage of processes that run the
network on batches. Our engine does both at once, in one stage.
"""

import json
import signal
from typing import Any

import numpy as np
from mosec import Server, Worker
from numpy.typing import NDArray

from groupnl.base.child_process import end_with_parent
from groupnl_studies.serving.others.options import PATH, Answer, ProgramOptions, say_ready


class Preparation(Worker):
    """The first stage: Pillow and timm's transform."""

    def __init__(self) -> None:
        # torch takes seconds, and only the workers need it.
        from groupnl_studies.serving.others.classifier import of_pillow

        end_with_parent(signal.SIGKILL)
        self._prepare = of_pillow(ProgramOptions.of_this_program())
        say_ready()

    def deserialize(self, data: bytes) -> bytes:
        """The file is the body."""
        return data

    def forward(self, data: bytes) -> NDArray[np.float32]:
        """Network input, (3, S, S); arrays go to the next process with less work than tensors."""
        prepared: NDArray[np.float32] = self._prepare(data).numpy()
        return prepared


class Classification(Worker):
    """The stage that runs the network."""

    def __init__(self) -> None:
        from groupnl_studies.serving.others.classifier import best, class_names, classifier

        end_with_parent(signal.SIGKILL)
        options = ProgramOptions.of_this_program()
        self._classifier, self._classes, self._best = classifier(options), class_names(options), best
        say_ready()

    def deserialize(self, data: bytes) -> bytes:
        """The file is the body, where this is the only stage."""
        return bytes(data)

    def forward(self, data: list[Any]) -> list[Answer]:
        """An answer for each image of a batch: of its file, or of what the first stage made of it."""
        return self._best(self._classifier.classify(data), self._classes)

    def serialize(self, data: Answer) -> bytes:
        """The body of one answer."""
        return json.dumps(data).encode()


def main(options: ProgramOptions) -> None:
    """Serve until TERM or Ctrl-C; address and port are options of Mosec's own."""
    server = Server()  # type: ignore[no-untyped-call]
    if not options.our_engine:
        server.append_worker(Preparation, num=options.workers, route=PATH)
    server.append_worker(
        Classification,
        num=options.workers,
        max_batch_size=options.batch_size,
        max_wait_time=options.batch_delay_ms,
        route=PATH,
    )
    server.run()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main(ProgramOptions.of_this_program())
