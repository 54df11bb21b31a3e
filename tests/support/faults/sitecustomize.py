"""What is other in the programs whose PYTHONPATH names this folder: a priority, and faults on demand.

Shadow processes have the priority of all others, or they would wait until no test computes any more. In workers of our
own server there are faults on demand.

An image that is ``leave`` ends the worker; one that begins with ``slow SECONDS `` is answered after so long,
one with ``held FILE `` when the file is there.
"""

import os
import re
import sys
import time

_HELD = re.compile(rb"held (\S+) ")
_SLOW = re.compile(rb"slow ([0-9.]+) ")

os.sched_setscheduler = lambda *_: None

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
