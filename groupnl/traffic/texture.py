"""Statistics of an image's fine structure: its noise, its edges and their directions, and the grids of coders."""

import math
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from groupnl.traffic.colours import luma, mean

BLOCK = 8  # side of JPEG's blocks, pixels
_WHOLE = 64  # an image of up to so many pixels a side is looked at as a whole; of a larger one four parts are
_TILE = 32  # side of such a part
_TINY = 0.05  # levels; added before a logarithm
_STEPS = (0.5, 2.0, 6.0, 16.0, 48.0)  # levels
_CHROMA_STEPS = (0.5, 3.0, 12.0)
_NOISE_STEPS = (3.0, 12.0, 36.0, 120.0)
_LOUD = 240.0  # the least value of the noise's filter that a grain of salt or pepper has
_DARK, _BRIGHT = 96.0, 160.0  # levels
_NOISE_GAIN = math.sqrt(math.pi / 2) / 6  # from the mean size of the filter's values to a standard deviation


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
    across, down = light[..., 1:] - light[..., :-1], light[:, 1:] - light[:, :-1]
    bend, sag = across[..., 1:] - across[..., :-1], down[:, 1:] - down[:, :-1]
    noise = _second(_second(levels, 3), 2)
    columns, rows = _profile(across), _profile(down.mT)
    laplacian = bend[:, 1:-1] + sag[..., 1:-1]
    named = [
        (mean(laplacian * laplacian) + _TINY).log()[:, None],
        mean(luma(noise).abs_())[:, None] * _NOISE_GAIN,
        (_blockiness(columns) + _blockiness(rows))[:, None],
    ]
    slanted = [light[:, 1:, 1:] - light[:, :-1, :-1], light[:, 1:, :-1] - light[:, :-1, 1:]]
    apart = [light[..., 3:] - light[..., :-3], light[:, 3:] - light[:, :-3]]
    red, green, blue = levels.unbind(1)
    chroma = [red - green, blue - green]
    others = [
        *(_sizes(kind, _STEPS) for kind in (across, down, bend, sag, *slanted, *apart)),
        *(_sizes(kind[..., 1:] - kind[..., :-1], _CHROMA_STEPS) for kind in chroma),
        *(_sizes(kind[:, 1:] - kind[:, :-1], _CHROMA_STEPS) for kind in chroma),
        _noise(noise, levels, light),
        _directions(across, down),
        _directions(bend[:, :-2], sag[..., :-2]),
        _grid(columns),
        _grid(rows),
        _spectrum(light),
    ]
    found = mean_of_parts(torch.cat([*named, *others], 1), parts)
    return found[:, : len(named)], torch.cat([found[:, len(named) :], _radial(across, down, parts)], 1)


def mean_of_parts(values: Tensor, parts: int) -> Tensor:
    """(B * parts, ...) -> (B, ...)."""
    return values if parts == 1 else values.view(-1, parts, *values.shape[1:]).mean(1)


def _tiles(pixels: Tensor) -> Tensor:
    """What is looked at, on the grid of JPEG's blocks: (B * parts, 3, T, T)."""
    size = pixels.shape[-1]
    if size < _WHOLE + BLOCK:
        side = size - size % BLOCK
        return pixels[..., :side, :side]
    starts = [(size * quarter // 4 - _TILE // 2) // BLOCK * BLOCK for quarter in (1, 3)]
    parts = [pixels[..., row : row + _TILE, column : column + _TILE] for row in starts for column in starts]
    return torch.stack(parts, 1).flatten(0, 1)


def _second(values: Tensor, axis: int) -> Tensor:
    """Second differences."""
    count = values.shape[axis] - 2
    ends = values.narrow(axis, 0, count) + values.narrow(axis, 2, count)
    return ends.sub_(values.narrow(axis, 1, count), alpha=2)


def _sizes(values: Tensor, steps: tuple[float, ...]) -> Tensor:
    """Logarithm of the mean size, and that of sizes cut off at each step, 0 to 1: (B, ...) -> (B, 1 + steps)."""
    sizes = values.abs().flatten(1)
    return torch.stack([(mean(sizes) + _TINY).log(), *(mean(sizes.clamp(max=step)) / step for step in steps)], 1)


def _noise(noise: Tensor, levels: Tensor, light: Tensor) -> Tensor:
    """What the noise's filter leaves: in each channel, in all, in the dark and the bright, and at the range's ends."""
    sizes = noise.abs()
    red, green, blue = sizes.unbind(1)
    alike = mean(luma(noise).abs_())
    inner, middle = light[:, 1:-1, 1:-1], levels[:, 1, 1:-1, 1:-1]
    quiet = green.clamp(max=_NOISE_STEPS[1])
    dark, bright = (_DARK - inner).clamp_(min=0), (inner - _BRIGHT).clamp_(min=0)
    loud = (green - _LOUD).clamp_(0, 1)
    ends = (middle - 127.5).abs_().sub_(126.5).clamp_(0, 1)
    values = [
        *((mean(channel) + _TINY).log() for channel in (red, green, blue)),
        (alike + _TINY).log() - (mean(sizes) + _TINY).log(),
        *(mean(sizes.clamp(max=step)) / step for step in _NOISE_STEPS),
        *(
            ((mean(size * weight) + _TINY) / (mean(weight) + _TINY) + _TINY).log()
            for size in (quiet, green)
            for weight in (dark, bright)
        ),
        mean(dark) / _DARK,
        mean(bright) / _DARK,
        mean(loud),
        mean(loud * ends),
    ]
    return torch.stack(values, 1)


def _directions(across: Tensor, down: Tensor) -> Tensor:
    """How much edges prefer one direction, and which: the gradient's tensor over its trace, (B, 3)."""
    wide, high = across[:, : down.shape[1]], down[..., : across.shape[2]]
    straight, upright, slanted = mean(wide * wide), mean(high * high), 2 * mean(wide * high)
    trace = straight + upright + _TINY
    first, second = (straight - upright) / trace, slanted / trace
    return torch.stack([first, second, first.hypot(second)], 1)


def _profile(differences: Tensor) -> Tensor:
    """Mean size of the differences across each line between two columns: (B, H, W - 1) -> (B, W - 1)."""
    return differences.abs().mean(1)


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
    """Mean size of the blocks' coefficients as JPEG has them, and of those that are about nothing, (B, 126)."""
    count = light.shape[1] // BLOCK
    blocks = light.reshape(-1, count, BLOCK, count, BLOCK).transpose(2, 3).reshape(len(light), -1, BLOCK * BLOCK)
    sizes = (blocks @ _COSINES).abs_()
    strength = (sizes.mean(1) + _TINY).log()
    nothing = sizes.clamp(max=2.0).mean(1)
    return torch.cat([strength[:, 1:], nothing[:, 1:]], 1)


@cache
def _outwards(side: int, parts: int) -> tuple[Tensor, Tensor, Tensor]:
    """Share of a step away from the middle that goes right, and down; and what is far; (parts, side, side) each."""
    place = torch.arange(side, dtype=torch.float32) + 0.5
    # Four parts' middles are as far from the image's as half the image, about.
    middles = [(1, 1)] if parts == 1 else [(row, column) for row in (3, -1) for column in (3, -1)]
    rows = torch.stack([(place - side / 2 * row)[:, None].expand(side, side) for row, _ in middles])
    columns = torch.stack([(place - side / 2 * column)[None].expand(side, side) for _, column in middles])
    distance = rows.hypot(columns) + _TINY
    far = (distance > distance.flatten(1).median(1).values[:, None, None]).float()
    return columns / distance, rows / distance, far


def _radial(across: Tensor, down: Tensor, parts: int) -> Tensor:
    """Share of the gradient's squares that point away from the middle, far from it and near it, (B, 3)."""
    wide, high = (each.reshape(-1, parts, *each.shape[1:]) for each in (across[:, :-1], down[..., :-1]))
    right, below, far = _outwards(wide.shape[-1], parts)
    outwards, squares = (wide * right + high * below) ** 2, wide * wide + high * high
    total, far_total = mean(squares), mean(squares * far)
    out, far_out = mean(outwards), mean(outwards * far)
    farther = (far_out + _TINY / 2) / (far_total + _TINY)
    nearer = (out - far_out + _TINY / 2) / (total - far_total + _TINY)
    return torch.stack([farther, nearer, farther - nearer], 1)
