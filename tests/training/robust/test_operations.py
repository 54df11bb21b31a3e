"""groupnl.training.robust.operations: the paper's nine, and what is left of them without strength."""

import numpy as np
import pytest

from groupnl.training.robust.operations import _OPERATIONS, LEVELS, operations

IMAGE = np.random.default_rng(0).integers(20, 200, (24, 24, 3), np.uint8)
NAMES = [operation.__name__ for operation, _ in _OPERATIONS]
WITHOUT_STRENGTH = {"auto_contrast", "equalize", "posterize"}  # they change what there is at any strength


def test_none_changes_what_corruptions_change():
    assert len(set(NAMES)) == 9
    assert not {"color", "contrast", "brightness", "sharpness", "gaussian_blur", "desaturate"} & set(NAMES)


@pytest.mark.parametrize("index", range(9), ids=NAMES)
def test_strength_0_leaves_the_image_and_strength_10_does_not(index):
    still, strong = (operations(severity)[index](IMAGE, np.random.default_rng(1)) for severity in (0, LEVELS))
    assert np.array_equal(still, IMAGE) == (NAMES[index] not in WITHOUT_STRENGTH)
    assert strong.shape == IMAGE.shape
    assert strong.dtype == np.uint8
    assert not np.array_equal(strong, IMAGE)


def test_known_pixels():
    made = {
        name: operation(IMAGE, np.random.default_rng(1)) for name, operation in zip(NAMES, operations(0), strict=True)
    }
    assert np.array_equal(made["posterize"], IMAGE & 0xF0)
    assert (made["auto_contrast"].min((0, 1)) == 0).all()
    assert (made["auto_contrast"].max((0, 1)) == 255).all()
