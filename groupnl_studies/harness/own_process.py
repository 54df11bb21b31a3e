"""Runs a function in a process of its own: what it holds, compilers and engines among it, is gone when it returns."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, ParamSpec, TypeVar

from groupnl.base.child_process import end_with_parent
from groupnl.errors import GroupNLError, RewriteError

_P = ParamSpec("_P")
_R = TypeVar("_R")


def in_a_process(function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Call a function in a new process.

    Args:
        function: of a module; takes and gives what can be pickled.
        args: its arguments.
        kwargs: its named arguments.

    Returns:
        What it returns.

    Raises:
        GroupNLError: what it raised.
        RewriteError: the process ended before; its own error, if it had one, stands on stderr.
    """
    context = multiprocessing.get_context("spawn")  # torch's threads and CUDA do not survive a fork
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_call, args=(there, function, args, kwargs))
    process.start()
    there.close()  # so that only the other process can write, and its end is seen here
    try:
        result = here.recv()
    except EOFError:
        process.join()
        raise RewriteError(
            f"the process that measured ended with status {process.exitcode}; below zero means by a signal, -9 often "
            "for want of memory: then measure less at a time"
        ) from None
    except BaseException:
        process.terminate()
        raise
    finally:
        here.close()
        process.join()
    if isinstance(result, GroupNLError):
        raise result
    answer: _R = result
    return answer


def _call(connection: Connection, function: Callable[..., Any], args: Any, kwargs: Any) -> None:
    end_with_parent()
    try:
        result = function(*args, **kwargs)
    except GroupNLError as error:
        result = error
    connection.send(result)
