"""The random corruptions follow the published laws: noise, motion, glass, frost and fog, draw by draw."""

import numpy as np
import pytest
import torch
from imagecorruptions import corruptions as library
from scipy import stats
from support.likeness import as_rows, assert_like
from torch import Generator, Tensor

from groupnl.corruptions import NAMES, corrupt
from groupnl.corruptions.corrupt import check
from groupnl.corruptions.kinds import fog as fog_module
from groupnl.corruptions.kinds import frost as frost_module
from groupnl.corruptions.kinds import glass_blur as glass_module
from groupnl.corruptions.kinds.fog import FOG, clouds
from groupnl.corruptions.kinds.gaussian_noise import SIGMA
from groupnl.corruptions.kinds.glass_blur import GLASS_BLUR, glass_map
from groupnl.corruptions.kinds.impulse_noise import AMOUNT
from groupnl.corruptions.kinds.motion_blur import MOTION_BLUR
from groupnl.corruptions.kinds.shot_noise import PHOTONS, STEPS, _table
from groupnl.errors import ConfigError

GREY = torch.full((8, 3, 224, 224), 128, dtype=torch.uint8)


def _generator(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def test_gaussian_noise_is_gaussian() -> None:
    # Severity 1 hardly clips at middle grey. A truncated value stands for the middle of its level.
    values = (corrupt(GREY, "gaussian_noise", 1, _generator()).double() + 0.5 - 128) / 255
    assert abs(values.mean().item() * 255) < 0.15
    assert values.std().item() == pytest.approx(SIGMA[224][0], rel=0.01)
    sample = values.flatten()[:100_000].numpy() + np.random.default_rng(0).uniform(-0.5, 0.5, 100_000) / 255
    assert stats.kstest(sample, stats.norm(scale=SIGMA[224][0]).cdf).pvalue > 0.001


def test_speckle_noise_grows_with_the_value() -> None:
    spread = [
        corrupt(torch.full_like(GREY, level), "speckle_noise", 1, _generator()).double().std().item()
        for level in (40, 80, 120)
    ]
    assert spread == pytest.approx([0.15 * level for level in (40, 80, 120)], rel=0.02)


@pytest.mark.parametrize("severity", [1, 3, 5])
def test_impulse_noise_is_half_black_half_white(severity: int) -> None:
    result = corrupt(GREY, "impulse_noise", severity, _generator())
    amount, count = AMOUNT[224][severity - 1], result.numel()
    for level in (0, 255):
        found = (result == level).sum().item()
        expected = amount / 2 * count
        assert abs(found - expected) < 4 * (expected * (1 - amount / 2)) ** 0.5
    assert ((result == 0) | (result == 255) | (result == 128)).all()
    # By channel, not by pixel.
    assert ((result == 0).sum(dim=1) == 1).any()


@pytest.mark.parametrize("photons", sorted({number for row in PHOTONS.values() for number in row}))
@pytest.mark.parametrize("level", [1, 20, 128, 255])
def test_shot_noise_is_poisson(photons: int, level: int) -> None:
    expected = stats.poisson(level / 255 * photons)
    steps = (np.arange(STEPS) + 0.5) / STEPS
    exact = np.minimum(expected.ppf(steps) / photons, 1) * 255
    found = _table(photons).view(256, STEPS)[level].numpy()
    np.testing.assert_array_equal(found, exact.astype(np.uint8))


@pytest.mark.parametrize("photons", [60, 12, 3])
def test_shot_noise_keeps_mean_and_variance(photons: int) -> None:
    severity = PHOTONS[224].index(photons) + 1
    level = 26  # low enough that hardly anything is clipped
    counts = np.round(
        corrupt(torch.full_like(GREY, level), "shot_noise", severity, _generator()).double().numpy() / 255 * photons
        + 0.01
    )
    rate = level / 255 * photons
    if photons < 60:  # above, two counts may share a level
        assert counts.mean() == pytest.approx(rate, rel=0.02)
        assert counts.var() == pytest.approx(rate, rel=0.02)


def test_motion_goes_every_way_alike() -> None:
    generator = _generator()
    angles = [MOTION_BLUR.draw(64, 64, 3, generator)["degrees"].item() for _ in range(2000)]
    assert stats.kstest(angles, stats.uniform(-45, 90).cdf).pvalue > 0.001


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
def test_motion_blur_is_the_librarys(
    severity: int, photographs: Tensor, drawings: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = torch.cat([photographs, drawings])
    for angle in (-44.0, -30.0, -3.0, 0.0, 20.0, 45.0):
        monkeypatch.setattr(np.random, "uniform", lambda *_, angle=angle: angle)
        expected = [library.motion_blur(row, severity) for row in as_rows(images)]
        degrees = torch.full((len(images),), angle, dtype=torch.float64)
        found = as_rows(MOTION_BLUR.apply(images, severity, {"degrees": degrees}))
        assert_like(found, np.stack(expected).astype(np.uint8), equal=0.9999)


@pytest.mark.parametrize(("reach", "passes", "height", "width"), [(1, 2, 40, 40), (2, 1, 50, 37), (4, 3, 64, 64)])
def test_the_glass_map_is_the_sequential_loop(reach: int, passes: int, height: int, width: int) -> None:
    shape = (passes, 2, height - 2 * reach, width - 2 * reach)
    offsets = np.random.default_rng(0).integers(-reach, reach, shape, dtype=np.int32)
    expected = np.arange(height * width).reshape(height, width)
    for down, right in offsets:
        for row in range(height - reach, reach, -1):
            for column in range(width - reach, reach, -1):
                place = row - reach - 1, column - reach - 1
                expected[row, column] = expected[row + down[place], column + right[place]]
    assert np.array_equal(glass_map(offsets, reach, height, width).reshape(height, width), expected)


def test_glass_offsets_are_uniform(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(glass_module, "glass_map", lambda offsets, *_: drawn.append(offsets) or np.zeros(1, np.int32))
    GLASS_BLUR.draw(224, 224, 4, _generator())
    (offsets,) = drawn
    for direction in (0, 1):
        counts = np.bincount((offsets[:, direction] + 3).ravel())
        assert stats.chisquare(counts).pvalue > 0.001
    assert (offsets.min(), offsets.max()) == (-3, 2)


def test_frost_takes_five_photographs_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        frost_module, "_photograph", lambda index, height, width: torch.full((3, 400, 400), index, dtype=torch.uint8)
    )
    generator = _generator()
    drawn = [int(frost_module.FROST.draw(224, 224, 1, generator)["ice"][0, 0, 0]) for _ in range(2000)]
    assert stats.chisquare(np.bincount(drawn, minlength=5)).pvalue > 0.001
    assert set(drawn) == {0, 1, 2, 3, 4}


def test_two_of_the_photographs_are_one() -> None:
    photographs = [frost_module._photograph(index, 224, 224) for index in range(5)]
    assert torch.equal(photographs[1], photographs[2])
    assert not torch.equal(photographs[0], photographs[1])


def test_missing_textures_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frost_module, "PACKAGE", "no-such-package")
    with pytest.raises(ConfigError, match="pip install --no-deps no-such-package"):
        check(NAMES)


@pytest.mark.parametrize(("side", "decay"), [(256, 2.0), (256, 1.4), (64, 3.0), (32, 1.75)])
def test_clouds_are_the_librarys(side: int, decay: float, monkeypatch: pytest.MonkeyPatch) -> None:
    uniform = torch.rand(1, side * side - 1, generator=_generator(), dtype=torch.float64) * 2 - 1
    source = iter(uniform[0].numpy())

    def given(low: float, high: float, shape: tuple[int, int]) -> np.ndarray:
        assert -low == high
        return high * np.fromiter(source, float, count=shape[0] * shape[1]).reshape(shape)

    monkeypatch.setattr(np.random, "uniform", given)
    expected = library.plasma_fractal(side, decay)
    np.testing.assert_allclose(clouds(uniform, decay)[0].numpy(), expected, atol=2e-6)


def test_fog_on_a_larger_image_takes_a_larger_cloud() -> None:
    assert FOG.draw(288, 600, 1, _generator())["uniform"].numel() == 1024**2 - 1
    assert fog_module.SIDE[224] == 256


def test_fog_follows_its_definition(photographs: Tensor) -> None:
    draws = FOG.draw(224, 224, 3, _generator())
    stacked = {"uniform": draws["uniform"].expand(len(photographs), -1)}
    cloud = clouds(draws["uniform"][None], 1.7)[0, :224, :224, None].numpy()
    found = FOG.apply(photographs, 3, stacked).permute(0, 2, 3, 1).numpy()
    for image, result in zip(photographs.permute(0, 2, 3, 1).numpy(), found, strict=True):
        unit = image / 255.0
        expected = np.clip((unit + 2.5 * cloud) * unit.max() / (unit.max() + 2.5), 0, 1) * 255
        assert np.abs(result.astype(int) - expected.astype(np.uint8)).max() <= 1
        assert (result == expected.astype(np.uint8)).mean() > 0.9999
