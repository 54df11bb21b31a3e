"""groupnl.training.robust.noise: the deviations are those that are asked for, and half of the images have none."""

import numpy as np
import pytest

from groupnl.training.robust.noise import Noise, gaussian, speckle

GREY = np.full((128, 128, 3), 100, np.uint8)


@pytest.mark.parametrize("deviation", [0.0, 0.02, 0.1])
def test_deviations_are_as_asked(deviation):
    random = np.random.default_rng(0)
    assert gaussian(GREY, deviation, random).std() == pytest.approx(255 * deviation, rel=0.02, abs=0.01)
    assert speckle(GREY, deviation, random).std() == pytest.approx(100 * deviation, rel=0.02, abs=0.01)
    assert gaussian(GREY, deviation, random).mean() == pytest.approx(100, abs=0.5)


def test_strong_noise_is_cut_to_black_and_white():
    noisy = gaussian(GREY, 0.4, np.random.default_rng(0))
    assert (noisy.min(), noisy.max()) == (0, 255)
    assert not speckle(np.zeros_like(GREY), 0.6, np.random.default_rng(0)).any()


def test_half_of_the_images_are_clean_and_the_rest_of_all_strengths():
    random, noise, image = np.random.default_rng(0), Noise(), GREY[:16, :16]
    deviations = np.array([noise(image, random).std() for _ in range(1000)])
    assert abs((deviations == 0).mean() - 1 / 2) < 0.05
    assert (deviations[deviations > 0] < 10).any()
    assert deviations.max() > 60
