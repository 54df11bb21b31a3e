"""The first step of a network: pixels are normalised, and made grey for networks that take grey images."""

import torch
from torch import nn

from groupnl.card import InputConfig
from groupnl.inference.pixels import PixelNetwork


def config(mean: tuple[float, ...], std: tuple[float, ...]) -> InputConfig:
    return InputConfig(size=8, mean=mean, std=std, crop_pct=1.0, interpolation="bilinear")


def test_grey_pixels_stay_as_they_are() -> None:
    levels = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    found = PixelNetwork(nn.Identity(), config((0.4,), (0.2,)))(levels.expand(1, 3, 16, 16))
    assert torch.allclose(found, (levels.float() / 255 - 0.4) / 0.2, atol=1e-6)
    assert found.shape == (1, 1, 16, 16)


def test_colours_weigh_as_in_pillow() -> None:
    pixels = torch.tensor([200, 100, 50], dtype=torch.uint8).view(1, 3, 1, 1)
    found = PixelNetwork(nn.Identity(), config((0.0,), (1.0,)))(pixels)
    assert abs(float(found) * 255 - (0.299 * 200 + 0.587 * 100 + 0.114 * 50)) < 0.01


def test_colour_is_normalised_by_channel() -> None:
    pixels = torch.randint(0, 256, (2, 3, 4, 4), dtype=torch.uint8)
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.3, 0.4)
    expected = (pixels / 255 - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    assert torch.allclose(PixelNetwork(nn.Identity(), config(mean, std))(pixels), expected, atol=1e-5)
