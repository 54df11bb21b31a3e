"""Planes: what one slice of memory says of all pixels is what each plane's own pixels say."""

import numpy as np
import pytest

from groupnl.traffic.planes import BLOCK, mean, planes

VALUES = np.random.default_rng(0).uniform(0, 255, (3, 16, 24)).astype(np.float32)


def blocks(values):
    """Mean of each block of 8 x 8, the last ones smaller, by going through them."""
    rows, columns = (range(0, size, BLOCK) for size in values.shape[1:])
    return np.stack([values[:, r : r + BLOCK, c : c + BLOCK].mean((1, 2)) for r in rows for c in columns], 1)


@pytest.mark.parametrize(
    ("rows", "columns", "expected"),
    [
        (0, 1, VALUES[:, :, 1:] - VALUES[:, :, :-1]),
        (4, 0, VALUES[:, 4:] - VALUES[:, :-4]),
        (1, 1, VALUES[:, 1:, 1:] - VALUES[:, :-1, :-1]),
        (1, -1, VALUES[:, 1:, :-1] - VALUES[:, :-1, 1:]),
    ],
)
def test_differences_are_those_of_pixels_that_lie_so_far_apart(rows, columns, expected):
    apart = planes(VALUES).apart(rows, columns)
    assert apart.whole.shape == VALUES.shape
    np.testing.assert_array_equal(apart.whole[:, : expected.shape[1], : expected.shape[2]], expected)
    np.testing.assert_allclose(apart.mean(), expected.mean((1, 2)), atol=1e-4)
    np.testing.assert_allclose(apart.pooled(), blocks(expected), atol=1e-4)


def test_what_comes_of_two_misses_what_either_misses():
    light = planes(VALUES)
    both = light.apart(0, 2) * light.apart(1, 0)
    expected = (VALUES[:, :, 2:] - VALUES[:, :, :-2])[:, :-1] * (VALUES[:, 1:] - VALUES[:, :-1])[..., :-2]
    np.testing.assert_allclose(both.mean(), expected.mean((1, 2)), rtol=1e-4)
    np.testing.assert_allclose(both.pooled(), blocks(expected), rtol=1e-4, atol=0.01)


def test_a_plane_does_not_see_its_neighbours():
    together = planes(VALUES).apart(1, 1).apart(2, 0)
    for index, values in enumerate(VALUES):
        alone = planes(values[None]).apart(1, 1).apart(2, 0)
        np.testing.assert_allclose(alone.pooled()[0], together.pooled()[index], rtol=1e-4, atol=1e-3)


def test_bytes_and_several_leading_dimensions_become_planes():
    values = np.arange(2 * 3 * 8 * 8, dtype=np.uint8).reshape(2, 3, 8, 8)
    found = planes(values[:, ::-1])
    assert found.whole.dtype == np.float32
    np.testing.assert_array_equal(found.whole, values[:, ::-1].reshape(6, 8, 8))
    np.testing.assert_allclose(mean(found.whole), found.whole.mean(-1), rtol=1e-5)
