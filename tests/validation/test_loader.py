"""groupnl.validation.loader: full batches across cells, and images as published figures see them."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from support.pictures import encode, scene
from torchvision.transforms import CenterCrop

from groupnl.errors import ConfigError
from groupnl.validation.count import hits
from groupnl.validation.loader import Rows, batches
from groupnl.validation.pixels import Cropped


def rows(first: int, count: int) -> Rows:
    """In two cells each."""
    pixels = torch.arange(first, first + count, dtype=torch.uint8).view(-1, 1, 1, 1, 1).expand(-1, 2, 3, 2, 2)
    return Rows(pixels, torch.arange(first, first + count))


def test_batches_are_full_but_for_the_last() -> None:
    found = list(batches([rows(0, 3), rows(3, 2), rows(5, 6), rows(11, 1)], 5))
    assert [len(batch.labels) for batch in found] == [5, 5, 2]
    assert torch.cat([batch.labels for batch in found]).tolist() == list(range(12))
    assert torch.cat([batch.pixels[:, 1, 0, 0, 0] for batch in found]).tolist() == list(range(12))
    assert [len(batch.labels) for batch in batches([rows(0, 11)], 5)] == [5, 5, 1]
    assert [len(batch.labels) for batch in batches([rows(0, 10)], 5)] == [5, 5]
    assert list(batches([], 5)) == []


@pytest.mark.parametrize(("width", "height"), [(224, 224), (231, 226), (300, 225)])
def test_the_crop_is_torchvisions(width: int, height: int) -> None:
    data = encode(Image.fromarray(scene(width, height)), "JPEG", quality=90)
    expected = np.array(CenterCrop(224)(Image.open(io.BytesIO(data)).convert("RGB")))
    assert np.array_equal(Cropped(224)(data).permute(1, 2, 0).numpy(), expected)


def test_an_image_smaller_than_the_crop_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"it has 96 x 64 pixels; the crop takes 224"):
        Cropped(224)(encode(Image.fromarray(scene()), "PNG"))


def test_hits_are_the_best_and_the_best_five() -> None:
    logits = torch.tensor([[6.0, 5, 4, 3, 2, 1]]).expand(6, -1)
    first, among = hits(logits, torch.arange(6))
    assert first.tolist() == [True, False, False, False, False, False]
    assert among.tolist() == [True, True, True, True, True, False]
    assert hits(logits[:, :3], torch.tensor([0, 1, 2, 0, 1, 2]))[1].all()
    with pytest.raises(ConfigError, match="logits are not finite"):
        hits(torch.tensor([[1.0, float("inf")]]), torch.tensor([0]))
