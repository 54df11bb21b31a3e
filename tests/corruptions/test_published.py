"""The corruptions without randomness equal the published code's outputs; all have its fingerprint."""

from typing import Any

import pytest
import torch
from support.likeness import as_rows, assert_like
from torch import Generator, Tensor

from groupnl.corruptions import BENCHMARK, VALIDATION, corrupt

# Share of values that are equal; others miss by one level, where a product meets a whole number.
EXACT = {
    "brightness": 0.997,
    "contrast": 1.0,
    "defocus_blur": 1.0,
    "gaussian_blur": 1.0,
    "jpeg_compression": 1.0,
    "pixelate": 1.0,
    "saturate": 0.985,
    "zoom_blur": 0.9999,
}


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("name", EXACT)
def test_the_same_pixels(name: str, severity: int, astronaut: Tensor, published: dict[str, Any]) -> None:
    found = as_rows(corrupt(astronaut, name, severity))[0, 64:160, 64:160]
    assert_like(found, published[name][severity - 1], equal=EXACT[name])


@pytest.mark.parametrize("name", BENCHMARK + VALIDATION)
def test_the_same_fingerprint(name: str, astronaut: Tensor, fingerprint: dict[str, list[list[float]]]) -> None:
    """Mean shift and RMSE over draws: within four standard errors of both figures, and of a tenth of a level."""
    draws = 1 if name in EXACT else 24
    images = astronaut.expand(draws, -1, -1, -1)
    for severity in (1, 2, 3, 4, 5):
        change = corrupt(images, name, severity, Generator().manual_seed(severity)).double() - images
        found = (change.mean(dim=(1, 2, 3)), change.square().mean(dim=(1, 2, 3)).sqrt())
        expected = fingerprint[name][severity - 1]
        for values, mean, deviation in zip(found, expected[:2], expected[2:4], strict=True):
            # Four draws of the published code tell little of their deviation; ours tell the rest.
            spread = max(deviation, values.std().item() if draws > 1 else 0.0)
            allowed = 4 * spread * (1 / draws + 1 / expected[4]) ** 0.5 + 0.1
            assert abs(values.mean().item() - mean) <= allowed, (severity, values.mean().item(), mean, allowed)


def test_deterministic_ones_draw_nothing(astronaut: Tensor) -> None:
    generator = Generator().manual_seed(0)
    before = generator.get_state()
    for name in EXACT:
        corrupt(astronaut, name, 3, generator)
    assert torch.equal(generator.get_state(), before)
