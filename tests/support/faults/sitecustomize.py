"""Faults on demand, in worker processes of our own server whose PYTHONPATH names this folder.

An image that is ``leave`` ends the worker; one that begins with ``slow SECONDS `` is answered after so long,
one with ``held FILE `` when the file is there.
"""

import os
import re
import sys
import time

_HELD = re.compile(rb"held (\S+) ")
_SLOW = re.compile(rb"slow ([0-9.]+) ")

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
