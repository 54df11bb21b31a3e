"""groupnl.training.robust.pixmix and its pictures."""

import numpy as np
import pytest

from groupnl.training.robust.pictures import fractal, leaves, pictures, waves
from groupnl.training.robust.pixmix import PixMix, added, multiplied

IMAGE = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)


def test_shares_of_1_and_0_leave_the_image():
    levels, other = (np.random.default_rng(seed).random((8, 8, 3), np.float32) for seed in (0, 1))
    np.testing.assert_allclose(added(levels, other, 1, 0), levels, atol=1e-6)
    np.testing.assert_allclose(multiplied(levels, other, 1, 0), levels, atol=1e-6)


def test_sums_and_products_by_hand():
    image, other = (np.full((1, 1, 3), level, np.float32) for level in (0.75, 0.25))
    np.testing.assert_allclose(added(image, other, 0.8, 0.4), 0.5 + 0.8 * 0.25 - 0.4 * 0.25, rtol=1e-5)
    np.testing.assert_allclose(multiplied(image, other, 2, -1), 1.5**2 / 0.5 / 2, rtol=1e-5)
    grey = np.full((1, 1, 3), 0.5, np.float32)
    np.testing.assert_allclose(added(grey, grey, 1.3, -0.2), grey, rtol=1e-5)
    np.testing.assert_allclose(multiplied(grey, grey, 1.3, -0.2), grey, rtol=1e-5)
    assert np.isfinite(multiplied(grey, np.zeros_like(grey), 1.0, -1.0)).all()


def test_without_rounds_the_image_or_a_changed_copy_is_left():
    plain = PixMix(32, rounds=0)
    same = [np.array_equal(plain(IMAGE, np.random.default_rng(seed)), IMAGE) for seed in range(100)]
    assert 40 <= sum(same) <= 70  # some changes are none
    assert sum(np.array_equal(PixMix(32)(IMAGE, np.random.default_rng(seed)), IMAGE) for seed in range(100)) < 25


@pytest.mark.parametrize("kind", [fractal, waves, leaves])
def test_pictures_repeat_and_have_structure(kind):
    made = [kind(np.random.default_rng(seed), 40) for seed in (0, 0, 1, 2, 3, 4)]
    assert np.array_equal(made[0], made[1])
    assert not any(np.array_equal(made[0], other) for other in made[2:])
    assert all(picture.shape == (40, 40, 3) and picture.dtype == np.uint8 for picture in made)
    assert np.mean([picture.std((0, 1)).mean() for picture in made]) > 10


def test_pictures_are_made_once_and_are_not_written_to():
    made = pictures(40)
    assert made is pictures(40)
    assert len({picture.tobytes() for picture in made}) == len(made)
    with pytest.raises(ValueError, match="read-only"):
        made[0, 0, 0, 0] = 1
