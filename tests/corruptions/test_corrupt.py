"""groupnl.corruptions: what is asked for and what comes back, for all nineteen."""

from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor

from groupnl.corruptions import CELLS, NAMES, CorruptionSpec, corrupt, corrupt_each, kinds
from groupnl.corruptions.kinds import KINDS
from groupnl.corruptions.published import round_trip
from groupnl.corruptions.sheet_command import GROUPS
from groupnl.corruptions.tables import official_size
from groupnl.errors import ConfigError


def _seeded(seed: int) -> Generator:
    return Generator().manual_seed(seed)


def _photographs(count: int, height: int, width: int) -> Tensor:
    blotches = torch.rand(count, 3, 6, 6, generator=_seeded(3)) * 255
    return torch.nn.functional.interpolate(blotches, (height, width), mode="bicubic").clamp(0, 255).to(torch.uint8)


@pytest.mark.parametrize("size", [(32, 32), (48, 64), (96, 80), (160, 160), (384, 300)])
def test_every_cell_at_every_size(size: tuple[int, int]) -> None:
    images = _photographs(1, *size)
    for name, severity in CELLS:
        result = corrupt(images, name, severity, _seeded(1))
        assert (result.shape, result.dtype) == (images.shape, torch.uint8)
        assert not torch.equal(result, images), (name, severity)


@pytest.mark.parametrize("name", NAMES)
def test_an_image_does_not_depend_on_its_batch(name: str) -> None:
    images = _photographs(6, 64, 64)
    requests = [CorruptionSpec(name, 1 + index % 5, 40 + index) for index in range(6)]
    together = corrupt_each(images, requests)
    alone = [corrupt_each(images[index : index + 1], [request])[0] for index, request in enumerate(requests)]
    assert torch.equal(together, torch.stack(alone))


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_replays(name: str) -> None:
    images = _photographs(2, 64, 64)
    assert torch.equal(corrupt(images, name, 3, _seeded(5)), corrupt(images, name, 3, _seeded(5)))
    requests = [CorruptionSpec(name, 3, 7)] * 2
    assert torch.equal(corrupt_each(images, requests), corrupt_each(images, requests))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("name", NAMES)
def test_cuda_gives_the_same_pixels(name: str) -> None:
    images = _photographs(5, 64, 64)
    requests = [CorruptionSpec(name, severity, severity) for severity in range(1, 6)]
    difference = (corrupt_each(images.cuda(), requests).cpu().int() - corrupt_each(images, requests).int()).abs()
    assert difference.max() <= 1
    assert (difference == 0).float().mean() > 0.99


def test_different_corruptions_in_one_batch() -> None:
    images = _photographs(len(CELLS), 32, 32)
    result = corrupt_each(images, [CorruptionSpec(*cell, index) for index, cell in enumerate(CELLS)])
    for index, (name, severity) in enumerate(CELLS):
        expected = corrupt(images[index : index + 1], name, severity, _seeded(index))[0]
        assert (result[index].int() - expected.int()).abs().max() <= 1, (name, severity)


def test_a_severity_for_each_image() -> None:
    images = _photographs(5, 64, 64)
    result = corrupt(images, "contrast", [5, 4, 3, 2, 1])
    for index, severity in enumerate((5, 4, 3, 2, 1)):
        assert torch.equal(result[index : index + 1], corrupt(images[index : index + 1], "contrast", severity))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_floating_point_is_the_same_in_another_form(dtype: torch.dtype) -> None:
    images = _photographs(2, 64, 64)
    exact = dtype in (torch.float32, torch.float64)
    given = images.to(dtype) / 255
    result = corrupt(given, "fog", 2, _seeded(0))
    assert result.dtype == dtype
    if exact:
        assert torch.equal((result * 255).round().to(torch.uint8), corrupt(images, "fog", 2, _seeded(0)))


def test_images_are_not_changed() -> None:
    images = _photographs(1, 64, 64)
    before = images.clone()
    for name in NAMES:
        corrupt(images, name, 5, _seeded(0))
    assert torch.equal(images, before)


def test_the_files_round_trip() -> None:
    images = _photographs(2, 64, 64)
    noisy = corrupt(images, "gaussian_noise", 3, _seeded(0))
    assert torch.equal(corrupt(images, "gaussian_noise", 3, _seeded(0), published=True), round_trip(noisy))
    assert not torch.equal(round_trip(noisy), noisy)


def test_an_empty_batch() -> None:
    assert corrupt_each(torch.empty(0, 3, 64, 64, dtype=torch.uint8), []).shape == (0, 3, 64, 64)


@pytest.mark.parametrize(
    ("size", "table"),
    [(32, 32), (45, 32), (46, 64), (64, 64), (119, 64), (120, 224), (258, 224), (259, 299)],
)
def test_the_nearest_table(size: int, table: int) -> None:
    assert official_size(size, size + 50) == official_size(size + 50, size) == table


@pytest.mark.parametrize(
    ("images", "name", "severity", "problem"),
    [
        (torch.zeros(1, 3, 64, 64, dtype=torch.uint8), "rain", 1, "'rain' is no corruption"),
        (torch.zeros(1, 3, 64, 64, dtype=torch.uint8), "fog", 0, "severity 0"),
        (torch.zeros(1, 3, 64, 64, dtype=torch.uint8), "fog", 6, "severity 6"),
        (torch.zeros(2, 3, 64, 64, dtype=torch.uint8), "fog", [1], "1 severities were given for 2 images"),
        (torch.zeros(3, 64, 64, dtype=torch.uint8), "fog", [1, 1, 1], r"shape \(3, 64, 64\)"),
        (torch.zeros(1, 1, 64, 64, dtype=torch.uint8), "fog", 1, r"shape \(1, 1, 64, 64\)"),
        (torch.zeros(1, 3, 31, 64, dtype=torch.uint8), "fog", 1, "32 pixels or more"),
        (torch.zeros(1, 3, 64, 64, dtype=torch.int64), "fog", 1, r"torch\.int64"),
        (torch.full((1, 3, 64, 64), 1.5), "fog", 1, r"from 1\.5 to 1\.5"),
        (torch.full((1, 3, 64, 64), -0.5), "fog", 1, r"before any normalising"),
    ],
)
def test_what_is_refused(images: Tensor, name: str, severity: int, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        corrupt(images, name, severity)


def test_a_request_for_each_image() -> None:
    with pytest.raises(ConfigError, match="1 requests were given for 2 images"):
        corrupt_each(torch.zeros(2, 3, 64, 64, dtype=torch.uint8), [CorruptionSpec("fog", 1, 0)])


def test_every_name_has_one_kind_in_the_official_order() -> None:
    assert tuple(kind.name for kind in KINDS) == NAMES


def test_every_file_of_a_kind_is_in_the_table() -> None:
    files = {path.stem for path in Path(kinds.__file__).parent.glob("*.py")} - {"__init__"}
    assert files == {kind.name for kind in KINDS}


def test_the_sheet_has_a_group_for_every_name() -> None:
    assert sum(GROUPS.values()) == len(NAMES)
