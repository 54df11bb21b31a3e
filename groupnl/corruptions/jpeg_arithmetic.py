"""What a JPEG round trip does to pixels, without the file: whole-number arithmetic that runs on any device.

Coding by entropy loses nothing. So a picture's colours are turned, its chroma is halved, and each block of 8 x 8 is
transformed, rounded to steps and turned back (ITU-T T.81). Which pixels come out depends on how the coder rounds: this
is the arithmetic of libjpeg-turbo's accurate integer transform and smooth upsampling, so they are those that Pillow
gives. Every number here is a whole one far below 2**53: double precision holds it exactly, on every device.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

# Steps at quality 50, a row for each vertical frequency (T.81, annex K.1).
_LUMA = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)
# The left half of the cosine transform times 2**13. Some differ by one from the rounded cosines: they are sums of the
# twelve rounded constants of the scheme of Loeffler, Ligtenberg and Moschytz (1989).
_COSINES = (
    (8192, 8192, 8192, 8192),
    (11363, 9633, 6437, 2260),
    (10703, 4433, -4433, -10703),
    (9633, -2259, -11362, -6436),
    (8192, -8192, -8192, 8192),
    (6437, -11362, 2261, 9633),
    (4433, -10704, 10704, -4433),
    (2260, -6436, 9633, -11363),
)
# Red, green, blue to luma, blue and red chroma, and the chroma's part of each colour; times 2**16.
_TO_YCC = ((19595, 38470, 7471), (-11059, -21709, 32768), (32768, -27439, -5329))
_FROM_CHROMA = ((0, 91881), (-22554, -46802), (116130, 0))
_BLOCK = 8


def round_trip(images: Tensor, quality: int) -> Tensor:
    """What encoding and decoding makes of each image; chroma at half the resolution.

    Args:
        images: uint8 of shape (B, 3, H, W), sides of 5 pixels or more.
        quality: 1 to 100.

    Returns:
        Of the shape and device of `images`, equal to Pillow's on every device.
    """
    height, width = images.shape[-2:]
    ycc = _to_ycc(images.double())
    luma = _rounded(ycc[:, :1], _steps(_LUMA, quality))
    chroma = _rounded(_halved(ycc[:, 1:]), _steps(_CHROMA, quality))[..., : (height + 1) // 2, : (width + 1) // 2]
    colours = _turned(_doubled(chroma)[..., :height, :width] - 128, _FROM_CHROMA)
    return (luma[..., :width] + _shifted(colours, 16)).clamp_(0, 255).to(torch.uint8)


def _shifted(values: Tensor, bits: int) -> Tensor:
    """Divided by a power of two and rounded, halves up."""
    return torch.floor((values + 2 ** (bits - 1)) / 2**bits)


def _turned(planes: Tensor, rows: tuple[tuple[int, ...], ...]) -> Tensor:
    return torch.einsum("oc,bchw->bohw", planes.new_tensor(rows), planes)


def _to_ycc(images: Tensor) -> Tensor:
    turned = _turned(images, _TO_YCC)
    turned[:, 1:] += (128 << 16) - 1  # chroma rounds halves down
    return _shifted(turned, 16)


def _halved(planes: Tensor) -> Tensor:
    """Means of 2 x 2, of the width of whole blocks; a quarter and a half are added by turns before rounding down."""
    height, width = planes.shape[-2:]
    padded = F.pad(planes, (0, -width % (2 * _BLOCK), 0, height % 2), mode="replicate")
    means = F.avg_pool2d(padded, 2)
    means[..., ::2] += 0.25
    means[..., 1::2] += 0.5
    return means.floor_()


def _doubled(planes: Tensor) -> Tensor:
    """Twice the size: three parts of the nearest pixel and one of the next, along either side."""
    above, below, inner = _neighbours(planes)
    rows = torch.stack((3 * inner + above, 3 * inner + below), dim=3).flatten(2, 3)
    left, right, inner = (side.mT for side in _neighbours(rows.mT))
    columns = torch.stack((3 * inner + left + 8, 3 * inner + right + 7), dim=4).flatten(3, 4)
    return torch.floor(columns / 16)


def _neighbours(planes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The rows above, the rows below, and the rows themselves; the border row is its own neighbour."""
    above = torch.cat((planes[..., :1, :], planes[..., :-1, :]), dim=2)
    below = torch.cat((planes[..., 1:, :], planes[..., -1:, :]), dim=2)
    return above, below, planes


def _steps(at_50: tuple[tuple[int, ...], ...], quality: int) -> Tensor:
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return ((torch.tensor(at_50) * percent + 50) // 100).clamp(1, 255).double()


def _rounded(planes: Tensor, steps: Tensor) -> Tensor:
    """Each block transformed, rounded to steps and turned back: levels 0 to 255, (B, C, H, W).

    Args:
        planes: levels 0 to 255, double precision of shape (B, C, H, W).
        steps: of shape (8, 8).
    """
    height, width = planes.shape[-2:]
    padded = F.pad(planes - 128, (0, -width % _BLOCK, 0, -height % _BLOCK), mode="replicate")
    blocks = padded.view(*planes.shape[:2], padded.shape[2] // _BLOCK, _BLOCK, -1, _BLOCK).transpose(3, 4)
    left = planes.new_tensor(_COSINES)
    mirrored = left.flip(1) * planes.new_tensor([1, -1] * (_BLOCK // 2))[:, None]
    cosines, steps = torch.cat((left, mirrored), dim=1), steps.to(planes.device)
    waves = _shifted(cosines @ _shifted(blocks @ cosines.mT, 11), 15)  # times 8
    kept = waves.sign() * torch.floor((waves.abs() + steps * 4) / (steps * 8)) * steps
    levels = _shifted(_shifted(cosines.mT @ kept, 11) @ cosines, 18) + 128
    return levels.clamp_(0, 255).transpose(3, 4).flatten(4, 5).flatten(2, 3)[..., :height, :width]
