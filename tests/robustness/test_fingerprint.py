"""groupnl.robustness.fingerprint: the same for the same pixels, near for pictures that look alike, far for others."""

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance
from support.pictures import scene
from torch import Tensor

from groupnl.robustness.fingerprint import ALIKE, Fingerprint, fingerprint
from groupnl_studies.harness.photographs import photograph

SIDE = 224


def picture(seed: int, *, shift: float = 0.0, zoom: float = 1.0) -> Image.Image:
    """The middle of a photograph, moved to the right by a share of its width."""
    whole = Image.open(io.BytesIO(photograph(seed))).convert("RGB")
    side = 400 / zoom
    left, top = (640 - side) / 2 + shift * side, (480 - side) / 2
    return whole.resize((SIDE, SIDE), Image.Resampling.BILINEAR, (left, top, left + side, top + side))


def as_pixels(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def difference(one: Fingerprint, other: Fingerprint) -> int:
    return int(np.bitwise_count(one.coarse ^ other.coarse).sum())


def jpeg(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=30)
    return Image.open(file).convert("RGB")


def noisy(image: Image.Image) -> Image.Image:
    noise = np.random.default_rng(0).normal(0, 8, (SIDE, SIDE, 3))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("size", [8, 17, 64, 224])
def test_any_layout_of_the_same_pixels_is_the_same(size: int) -> None:
    pixels = torch.from_numpy(np.ascontiguousarray(scene(size, size))).permute(2, 0, 1)
    one, other = fingerprint(pixels), fingerprint(pixels.contiguous())
    assert one.exact == other.exact != 0
    assert difference(one, other) == 0


def test_one_level_of_one_pixel_makes_another_image_that_looks_alike() -> None:
    pixels = as_pixels(picture(0))
    changed = pixels.clone()
    changed[1, 100, 100] ^= 1
    one, other = fingerprint(pixels), fingerprint(changed)
    assert one.exact != other.exact
    assert difference(one, other) <= 2


def test_the_hash_does_not_hang_on_the_number_of_threads() -> None:
    pixels = as_pixels(picture(0))
    before = torch.get_num_threads()
    hashes = set()
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        hashes.add(fingerprint(pixels).exact)
    torch.set_num_threads(before)
    assert len(hashes) == 1


def test_the_next_frame_looks_alike() -> None:
    base = [fingerprint(as_pixels(picture(seed))) for seed in range(12)]
    changed = {
        "shift": [picture(seed, shift=0.02) for seed in range(12)],
        "zoom": [picture(seed, zoom=1.03) for seed in range(12)],
        "darker": [ImageEnhance.Brightness(picture(seed)).enhance(0.8) for seed in range(12)],
        "jpeg": [jpeg(picture(seed)) for seed in range(12)],
        "noise": [noisy(picture(seed)) for seed in range(12)],
    }
    for kind, images in changed.items():
        far = [difference(one, fingerprint(as_pixels(image))) for one, image in zip(base, images, strict=True)]
        assert sum(each <= ALIKE for each in far) >= 11, (kind, far)


def test_other_pictures_and_other_colours_look_different() -> None:
    prints = [fingerprint(as_pixels(picture(seed))) for seed in range(40)]
    near = [difference(one, other) for place, one in enumerate(prints) for other in prints[:place]]
    assert min(near) > ALIKE
    red_on_blue = np.full((64, 64, 3), (40, 40, 200), np.uint8)
    red_on_blue[20:50, 10:40] = (200, 40, 40)
    swapped = np.ascontiguousarray(red_on_blue[:, :, ::-1])
    assert (
        difference(*(fingerprint(torch.from_numpy(each).permute(2, 0, 1)) for each in (red_on_blue, swapped))) > ALIKE
    )


def test_blank_pictures_look_alike_whatever_their_level() -> None:
    one, other = (fingerprint(torch.full((3, 100, 100), level, dtype=torch.uint8)) for level in (7, 201))
    assert one.exact != other.exact
    assert difference(one, other) == 0
