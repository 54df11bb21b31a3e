"""Ending the server process and everything it started."""

import os
import subprocess
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil

GRACE_S = 10.0  # TorchServe lets requests in hand finish; idle, it takes 2 seconds
KILL_S = 5.0


def end_session(leader: subprocess.Popen[Any]) -> None:
    """End the leader of a session in order, then whatever of its session is left, by force if need be."""
    members = living_members(leader.pid)
    if leader.poll() is None:
        leader.terminate()
    with suppress(subprocess.TimeoutExpired):
        leader.wait(GRACE_S)
    # Workers see their socket close when the frontend ends; one that is still loading does not look.
    members = {*members, *living_members(leader.pid)}
    for process in members:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(list(members), timeout=KILL_S)
    leader.wait(KILL_S)


def living_members(number: int, of: Callable[[int], int] = os.getsid) -> set[psutil.Process]:
    """The live processes of a session, or of a group (`of=os.getpgid`), its leader included."""
    found = set()
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, PermissionError, psutil.Error):
            if of(process.pid) == number and process.status() != psutil.STATUS_ZOMBIE:
                found.add(process)
    return found
