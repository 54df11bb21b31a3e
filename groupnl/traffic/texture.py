"""Statistics of an image's fine structure: its noise, its edges and their directions, and the grids of coders.

Most are of blocks, each by itself, so that a few strong edges do not drown what all of the image has. An image is
looked at in so little time that numpy does it: calling torch would take as long as the work.
"""

import math
from collections.abc import Sequence
from functools import cache
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from groupnl.traffic.colours import luma
from groupnl.traffic.planes import BLOCK, Floats, Planes, mean, planes

_WHOLE = 64  # an image of up to so many pixels a side is looked at as a whole; of a larger one four parts are
_TILE = 32  # side of such a part
_TINY = 0.05  # levels; added before a logarithm
_LAGS = ((0, 2), (2, 0), (0, 4), (4, 0), (1, 1), (1, -1))  # rows and columns
_STEPS = (0.5, 3.0, 12.0, 40.0)  # levels
_CHROMA_STEPS = (0.5, 4.0, 16.0, 64.0)
_LOUD = 240.0  # levels; the noise's filter is above it at a grain of salt or pepper
_NOISE_GAIN = math.sqrt(math.pi / 2) / 6  # from the mean size of the filter's values to a standard deviation
_BANDS = np.array([24, 72, 120, 168, 216], np.float32)[:, None]  # levels
_BAND = 48.0
_FAINT = 4.0  # levels squared; a gradient that is weaker has no direction


def texture(pixels: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Statistics of fine structure.

    Args:
        pixels: uint8 of shape (B, 3, S, S).

    Returns:
        Sharpness (logarithm of the mean square of the Laplacian, levels squared), noise (Immerkaer's estimate of its
        standard deviation, levels) and blockiness (logarithm of how much larger differences are across the borders of
        JPEG's blocks than inside), (B, 3); and others, float32 (B, N).
    """
    tiles = _tiles(pixels)
    parts = len(tiles) // len(pixels)
    light = planes(luma(tiles))
    across, down = light.apart(0, 1), light.apart(1, 0)
    bend, sag = across.apart(0, 1), down.apart(1, 0)
    noise = bend.apart(1, 0).apart(1, 0)
    laplacian = bend.ahead(1, 0) + sag.ahead(0, 1)
    directions = _directions([(across, down), (laplacian.apart(0, 1), laplacian.apart(1, 0))], parts)
    sharpness = np.log((laplacian * laplacian).mean() + _TINY)
    # One after another, and in place: memory is what takes the time.
    maps = chain((across, down, bend, sag, noise), (light.apart(*lag) for lag in _LAGS))
    blocks = np.stack([each.drop_signs().pooled() for each in maps], 1)
    profiles = _profiles(across, down)
    named = np.stack([sharpness, noise.mean() * _NOISE_GAIN, _blockiness(profiles).sum(0)], 1)
    others = (
        _of_blocks(blocks),
        _steps(across, _STEPS[:2]),
        _steps(down, _STEPS[:2]),
        _steps(noise, _STEPS),
        _noise(_middle(tiles)),
        *_grid(profiles),
        _spectrum(light.whole),
    )
    of_parts = np.concatenate(others, 1)
    return _mean_of_parts(named, parts), np.concatenate([_mean_of_parts(of_parts, parts), *directions], 1)


def _mean_of_parts(values: Floats, parts: int) -> Floats:
    """(B * parts, N) -> (B, N)."""
    return values if parts == 1 else values.reshape(-1, parts, values.shape[1]).mean(1)


def _tiles(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What is looked at, on the grid of JPEG's blocks: (B * parts, 3, T, T)."""
    size = pixels.shape[-1]
    if size < _WHOLE + BLOCK:
        side = size - size % BLOCK
        return pixels[..., :side, :side]
    starts = [(size * quarter // 4 - _TILE // 2) // BLOCK * BLOCK for quarter in (1, 3)]
    parts = [pixels[..., row : row + _TILE, column : column + _TILE] for row in starts for column in starts]
    return np.stack(parts, 1).reshape(-1, 3, _TILE, _TILE)


def _of_blocks(blocks: Floats) -> Floats:
    """Sizes in most blocks, in the strongest and in the faintest, as logarithms: (B, N, blocks) -> (B, 3 N)."""
    sizes = blocks + _TINY
    return np.concatenate([mean(np.log(sizes)), np.log(mean(sizes)), -np.log(mean(np.reciprocal(sizes)))], 1)


def _steps(sizes: Planes, steps: tuple[float, ...]) -> Floats:
    """Mean size cut off at each step, 0 to 1: (planes, steps)."""
    whole = sizes.whole
    return np.stack([sizes.like(np.minimum(whole, step)).mean() / step for step in steps], 1)


def _middle(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Half of the rows, by whole blocks: enough to tell what noise is like."""
    count = pixels.shape[2] // BLOCK
    first, rows = count // 4 * BLOCK, max(1, count // 2) * BLOCK
    return pixels[:, :, first : first + rows]


def _noise(pixels: NDArray[np.uint8]) -> Floats:
    """What the noise's filter leaves: in each channel, by brightness, and at the ends of the range."""
    light = planes(pixels)
    noises = light.apart(0, 1).apart(0, 1).apart(1, 0).apart(1, 0)
    channels = noises.whole.reshape(pixels.shape)
    chroma = noises.like(channels[:, ::2] - channels[:, 1:2]).drop_signs()
    sizes = noises.drop_signs()
    loud, middle = sizes.whole[1::3] > _LOUD, light.ahead(1, 1).whole[1::3]  # of green
    ends = (middle == 0) | (middle == 255)
    blocks = sizes.pooled().reshape(len(pixels), 3, -1)
    found = [
        np.stack([sizes.like(each.astype(np.float32)).mean() for each in (loud, loud & ends)], 1),
        _mean_of_parts(_steps(chroma, _CHROMA_STEPS), 2),
        _by_brightness(blocks.reshape(len(pixels), -1), light.pooled().reshape(len(pixels), -1)),
        _of_blocks(np.concatenate([blocks, chroma.pooled().reshape(len(pixels), 2, -1)], 1)),
    ]
    return np.concatenate(found, 1)


def _by_brightness(noise: Floats, light: Floats) -> Floats:
    """How noise grows with brightness, by the quietest blocks of all channels: (B, blocks) twice -> (B, 12)."""
    noise = noise + 1
    quiet = np.reciprocal(noise)
    usual = quiet.mean(1, keepdims=True)
    inside = np.maximum(1 - np.abs(light[:, None] - _BANDS) / _BAND, 0)
    weight = inside.sum(2)
    band = (inside @ quiet[..., None])[..., 0]
    levels = np.log((band + usual) / (weight + 1) / usual)
    # The line of noise's logarithm over that of light, through the quiet blocks.
    weights = quiet * quiet
    weights /= weights.sum(1, keepdims=True)
    place, height = np.log(light + 8), np.log(noise)
    place -= (weights * place).sum(1, keepdims=True)
    height -= (weights * height).sum(1, keepdims=True)
    place_weights = weights * place
    width = (place_weights * place).sum(1, keepdims=True)
    slope = (place_weights * height).sum(1, keepdims=True) / (width + 0.02)
    return np.concatenate([levels, weight / noise.shape[1], slope, width], 1)


@cache
def _outwards(blocks: int, parts: int) -> tuple[Floats, Floats, Floats]:
    """Twice the angle of each block as seen from the image's middle, cosine and sine, and whether it is far: (all,)."""
    place = np.arange(blocks, dtype=np.float32) + 0.5
    # Four parts' middles are as far from the image's as half the image, about.
    middles = [(1, 1)] if parts == 1 else [(row, column) for row in (3, -1) for column in (3, -1)]
    seen = [np.meshgrid(*(place - blocks / 2 * each for each in middle), indexing="ij") for middle in middles]
    rows, columns = np.stack(seen, 1).reshape(2, -1)
    squares = rows**2 + columns**2
    far = (squares > np.quantile(squares, 0.5, method="lower")).astype(np.float32)
    squares = np.maximum(squares, 0.5)  # less has only the block in the middle, where there is one: it lies nowhere
    return (columns**2 - rows**2) / squares, 2 * rows * columns / squares, far


def _directions(pairs: Sequence[tuple[Planes, Planes]], parts: int) -> Floats:
    """Which way edges run, each block for itself: of each pair of differences, across and down, (pairs, B, 7).

    Together in one direction, as a motion leaves them; away from the middle, as a zoom leaves them.
    """
    moments = np.concatenate([_moments(across, down) for across, down in pairs], 1)
    moments = moments.reshape(3, moments.shape[1] // parts, -1)
    straight, upright, slanted = moments
    trace = straight + upright
    weight = trace / (trace + _FAINT)
    total = weight.sum(1) + 0.5
    share = weight / (trace + _TINY)
    first, second = share * (straight - upright), share * slanted * 2
    cosine, sine, far = _outwards(math.isqrt(moments.shape[2] // parts), parts)
    radial = first * cosine + second * sine
    found = np.stack([first, second, np.hypot(first, second), radial, radial * far, weight], 1)
    shares = found.sum(2) / total[:, None]
    found = np.concatenate([shares, np.hypot(shares[:, :1], shares[:, 1:2])], 1)
    return found.reshape(len(pairs), -1, found.shape[1])


def _moments(across: Planes, down: Planes) -> Floats:
    """Mean squares and product of both differences in each block: (3, B * parts, blocks)."""
    wide, high = across.within(down), down.within(across)
    return np.stack([(one * other).pooled() for one, other in ((wide, wide), (high, high), (wide, high))])


def _profiles(across: Planes, down: Planes) -> Floats:
    """Mean size of the differences at each line between columns, and between rows: (2, B, T), the last 0."""
    profiles = np.stack([mean(across.whole.swapaxes(1, 2)), mean(down.whole)])
    profiles[..., -1] = 0  # there is no such line
    return profiles


def _blockiness(profiles: Floats) -> Floats:
    """(..., T) -> (...)."""
    border = profiles[..., BLOCK - 1 : -1 : BLOCK].mean(-1)
    inner = profiles[..., BLOCK // 2 - 1 :: BLOCK].mean(-1)
    found: Floats = np.log((border + _TINY) / (inner + _TINY))
    return found


def _grid(profiles: Floats) -> Floats:
    """Whether some lines have no differences at all, as enlarged pixels', and how a block's lines differ, (..., 14)."""
    lines = profiles[..., :-1]
    middle = lines.mean(-1, keepdims=True) + _TINY
    places = [round(share * (lines.shape[-1] - 1)) for share in (0.0, 0.1, 0.25, 0.5, 0.75)]
    ordered = np.sort(lines)[..., places]
    phases = profiles.reshape(*profiles.shape[:-1], -1, BLOCK).mean(-2)
    steps = np.abs(lines[..., 1:] - lines[..., :-1]).mean(-1, keepdims=True)
    return np.concatenate([ordered / middle, np.log(phases / middle + _TINY), steps / middle], -1)


def _cosines() -> Floats:
    frequency, place = np.arange(BLOCK)[:, None], np.arange(BLOCK)
    waves = np.cos(math.pi * frequency * (2 * place + 1) / (2 * BLOCK)) * math.sqrt(2 / BLOCK)
    waves[0] /= math.sqrt(2)
    return waves.astype(np.float32)


_COSINES = np.ascontiguousarray(np.kron(_cosines(), _cosines()).T)  # (64 pixels, 64 coefficients)


def _spectrum(light: Floats) -> Floats:
    """Size of the blocks' coefficients as JPEG has them, in the strongest and in most, as logarithms, (B, 126)."""
    count = light.shape[1] // BLOCK
    blocks = light.reshape(-1, count, BLOCK, count, BLOCK).swapaxes(2, 3).reshape(len(light), -1, BLOCK * BLOCK)
    # A product for each image: one for all is so large that BLAS would share it among threads.
    sizes = np.abs(blocks @ _COSINES).swapaxes(1, 2)
    strongest = np.log(mean(sizes) + _TINY)
    most = mean(np.log(sizes + 0.5))
    return np.concatenate([strongest[:, 1:], most[:, 1:]], 1)
