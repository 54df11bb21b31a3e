"""A program: LitServe with an archive's network.

As the server of its own benchmark of image classifiers: batches that are decoded in a pool of threads, and several
workers. Its `fast_queue` is left out: release 0.2.19 does not hand it on.
"""

import multiprocessing
import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import litserve
from fastapi import Body

from groupnl.base.child_process import end_with_parent
from groupnl.base.cores import usable_cores
from groupnl_studies.serving.others.options import PATH, Answer, ProgramOptions, say_ready

LOG_LEVEL = "warning"


class Api(litserve.LitAPI):  # type: ignore[misc]
    """The steps of one worker."""

    def __init__(self, options: ProgramOptions) -> None:
        super().__init__(max_batch_size=options.batch_size, batch_timeout=options.batch_delay_ms / 1e3, api_path=PATH)
        self._options = options

    def setup(self, device: str) -> None:
        """Called once in each worker."""
        # torch takes seconds, and only the workers need it.
        from groupnl_studies.serving.others.classifier import best, class_names, classifier

        end_with_parent(signal.SIGKILL)
        self._classifier, self._classes, self._best = classifier(self._options), class_names(self._options), best
        self._pool = ThreadPoolExecutor(usable_cores())
        say_ready()

    def decode_request(self, request: Annotated[bytes, Body(media_type="image/jpeg")]) -> bytes:
        """The file is the body."""
        return request

    def batch(self, inputs: Sequence[bytes]) -> list[Any]:
        """Decode and resize side by side."""
        return list(self._pool.map(self._classifier.prepare, inputs))

    def predict(self, x: Sequence[Any]) -> list[Answer]:
        """An answer for each image."""
        return self._best(self._classifier.classify(x), self._classes)

    def unbatch(self, output: list[Answer]) -> list[Answer]:
        """They are one for each image already."""
        return output

    def encode_response(self, output: Answer) -> Answer:
        """The answer is the body."""
        return output


def main(options: ProgramOptions) -> None:
    """Serve until TERM or Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # LitServe ends in order on Ctrl-C only
    server = litserve.LitServer(Api(options), accelerator="cpu", workers_per_device=options.workers)
    try:
        server.run("127.0.0.1", options.port, log_level=LOG_LEVEL, generate_client_file=False)
    finally:
        for process in multiprocessing.active_children():  # after a failed start
            process.kill()


if __name__ == "__main__":
    main(ProgramOptions.of_this_program())
