"""What the live path hands over: an image that was answered, and its answer."""

from typing import NamedTuple

from torch import Tensor

from groupnl.images.limits import Encoded


class Job(NamedTuple):
    """One chosen image.

    Attributes:
        key: of the request; see `groupnl.robustness.sampling`.
        pixels: uint8 of shape (3, S, S), as the network got them.
        clean: the live answer, float32 probabilities of shape (classes,).
        label: position of its true class, where the client told it.
        offered_at: when it was answered, `time.monotonic` seconds.
        file: the encoded image; empty where the client sent pixels.
    """

    key: str
    pixels: Tensor
    clean: Tensor
    label: int | None
    offered_at: float
    file: Encoded = b""

    @property
    def nbytes(self) -> int:
        """How many bytes it holds."""
        return self.pixels.nbytes + self.clean.nbytes + len(self.file)
