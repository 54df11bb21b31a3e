"""groupnl.conversion.block_error: one error of all images, however they come."""

import pytest
import torch

from groupnl.conversion.block_error import BlockError
from groupnl.training.feature_maps import relative_error


@pytest.mark.parametrize("shape", [(9, 3, 1, 1), (9, 3, 4, 5), (9, 6, 8)])
def test_batches_do_not_matter_and_a_lone_last_image_least(shape):
    torch.manual_seed(0)
    wanted = 5 + torch.randn(shape)
    maps = wanted + 0.5 * torch.randn(shape)
    error = BlockError()
    for start, end in ((0, 4), (4, 8), (8, 9)):
        error.add(maps[start:end], wanted[start:end])
    assert error.relative == pytest.approx(relative_error(maps, wanted).item(), rel=1e-5)
    assert 0.1 < error.relative < 1


def test_equal_maps_have_no_error_also_without_variance():
    error = BlockError()
    error.add(torch.ones(2, 3, 1, 1), torch.ones(2, 3, 1, 1))
    assert error.relative == 0
