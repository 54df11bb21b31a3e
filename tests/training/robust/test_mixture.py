"""groupnl.training.robust.mixture: shares of chains that sum to one."""

import numpy as np

from groupnl.training.robust.mixture import mixture

IMAGE = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)


def test_chains_that_do_nothing_leave_the_image():
    for seed in range(20):
        mixed = mixture(IMAGE, np.random.default_rng(seed), [lambda image, random: image])
        assert np.array_equal(mixed, IMAGE)


def test_black_chains_darken_everything_alike():
    shares = []
    white = np.full((4, 4, 3), 255, np.uint8)
    for seed in range(200):
        mixed = mixture(white, np.random.default_rng(seed), [lambda image, random: np.zeros_like(image)])
        assert np.unique(mixed).size == 1
        shares.append(1 - mixed[0, 0, 0] / 255)
    assert min(shares) < 0.05
    assert max(shares) > 0.95
    assert abs(np.mean(shares) - 1 / 2) < 0.08  # even from 0 to 1


def test_chains_have_one_to_three_operations():
    depths = set()
    for seed in range(300):
        seen = [0, 0]

        def counted(image, random, seen=seen):
            seen[0] += 1
            return image

        mixture(IMAGE, np.random.default_rng(seed), [counted])
        depths.add(seen[0])
    assert depths == set(range(3, 10))  # of three chains together
