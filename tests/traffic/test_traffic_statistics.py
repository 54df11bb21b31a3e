"""Images as numbers: the six that people know mean what their names say, and no image depends on its neighbours."""

import numpy as np
import pytest
import torch
from support.photographs import resized

from groupnl.corruptions import corrupt
from groupnl.errors import ConfigError
from groupnl.traffic.statistics import COUNT, STATISTICS, pixel_statistics


def photographs(size):
    images = [np.asarray(resized(name, size, size)) for name in ("coffee", "chelsea", "astronaut", "rocket")]
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()


def named(images):
    return dict(zip(STATISTICS, pixel_statistics(images)[:, : len(STATISTICS)].T, strict=True))


@pytest.mark.parametrize("size", [32, 40, 50, 56, 64, 75, 224])
def test_each_image_depends_on_itself_alone(size):
    images = photographs(size)
    together = pixel_statistics(images)
    assert together.shape == (4, COUNT)
    assert together.dtype == np.float32
    assert np.isfinite(together).all()
    alone = np.concatenate([pixel_statistics(image[None]) for image in images])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("level", [0, 255])
def test_an_empty_image_has_finite_statistics(level):
    statistics = named(torch.full((1, 3, 64, 64), level, dtype=torch.uint8))
    assert statistics["brightness"] == pytest.approx(level / 255, abs=1e-6)
    assert statistics["contrast"] == pytest.approx(0, abs=1e-4)
    assert statistics["noise"] == pytest.approx(0, abs=1e-3)
    assert statistics["blockiness"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "statistic", "sign"),
    [
        ("brightness", "brightness", 1),
        ("contrast", "contrast", -1),
        ("saturate", "saturation", 1),
        ("defocus_blur", "sharpness", -1),
        ("gaussian_noise", "noise", 1),
        ("jpeg_compression", "blockiness", 1),
    ],
)
def test_a_corruption_moves_its_statistic(name, statistic, sign):
    images = photographs(64)
    before = named(images)[statistic]
    after = named(corrupt(images, name, 5, generator=torch.Generator().manual_seed(0)))[statistic]
    assert (sign * (after - before) > 0).all()


def test_noise_is_measured_in_levels():
    noise = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 10
    measured = named((128 + noise).round().to(torch.uint8))["noise"]
    of_luma = 10 * np.sqrt(0.299**2 + 0.587**2 + 0.114**2)
    np.testing.assert_allclose(measured, of_luma, rtol=0.05)


@pytest.mark.parametrize(
    "pixels",
    [
        torch.zeros(1, 3, 64, 64),
        torch.zeros(3, 64, 64, dtype=torch.uint8),
        torch.zeros(1, 3, 31, 31, dtype=torch.uint8),
    ],
)
def test_other_pixels_are_refused(pixels):
    with pytest.raises(ConfigError, match=r"statistics need torch\.uint8"):
        pixel_statistics(pixels)
