"""groupnl.training.robust.prime: each of the three changes with known numbers, and with none."""

import math

import numpy as np
import pytest

from groupnl.training.robust.prime import (
    Prime,
    curve_amplitudes,
    filter_weights,
    filtered,
    moved,
    recoloured,
    temperatures,
)

IMAGE = np.random.default_rng(0).integers(0, 256, (33, 33, 3), np.uint8)
RAMP = np.repeat(np.repeat(np.arange(33, dtype=np.uint8)[None, :, None] * 7, 33, 0), 3, 2)


def test_strength_0_leaves_the_image():
    assert np.array_equal(filtered(IMAGE, np.zeros((3, 3))), IMAGE)
    assert np.array_equal(moved(IMAGE, np.zeros((2, 5, 5))), IMAGE)
    assert np.array_equal(recoloured(IMAGE, 3, np.zeros((20, 3))), IMAGE)


def test_a_filter_takes_the_neighbour_on_the_right():
    weights = np.zeros((3, 3))
    weights[1] = 0, -1, 1
    assert np.array_equal(filtered(IMAGE, weights), IMAGE[:, [*range(1, 33), 32]])


def test_what_filters_make_is_cut_to_black_and_white():
    weights = np.zeros((3, 3))
    weights[1, 1] = 9
    bright = np.minimum(IMAGE.astype(int) * 10, 255)
    assert np.array_equal(filtered(IMAGE, weights), bright)
    assert not filtered(IMAGE, -weights).any()


def test_a_map_moves_the_middle_and_leaves_the_edges():
    amplitudes = np.zeros((2, 3, 3))
    amplitudes[0, 0, 0] = 4 / 32  # of the side, to the right
    seen = moved(RAMP, amplitudes)
    assert (seen[16, 16] == RAMP[16, 20]).all()
    assert np.array_equal(seen[[0, -1]], RAMP[[0, -1]])
    assert np.array_equal(seen[:, [0, -1]], RAMP[:, [0, -1]])
    amplitudes = amplitudes[::-1]  # down, where the ramp is level
    assert np.array_equal(moved(RAMP, amplitudes), RAMP)
    down = moved(RAMP.transpose(1, 0, 2), amplitudes)
    assert np.array_equal(down, seen.transpose(1, 0, 2))


@pytest.mark.parametrize("size", [8, 32, 64, 224])
def test_maps_move_pixels_by_half_a_pixel_or_more_and_hardly_fold(size):
    for cut in range(2, min(100, size // 2) + 1):
        least, most = temperatures(cut, size)
        assert 0 < least <= most
        row, column = np.mgrid[1 : cut + 1, 1 : cut + 1]
        squares = row**2 + column**2
        spread = np.where(squares <= cut**2, 1 / squares, 0)  # times the temperature, of amplitudes
        # The mean square of a product of sines is 1/4, and there are two directions.
        shift = size * math.sqrt(least * spread.sum() / 2)
        stretch = math.sqrt(most * (spread * row**2).sum() * math.pi**2 / 4)
        assert least == most or 0.3 < shift < 0.7
        assert stretch < 1 / math.sqrt(8 * math.log(cut))


def test_a_curve_adds_sines():
    amplitudes = np.zeros((2, 3))
    amplitudes[1] = 0, 0.1, -0.1  # frequency 3, where two are passed over
    level = np.full((4, 4, 3), 51, np.uint8)  # a fifth of white
    wave = 0.1 * math.sin(3 * math.pi / 5)
    wanted = np.rint(255 * (0.2 + np.array([0, wave, -wave])))
    assert (recoloured(level, 1, amplitudes) == wanted).all()


def test_strengths_are_drawn_up_to_the_published_ones():
    random = np.random.default_rng(0)
    filters = np.array([filter_weights(random).std() for _ in range(4000)])
    curves = np.array([curve_amplitudes(random).var() for _ in range(4000)])
    assert np.sqrt((filters**2).mean()) == pytest.approx(4 / math.sqrt(3) * math.sqrt(8 / 9), rel=0.03)  # of nine
    assert curves.mean() == pytest.approx(0.05 / 2, rel=0.04)
    assert curves.min() < 0.002


def test_its_three_changes_are_drawn():
    random, prime = np.random.default_rng(0), Prime(33)
    for change in (prime._filter, prime._map, prime._curve):
        changed = [change(IMAGE, random) for _ in range(5)]
        assert all(image.shape == IMAGE.shape and image.dtype == np.uint8 for image in changed)
        assert not any(np.array_equal(image, IMAGE) for image in changed)
