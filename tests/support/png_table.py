"""Every kind of PNG, written from samples, with the pixels that the samples mean: no decoder has a say in them."""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from support.pictures import Picture, Pixels, chunk

Samples = npt.NDArray[np.uint16]
GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6
DEPTHS = {GREY: (1, 2, 4, 8, 16), COLOUR: (8, 16), PALETTE: (1, 2, 4, 8), GREY_ALPHA: (8, 16), COLOUR_ALPHA: (8, 16)}
_CHANNELS = {GREY: 1, COLOUR: 3, PALETTE: 1, GREY_ALPHA: 2, COLOUR_ALPHA: 4}
# First row and column, steps down and right, of each pass of an interlaced image.
_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
_WHOLE = ((0, 0, 1, 1),)
# What says how colours are to be shown; none of it is applied.
COLOUR_SPACE = (
    chunk(b"gAMA", struct.pack(">I", 100_000))
    + chunk(b"cHRM", struct.pack(">8I", *([20_000, 30_000] * 4)))
    + chunk(b"iCCP", b"own\0\0" + zlib.compress(b"no profile" * 20))
)


class Kind(NamedTuple):
    """A row of the table: a PNG with random samples."""

    colour: int
    depth: int
    transparent: bool
    interlaced: bool

    @property
    def name(self) -> str:
        marks = ("-transparent" * self.transparent, "-interlaced" * self.interlaced)
        return f"png-{self.colour}-{self.depth}{''.join(marks)}"


KINDS = [
    Kind(colour, depth, transparent, interlaced)
    for colour, depths in DEPTHS.items()
    for depth in depths
    for transparent in ((False, True) if colour in (GREY, COLOUR, PALETTE) else (False,))
    for interlaced in (False, True)
]


def picture(kind: Kind, extra: bytes = b"") -> Picture:
    """The file, and the pixels that must come out of it, exactly.

    Args:
        kind: of PNG.
        extra: whole chunks after the header.
    """
    rng = np.random.default_rng(KINDS.index(kind))
    samples = rng.integers(0, 2**kind.depth, (11, 19, _CHANNELS[kind.colour]), dtype=np.uint16)
    if kind.colour == PALETTE:
        return _paletted(kind, samples, extra, rng)
    transparency, alpha = b"", _alpha_channel(kind, samples)
    if kind.transparent:
        key = _nearly_alike(samples, kind.depth)
        transparency = chunk(b"tRNS", struct.pack(f">{len(key)}H", *key))
        alpha = np.where((samples == key).all(axis=-1), 0, 255)
    colours = _levels(samples[..., :3] if kind.colour in (COLOUR, COLOUR_ALPHA) else samples[..., :1], kind.depth)
    return Picture(kind.name, write(kind, samples, extra + transparency), over_white(colours, alpha), 0)


def write(kind: Kind, samples: Samples, chunks: bytes) -> bytes:
    """A PNG file, each row of it with another filter."""
    height, width, _ = samples.shape
    header = struct.pack(">IIBBBBB", width, height, kind.depth, kind.colour, 0, 0, kind.interlaced)
    passes = _PASSES if kind.interlaced else _WHOLE
    parts = (samples[top::down, left::right] for top, left, down, right in passes)
    rows = b"".join(_filtered(part, kind.depth) for part in parts if part.size)
    body = chunk(b"IHDR", header) + chunks + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def over_white(colours: npt.NDArray[np.integer], alpha: npt.NDArray[np.integer]) -> Pixels:
    """Levels of 0 to 255 in one or three channels, laid over white: (H, W, 3)."""
    rgb = np.broadcast_to(colours, (*alpha.shape, 3))
    share = alpha[..., None] / 255
    return np.rint(rgb * share + 255 * (1 - share)).astype(np.uint8)


def _paletted(kind: Kind, samples: Samples, extra: bytes, rng: np.random.Generator) -> Picture:
    count = 2**kind.depth
    palette = rng.integers(0, 256, (count, 3), dtype=np.uint8)
    # One entry fewer than the palette has: the others are opaque.
    alphas = rng.integers(0, 256, count, dtype=np.uint8) if kind.transparent else np.full(count, 255, np.uint8)
    alphas[-1] = 255
    chunks = chunk(b"PLTE", palette.tobytes())
    if kind.transparent:
        chunks += chunk(b"tRNS", alphas[:-1].tobytes())
    entries = samples[..., 0]
    return Picture(kind.name, write(kind, samples, extra + chunks), over_white(palette[entries], alphas[entries]), 0)


def _alpha_channel(kind: Kind, samples: Samples) -> npt.NDArray[np.integer]:
    if kind.colour in (GREY_ALPHA, COLOUR_ALPHA):
        return _levels(samples[..., -1], kind.depth)
    return np.full(samples.shape[:2], 255)


def _nearly_alike(samples: Samples, depth: int) -> list[int]:
    """The colour of a pixel; others get one that differs from it in a single bit, the lowest and the highest."""
    key = samples[3, 4] | 1  # not black, which is 0 at any depth
    for column, bit in enumerate((0, depth - 1)):
        samples[5, column] = key
        samples[5, column, -1] ^= 1 << bit
    samples[7, ::3] = key
    return [int(value) for value in key]


def _levels(samples: Samples, depth: int) -> npt.NDArray[np.integer]:
    """Samples as levels of 0 to 255; those of 16 bits by their upper byte."""
    return samples >> 8 if depth == 16 else samples.astype(int) * 255 // (2**depth - 1)


def _filtered(samples: Samples, depth: int) -> bytes:
    step = max(1, samples.shape[2] * depth // 8)
    packed = [_packed(row, depth) for row in samples.reshape(len(samples), -1)]
    above = [bytes(len(packed[0])), *packed]
    return b"".join(_filter(number % 5, row, above[number], step) for number, row in enumerate(packed))


def _packed(row: Samples, depth: int) -> bytes:
    if depth == 16:
        return row.astype(">u2").tobytes()
    bits = (row[:, None] >> np.arange(depth - 1, -1, -1)) & 1
    return np.packbits(bits.astype(np.uint8)).tobytes()


def _filter(number: int, row: bytes, above: bytes, step: int) -> bytes:
    left = bytes(step) + row[: max(0, len(row) - step)]
    corner = bytes(step) + above[: max(0, len(row) - step)]
    predicted: Iterator[int] = {
        0: iter(bytes(len(row))),
        1: iter(left),
        2: iter(above),
        3: ((a + b) // 2 for a, b in zip(left, above, strict=False)),
        4: (_paeth(a, b, c) for a, b, c in zip(left, above, corner, strict=False)),
    }[number]
    return bytes((number, *((value - guess) % 256 for value, guess in zip(row, predicted, strict=False))))


def _paeth(left: int, above: int, corner: int) -> int:
    guess = left + above - corner
    return min((left, above, corner), key=lambda value: abs(guess - value))
