"""The shadow process of a CPU worker: `groupnl.service.shadow.child FD`, run by `groupnl.base.bound`.

It has the lowest scheduling priority and gets batches through a pipe. A thread of the worker would have to hold the
interpreter's lock now and then; put off the processor while it holds it, it would make the live thread wait. A process
shares no lock with it. It ends when the worker does.
"""

import logging
import pickle
import sys
from multiprocessing.connection import Connection

import torch

from groupnl.service.shadow.batch import Batch
from groupnl.service.shadow.local import local_runner
from groupnl.service.shadow.messages import Failure, Setup
from groupnl.service.shadow.runner import LocalRunner
from groupnl.service.shadow.tell_once import TellOnce

logger = logging.getLogger(__name__)
_tell_once = TellOnce(logger)


def main() -> None:
    """Load, then answer batches until the pipe closes."""
    logging.basicConfig(level=logging.INFO, format="groupnl shadow: %(message)s")
    with Connection(int(sys.argv[1])) as pipe:
        try:
            runner = _load(pickle.loads(pipe.recv_bytes()))  # noqa: S301 (the worker's own message)
            pipe.send(None)
            while True:
                pipe.send(_answer(runner, pipe.recv()))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return  # the worker has ended
        except Exception as error:
            pipe.send(Failure(f"{type(error).__name__}: {error}"))
            raise


def _load(setup: Setup) -> LocalRunner:
    torch.set_num_threads(setup.threads)
    return local_runner(setup)


def _answer(runner: LocalRunner, message: tuple[object, ...]) -> object:
    pixels, specs, clean, files = message
    clean = None if clean is None else torch.from_numpy(clean)
    try:
        return runner.run(Batch(torch.from_numpy(pixels), specs, clean, files))  # type: ignore[arg-type]
    except Exception as error:
        _tell_once(error, "a batch could not be answered")
        return Failure(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
