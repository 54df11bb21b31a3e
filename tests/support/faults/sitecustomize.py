"""Faults on demand, in worker processes of our own server whose PYTHONPATH names this folder.

An image that is ``leave`` ends the worker; one that begins with ``slow SECONDS `` is answered after so long.
"""

import os
import re
import sys
import time

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
        return content

    Item.image = _faulty  # type: ignore[method-assign]
