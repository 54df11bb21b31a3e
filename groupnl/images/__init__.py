"""Bytes to model input: `Reader` makes the tensor or says why not; `decode` and `Preprocess` are its reference."""

from groupnl.images.batch import as_batch
from groupnl.images.decode import decode
from groupnl.images.limits import Format, Limits
from groupnl.images.preprocess import Preprocess
from groupnl.images.reader import Picture, Reader
from groupnl.images.side_by_side import SideBySide

__all__ = ["Format", "Limits", "Picture", "Preprocess", "Reader", "SideBySide", "as_batch", "decode"]
