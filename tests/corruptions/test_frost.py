"""The photographs of ice: their sizes, what is cut from them, and what is kept."""

import cv2
import numpy as np
import pytest
from torch import Generator, Tensor

from groupnl.corruptions.kinds.frost import FILES, FROST, _decoded, _path, _photograph, _scaled

PUBLISHED_SIZES = [(600, 900), (315, 560), (315, 560), (350, 527), (495, 660)]


def test_the_photographs_are_taken_as_they_are() -> None:
    assert [tuple(_photograph(index, 224, 224).shape[1:]) for index in range(5)] == PUBLISHED_SIZES


@pytest.mark.parametrize(("side", "scale"), [(64, 0.3), (32, 0.2)])
def test_small_images_get_smaller_photographs(side: int, scale: float) -> None:
    for index, name in enumerate(FILES):
        expected = cv2.resize(_decoded(_path(name)), (0, 0), fx=scale, fy=scale)[..., ::-1]
        assert np.array_equal(_photograph(index, side, side).permute(1, 2, 0).numpy(), expected)


@pytest.mark.parametrize("size", [(400, 300), (315, 315), (300, 560), (700, 1000), (110, 119), (44, 200)])
def test_a_photograph_that_is_too_small_is_enlarged(size: tuple[int, int]) -> None:
    for index in range(len(FILES)):
        have = _photograph(index, *size).shape[1:]
        assert all(ours > wanted for ours, wanted in zip(have, size, strict=True))
        assert FROST.draw(*size, 3, Generator().manual_seed(index))["ice"].shape == (3, *size)
    # The smallest is no larger than it must be.
    assert min(ours / wanted for ours, wanted in zip(_photograph(1, *size).shape[1:], size, strict=True)) < 1.12


def test_a_crop_does_not_start_at_the_last_place() -> None:
    """As in the published code. A photograph that is one pixel higher than the image is cut at its top only."""
    photograph = _scaled(1, 1)
    crops = [FROST.draw(314, 224, 1, Generator().manual_seed(seed))["ice"] for seed in range(40)]
    tops = {int(crop.storage_offset()) // photograph.shape[2] for crop in crops if _shares(crop, photograph)}
    assert tops == {0}


def _shares(part: Tensor, whole: Tensor) -> bool:
    return part.untyped_storage().data_ptr() == whole.untyped_storage().data_ptr()


def test_other_sizes_keep_no_copy_of_their_own() -> None:
    _scaled.cache_clear()
    for side in range(150, 250):
        _photograph(0, side, side)
    assert _scaled.cache_info().currsize == 1
