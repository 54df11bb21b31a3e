"""groupnl.training.robust.ways: each of the four keeps its promises."""

import itertools

import numpy as np
import pytest

from groupnl.corruptions.names import NAMES as CORRUPTIONS
from groupnl.training.robust import NAMES, WAYS, build


def image_of(size):
    row, column = np.mgrid[:size, :size] * 255 // (size - 1)
    return np.stack([row, column, 255 - row], axis=-1).astype(np.uint8)


def test_all_names_are_built():
    assert NAMES == tuple(WAYS) == ("augmix", "prime", "noise", "pixmix")


@pytest.mark.parametrize("size", [9, 32])
@pytest.mark.parametrize("name", NAMES)
def test_images_keep_their_shape_and_repeat(name, size):
    image, augment = image_of(size), build(name, size)
    image.flags.writeable = False
    made = [augment(image, np.random.default_rng(seed)) for seed in range(30)]
    assert all(each.shape == image.shape and each.dtype == np.uint8 for each in made)
    assert np.array_equal(image, image_of(size))
    again = build(name, size)
    assert all(np.array_equal(each, again(image, np.random.default_rng(seed))) for seed, each in enumerate(made))
    assert len({each.tobytes() for each in made}) > 10


def test_no_two_ways_are_alike():
    image = image_of(32)
    made = {name: [build(name, 32)(image, np.random.default_rng(seed)) for seed in range(10)] for name in NAMES}
    for one, other in itertools.combinations(NAMES, 2):
        same = [np.array_equal(*pair) for pair in zip(made[one], made[other], strict=True)]
        assert sum(same) <= 2


def test_what_is_trained_on_are_corruptions_of_the_validation():
    assert {name: way.trained_on for name, way in WAYS.items() if way.trained_on} == {
        "noise": ("gaussian_noise", "speckle_noise")
    }
    assert set(WAYS["noise"].trained_on) <= set(CORRUPTIONS)
