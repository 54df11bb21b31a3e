"""Statistics of an image's fine structure: its noise, its edges and their directions, and the grids of coders.

Most are of blocks, each by itself, so that a few strong edges do not drown what all of the image has.
"""

import math
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from groupnl.traffic.colours import luma, mean

BLOCK = 8  # side of JPEG's blocks, pixels
_WHOLE = 64  # an image of up to so many pixels a side is looked at as a whole; of a larger one four parts are
_TILE = 32  # side of such a part
_TINY = 0.05  # levels; added before a logarithm
_STEPS = (0.5, 3.0, 12.0, 40.0)  # levels
_CHROMA_STEPS = (0.5, 4.0, 16.0, 64.0)
_LOUD = 240.0  # the least value of the noise's filter that a grain of salt or pepper has
_NOISE_GAIN = math.sqrt(math.pi / 2) / 6  # from the mean size of the filter's values to a standard deviation
_BANDS = torch.tensor([24.0, 72.0, 120.0, 168.0, 216.0])  # levels
_BAND = 48.0
_FAINT = 4.0  # levels squared; a gradient that is weaker has no direction


def texture(pixels: Tensor) -> tuple[Tensor, Tensor]:
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
    levels = tiles.float()
    light = luma(levels)
    across, down = _apart(light, 2), _apart(light, 1)
    bend, sag = _second(light, 2), _second(light, 1)
    noise = _second(bend, 1)
    laplacian = bend[:, 1:-1] + sag[..., 1:-1]
    directions = _directions([(across, down), (_apart(laplacian, 2), _apart(laplacian, 1))], parts)
    maps = [
        *(across, down, bend, sag, noise),
        *(_apart(light, axis, lag) for lag in (2, 4) for axis in (2, 1)),
        *(light[:, 1:, 1:] - light[:, :-1, :-1], light[:, 1:, :-1] - light[:, :-1, 1:]),
    ]
    sizes = [each.abs_() for each in maps]  # in place: memory is what takes the time
    profiles = torch.cat([sizes[0].mean(1), sizes[1].mean(2)])
    named = [
        (mean(laplacian * laplacian) + _TINY).log()[:, None],
        mean(sizes[4])[:, None] * _NOISE_GAIN,
        torch.add(*_blockiness(profiles).chunk(2))[:, None],
    ]
    blocks = torch.stack([_pooled(size) for size in sizes], 1)
    others = [
        _of_blocks(blocks),
        _steps(sizes[0], _STEPS[:2]),
        _steps(sizes[1], _STEPS[:2]),
        _steps(sizes[4], _STEPS),
        _noise(_middle(levels)),
        *_grid(profiles).chunk(2),
        _spectrum(light),
    ]
    found = _mean_of_parts(torch.cat([*named, *others], 1), parts)
    return found[:, : len(named)], torch.cat([found[:, len(named) :], *directions], 1)


def _mean_of_parts(values: Tensor, parts: int) -> Tensor:
    """(B * parts, N) -> (B, N)."""
    return values if parts == 1 else values.view(-1, parts, values.shape[1]).mean(1)


def _tiles(pixels: Tensor) -> Tensor:
    """What is looked at, on the grid of JPEG's blocks: (B * parts, 3, T, T)."""
    size = pixels.shape[-1]
    if size < _WHOLE + BLOCK:
        side = size - size % BLOCK
        return pixels[..., :side, :side]
    starts = [(size * quarter // 4 - _TILE // 2) // BLOCK * BLOCK for quarter in (1, 3)]
    parts = [pixels[..., row : row + _TILE, column : column + _TILE] for row in starts for column in starts]
    return torch.stack(parts, 1).flatten(0, 1)


def _apart(values: Tensor, axis: int, lag: int = 1) -> Tensor:
    """Differences of pixels that lie so far apart."""
    count = values.shape[axis] - lag
    return values.narrow(axis, lag, count) - values.narrow(axis, 0, count)


def _second(values: Tensor, axis: int) -> Tensor:
    """Second differences."""
    count = values.shape[axis] - 2
    ends = values.narrow(axis, 0, count) + values.narrow(axis, 2, count)
    return ends.sub_(values.narrow(axis, 1, count), alpha=2)


@cache
def _pool(size: int) -> Tensor:
    """Takes the mean of each block in a row of so many pixels, of which the last may be missing: (size, blocks)."""
    inside = F.one_hot(torch.arange(size) // BLOCK).float()
    return inside / inside.sum(0)


def _pooled(values: Tensor) -> Tensor:
    """Mean of each block: (..., H, W) -> (..., blocks)."""
    return ((_pool(values.shape[-2]).T @ values) @ _pool(values.shape[-1])).flatten(-2)


def _of_blocks(blocks: Tensor) -> Tensor:
    """Sizes in most blocks, in the strongest and in the faintest, as logarithms: (B, N, blocks) -> (B, 3 N)."""
    sizes = blocks + _TINY
    logarithms = sizes.log()
    return torch.cat([logarithms.mean(2), sizes.mean(2).log(), -sizes.reciprocal().mean(2).log()], 1)


def _steps(sizes: Tensor, steps: tuple[float, ...]) -> Tensor:
    """Mean size cut off at each step, 0 to 1: (B, ...) -> (B, steps)."""
    return torch.stack([mean(sizes.clamp(max=step)) / step for step in steps], 1)


def _middle(levels: Tensor) -> Tensor:
    """Half of the rows, by whole blocks: enough to tell what noise is like."""
    count = levels.shape[2] // BLOCK
    first, rows = count // 4 * BLOCK, max(1, count // 2) * BLOCK
    return levels[:, :, first : first + rows].contiguous()


def _noise(levels: Tensor) -> Tensor:
    """What the noise's filter leaves: in each channel, by brightness, and at the ends of the range."""
    noises = _second(_second(levels, 3), 2)
    sizes = noises.abs()
    green, middle = sizes[:, 1], levels[:, 1, 1:-1, 1:-1]
    loud = (green - _LOUD).clamp_(0, 1)
    ends = (middle - 127.5).abs_().sub_(126.5).clamp_(0, 1)
    chroma = (noises[:, ::2] - noises[:, 1:2]).abs_()
    blocks, light = _pooled(sizes), _pooled(levels)
    found = [
        torch.stack([mean(loud), mean(loud * ends)], 1),
        _steps(chroma, _CHROMA_STEPS),
        _by_brightness(blocks, light),
        _of_blocks(torch.cat([blocks, _pooled(chroma)], 1)),
    ]
    return torch.cat(found, 1)


def _by_brightness(noise: Tensor, light: Tensor) -> Tensor:
    """How noise grows with brightness, by the quietest blocks of all channels: (B, 3, blocks) twice -> (B, 12)."""
    noise, light = noise.flatten(1) + 1, light.flatten(1)
    quiet = noise.reciprocal()
    usual = quiet.mean(1)
    inside = (1 - (light[:, None] - _BANDS[:, None]).abs() / _BAND).clamp_(min=0)
    weight = inside.sum(2)
    band = (inside @ quiet[..., None])[..., 0]
    levels = ((band + usual[:, None]) / (weight + 1) / usual[:, None]).log()
    # The line of noise's logarithm over that of light, through the quiet blocks.
    weights = quiet * quiet
    weights = weights / weights.sum(1, keepdim=True)
    place, height = (light + 8).log(), noise.log()
    middle, level = (weights * place).sum(1, keepdim=True), (weights * height).sum(1, keepdim=True)
    width = (weights * (place - middle) ** 2).sum(1)
    slope = (weights * (place - middle) * (height - level)).sum(1) / (width + 0.02)
    return torch.cat([levels, weight / noise.shape[1], slope[:, None], width[:, None]], 1)


@cache
def _outwards(blocks: int, parts: int) -> tuple[Tensor, Tensor, Tensor]:
    """Twice the angle of each block as seen from the image's middle, cosine and sine, and whether it is far: (all,)."""
    place = torch.arange(blocks, dtype=torch.float32) + 0.5
    # Four parts' middles are as far from the image's as half the image, about.
    middles = [(1, 1)] if parts == 1 else [(row, column) for row in (3, -1) for column in (3, -1)]
    rows = torch.cat([(place - blocks / 2 * row)[:, None].expand(blocks, blocks).flatten() for row, _ in middles])
    columns = torch.cat([(place - blocks / 2 * column).expand(blocks, blocks).flatten() for _, column in middles])
    squares = rows**2 + columns**2
    far = (squares > squares.median()).float()
    squares.clamp_(min=0.5)  # less has only the block in the middle, where there is one: it lies nowhere
    return (columns**2 - rows**2) / squares, 2 * rows * columns / squares, far


def _directions(pairs: Sequence[tuple[Tensor, Tensor]], parts: int) -> tuple[Tensor, ...]:
    """Which way edges run, each block for itself: of each pair of differences, across and down, (B, 7).

    Together in one direction, as a motion leaves them; away from the middle, as a zoom leaves them.
    """
    moments = torch.cat([_moments(across, down) for across, down in pairs], 1)
    moments = moments.view(3, -1, parts, moments.shape[2]).flatten(2)
    straight, upright, slanted = moments
    trace = straight + upright
    weight = trace / (trace + _FAINT)
    total = weight.sum(1) + 0.5
    share = weight / (trace + _TINY)
    first, second = share * (straight - upright), share * slanted * 2
    cosine, sine, far = _outwards(math.isqrt(moments.shape[2] // parts), parts)
    radial = first * cosine + second * sine
    found = (first, second, first.hypot(second), radial, radial * far, weight)
    shares = torch.stack([each.sum(1) for each in found], 1) / total[:, None]
    return torch.cat([shares, shares[:, :1].hypot(shares[:, 1:2])], 1).chunk(len(pairs))


def _moments(across: Tensor, down: Tensor) -> Tensor:
    """Mean squares and product of both differences in each block: (3, B * parts, blocks)."""
    wide, high = across[:, : down.shape[1]], down[..., : across.shape[2]]
    return torch.stack([_pooled(one * other) for one, other in ((wide, wide), (high, high), (wide, high))])


def _blockiness(profile: Tensor) -> Tensor:
    border = profile[:, BLOCK - 1 :: BLOCK].mean(1)
    inner = profile[:, BLOCK // 2 - 1 :: BLOCK].mean(1)
    return ((border + _TINY) / (inner + _TINY)).log()


def _grid(profile: Tensor) -> Tensor:
    """Whether some lines have no differences at all, as enlarged pixels', and how a block's lines differ, (B, 14)."""
    middle = profile.mean(1, keepdim=True) + _TINY
    ordered = profile.sort(dim=1).values / middle
    places = [round(share * (ordered.shape[1] - 1)) for share in (0.0, 0.1, 0.25, 0.5, 0.75)]
    phases = F.pad(profile, (0, 1)).view(len(profile), -1, BLOCK).mean(1) / middle
    steps = (profile[:, 1:] - profile[:, :-1]).abs_().mean(1, keepdim=True) / middle
    return torch.cat([ordered[:, places], (phases + _TINY).log(), steps], 1)


def _cosines() -> Tensor:
    frequency, place = torch.meshgrid(torch.arange(BLOCK), torch.arange(BLOCK), indexing="ij")
    waves = torch.cos(math.pi * frequency * (2 * place + 1) / (2 * BLOCK)) * math.sqrt(2 / BLOCK)
    waves[0] /= math.sqrt(2)
    return waves


_COSINES = torch.kron(_cosines(), _cosines()).T.contiguous()  # (64 pixels, 64 coefficients)


def _spectrum(light: Tensor) -> Tensor:
    """Size of the blocks' coefficients as JPEG has them, in the strongest and in most, as logarithms, (B, 126)."""
    count = light.shape[1] // BLOCK
    blocks = light.reshape(-1, count, BLOCK, count, BLOCK).transpose(2, 3).reshape(len(light), -1, BLOCK * BLOCK)
    sizes = (blocks @ _COSINES).abs_()
    strongest = (sizes.mean(1) + _TINY).log()
    most = sizes.add_(0.5).log_().mean(1)
    return torch.cat([strongest[:, 1:], most[:, 1:]], 1)
