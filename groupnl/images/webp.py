"""WebP as Pillow reads it, but for animations whose first frame covers only a part of the picture.

What it leaves free is transparent. Where no frame says that it has transparency, Pillow drops that, and black is left.
"""

from typing import Any

from PIL.WebPImagePlugin import WebPImageFile

_HEAD = 21  # bytes: of the file, of the chunk VP8X, and its flags
_ANIMATED = 0x02


class WebP(WebPImageFile):
    """A WebP of which the first frame is looked at."""

    def _open(self) -> None:
        file: Any = self.fp
        head = file.read(_HEAD)
        file.seek(0)
        super()._open()
        if head[12:16] == b"VP8X" and head[20] & _ANIMATED:
            self._mode = self.rawmode = "RGBA"
