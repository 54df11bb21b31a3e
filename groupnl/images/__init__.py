"""Bytes to model input: `decode` makes an upright RGB image or says why not, `Preprocess` makes the tensor."""

from groupnl.images.decode import decode
from groupnl.images.limits import Format, Limits
from groupnl.images.preprocess import Preprocess

__all__ = ["Format", "Limits", "Preprocess", "decode"]
