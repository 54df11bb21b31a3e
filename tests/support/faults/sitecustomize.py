"""Faults on demand, in worker processes of our own server whose PYTHONPATH names this folder.

An image that is ``leave`` ends the worker; one that begins with ``slow SECONDS `` is answered after so long,
one with ``held FILE `` when the file is there.

And shadow processes have the priority of all others: that other tests keep the cores busy must not hold them up.
"""

import os
import re
import sys
import time

_HELD = re.compile(rb"held (\S+) ")
_SLOW = re.compile(rb"slow ([0-9.]+) ")

if hasattr(os, "SCHED_IDLE"):
    _schedule = os.sched_setscheduler

    def _but_never_idle(pid: int, policy: int, param: os.sched_param) -> None:
        if policy != os.SCHED_IDLE:
            _schedule(pid, policy, param)

    os.sched_setscheduler = _but_never_idle

if "groupnl.worker" in sys.orig_argv:
    from groupnl.service.items import Item

    _image = Item.image

    def _faulty(self: Item) -> bytes | bytearray:
        content = _image(self)
        if content == b"leave":
            os._exit(1)
        if match := _SLOW.match(content):
            time.sleep(float(match[1]))
            return content[match.end() :]
        if match := _HELD.match(content):
            while not os.path.exists(match[1]):  # noqa: PTH110 (bytes are no path to pathlib)
                time.sleep(0.05)
            return content[match.end() :]
        return content

    Item.image = _faulty  # type: ignore[method-assign]
