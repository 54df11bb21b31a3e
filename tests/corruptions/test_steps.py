"""Corruptions with their random numbers given, against the reference library, or the published steps in SciPy."""

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch
from imagecorruptions import corruptions as library
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates, zoom
from support.likeness import as_rows, assert_like
from torch import Generator, Tensor

from groupnl.corruptions import corrupt
from groupnl.corruptions.kinds import spatter as spatter_module
from groupnl.corruptions.kinds.elastic_transform import ELASTIC_TRANSFORM
from groupnl.corruptions.kinds.elastic_transform import TABLE as ELASTIC
from groupnl.corruptions.kinds.frost import FROST
from groupnl.corruptions.kinds.frost import TABLE as FROST_TABLE
from groupnl.corruptions.kinds.gaussian_noise import GAUSSIAN_NOISE, SIGMA
from groupnl.corruptions.kinds.glass_blur import GLASS_BLUR
from groupnl.corruptions.kinds.glass_blur import TABLE as GLASS
from groupnl.corruptions.kinds.snow import SNOW
from groupnl.corruptions.kinds.snow import TABLE as SNOW_TABLE
from groupnl.corruptions.kinds.speckle_noise import SPECKLE_NOISE
from groupnl.corruptions.kinds.zoom_blur import FACTORS
from groupnl.corruptions.motion import _taps

Field = npt.NDArray[np.float64]
SEVERITIES = pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])


def _levels(unit: Field) -> npt.NDArray[np.uint8]:
    return (np.clip(unit, 0, 1) * 255).astype(np.uint8)


def _stacked(draws: dict[str, Tensor], count: int) -> dict[str, Tensor]:
    return {name: torch.stack([value] * count) for name, value in draws.items()}


@SEVERITIES
@pytest.mark.parametrize("name", ["gaussian_noise", "speckle_noise"])
def test_noise_is_the_librarys(name: str, severity: int, photographs: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    corruption = {"gaussian_noise": GAUSSIAN_NOISE, "speckle_noise": SPECKLE_NOISE}[name]
    draws = _stacked(corruption.draw(224, 224, severity, Generator().manual_seed(1)), len(photographs))
    noise = draws["noise"][0].permute(1, 2, 0).double().numpy()
    monkeypatch.setattr(np.random, "normal", lambda size, scale=1.0: noise * scale)
    expected = np.stack([getattr(library, name)(row, severity) for row in as_rows(photographs)])
    assert_like(as_rows(corruption.apply(photographs, severity, draws)), expected.astype(np.uint8), equal=0.9999)
    assert SIGMA[224][severity - 1] > 0


@SEVERITIES
def test_glass_blur(severity: int, photographs: Tensor) -> None:
    glass = GLASS[224][severity - 1]
    draws = _stacked(GLASS_BLUR.draw(224, 224, severity, Generator().manual_seed(2)), len(photographs))
    sources = draws["sources"][0].numpy()

    def blurred(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        return _levels(gaussian_filter(image / 255.0, (glass.sigma, glass.sigma, 0), mode="nearest", truncate=4))

    moved = [blurred(row).reshape(-1, 3)[sources].reshape(224, 224, 3) for row in as_rows(photographs)]
    expected = np.stack([blurred(image) for image in moved])
    assert_like(as_rows(GLASS_BLUR.apply(photographs, severity, draws)), expected, equal=1.0, most=0)


@SEVERITIES
def test_snow(severity: int, photographs: Tensor) -> None:
    snow = SNOW_TABLE[224][severity - 1]
    draws = SNOW.draw(224, 224, severity, Generator().manual_seed(3))
    inner = int(np.ceil(224 / snow.zoom))
    start = (224 - inner) // 2
    noise = draws["noise"][0].numpy() * snow.deviation + snow.mean
    flakes = zoom(noise[start : start + inner, start : start + inner], snow.zoom, order=1)
    trim = (flakes.shape[0] - 224) // 2
    flakes = flakes[trim : trim + 224, trim : trim + 224]
    flakes[flakes < snow.threshold] = 0
    layer = _levels(flakes).astype(float)
    padded = np.pad(layer, 60, mode="edge")
    taps = _taps(snow.radius, snow.sigma, np.deg2rad(draws["degrees"].item()))
    blurred = sum(weight * padded[60 + down : 284 + down, 60 + right : 284 + right] for right, down, weight in taps)
    layer = np.floor(blurred + 1e-6)[..., None] / 255
    expected = []
    for row in as_rows(photographs):
        unit = row.astype(np.float32) / 255
        grey = cv2.cvtColor(unit, cv2.COLOR_RGB2GRAY)[..., None]
        pale = snow.share * unit + (1 - snow.share) * np.maximum(unit, grey * 1.5 + 0.5)
        expected.append(_levels(pale + layer + np.rot90(layer, 2)))
    found = as_rows(SNOW.apply(photographs, severity, _stacked(draws, len(photographs))))
    assert_like(found, np.stack(expected), equal=0.997)


@SEVERITIES
def test_frost(severity: int, photographs: Tensor) -> None:
    ours, theirs = FROST_TABLE[224][severity - 1]
    draws = FROST.draw(224, 224, severity, Generator().manual_seed(4))
    ice = draws["ice"].permute(1, 2, 0).numpy()
    expected = [np.clip(ours * row + theirs * ice, 0, 255).astype(np.uint8) for row in as_rows(photographs)]
    assert_like(
        as_rows(FROST.apply(photographs, severity, _stacked(draws, len(photographs)))),
        np.stack(expected),
        equal=1.0,
        most=0,
    )


@SEVERITIES
def test_elastic_transform(severity: int, photographs: Tensor) -> None:
    elastic = ELASTIC[224][severity - 1]
    draws = ELASTIC_TRANSFORM.draw(224, 224, severity, Generator().manual_seed(5))
    before = np.float32([[186, 186], [186, 38], [38, 38]])
    after = before + (draws["corners"].numpy() * elastic.shift).astype(np.float32)
    across, down = (
        (gaussian_filter(field, elastic.sigma, mode="reflect", truncate=3) * elastic.height).astype(np.float32)
        for field in draws["field"].double().numpy()
    )
    rows, columns = np.meshgrid(np.arange(224), np.arange(224), indexing="ij")
    expected = []
    for row in as_rows(photographs):
        unit = row.astype(np.float32) / 255
        moved = cv2.warpAffine(
            unit, cv2.getAffineTransform(before, after), (224, 224), borderMode=cv2.BORDER_REFLECT_101
        )
        places = [rows + down, columns + across]
        channels = [map_coordinates(moved[..., channel], places, order=1, mode="reflect") for channel in range(3)]
        expected.append(_levels(np.stack(channels, axis=-1)))
    found = as_rows(ELASTIC_TRANSFORM.apply(photographs, severity, _stacked(draws, len(photographs))))
    assert_like(found, np.stack(expected), equal=0.999)


@pytest.fixture
def given_noise(monkeypatch: pytest.MonkeyPatch) -> Iterator[Generator]:
    """A generator, whose next normal numbers the library gets too."""
    noise = torch.randn(224, 224, generator=Generator().manual_seed(6)).double().numpy()
    monkeypatch.setattr(np.random, "normal", lambda size, loc, scale: noise * scale + loc)
    return Generator().manual_seed(6)


@SEVERITIES
def test_spatter_is_the_librarys(severity: int, photographs: Tensor, given_noise: Generator) -> None:
    draws = spatter_module.SPATTER.draw(224, 224, severity, given_noise)
    expected = np.stack([library.spatter(Image.fromarray(row), severity) for row in as_rows(photographs)]).astype(
        np.uint8
    )
    found = as_rows(spatter_module.SPATTER.apply(photographs, severity, _stacked(draws, len(photographs))))
    assert_like(found, expected, equal=0.999)


def test_noise_without_drops_makes_no_spatter() -> None:
    assert not spatter_module._drops(np.zeros((64, 64)), 0.6).any()


# Share of values that are equal to the library's.
EQUAL = {
    "defocus_blur": 1.0,
    "gaussian_blur": 1.0,
    "zoom_blur": 0.9999,
    "brightness": 0.995,
    "contrast": 1.0,
    "pixelate": 1.0,
    "saturate": 0.96,
}


def _librarys(name: str, severity: int, images: Tensor) -> npt.NDArray[np.uint8]:
    rows = [np.asarray(getattr(library, name)(Image.fromarray(row), severity)) for row in as_rows(images)]
    return np.stack(rows).astype(np.uint8)


@pytest.mark.parametrize("name", EQUAL)
@SEVERITIES
def test_other_photographs(name: str, severity: int, photographs: Tensor) -> None:
    found = as_rows(corrupt(photographs, name, severity))
    assert_like(found, _librarys(name, severity, photographs), equal=EQUAL[name])


@pytest.mark.parametrize("name", ["defocus_blur", "gaussian_blur", "zoom_blur", "pixelate"])
@SEVERITIES
def test_drawings(name: str, severity: int, drawings: Tensor) -> None:
    """Where an image is flat every result lies at a whole level, and rounding decides what truncation does."""
    assert_like(as_rows(corrupt(drawings, name, severity)), _librarys(name, severity, drawings), equal=0.9999)


@pytest.mark.parametrize(
    ("severity", "end", "step"), [(1, 1.11, 0.01), (2, 1.16, 0.01), (3, 1.21, 0.02), (5, 1.31, 0.03)]
)
def test_enlargements_are_numpys(severity: int, end: float, step: float) -> None:
    assert list(FACTORS[224][severity - 1]) == np.arange(1, end, step).tolist()
