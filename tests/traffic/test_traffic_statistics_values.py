"""All statistics of an image beside the same computed plainly: of one image, in float64, by its own pixels."""

import numpy as np
import pytest
import torch
from support.photographs import resized

from groupnl.traffic.statistics import pixel_statistics

LUMA = np.array([0.299, 0.587, 0.114])[:, None, None]


def in_blocks(values):
    """Mean of each block of 8 x 8; the last ones may be smaller."""
    rows, columns = (range(0, size, 8) for size in values.shape)
    return np.array([values[r : r + 8, c : c + 8].mean() for r in rows for c in columns])


def of_blocks(maps):
    blocks = [in_blocks(each) + 0.05 for each in maps]
    return [
        *(np.log(each).mean() for each in blocks),
        *(np.log(each.mean()) for each in blocks),
        *(-np.log((1 / each).mean()) for each in blocks),
    ]


def steps(sizes, limits):
    return [np.minimum(sizes, limit).mean() / limit for limit in limits]


def noise_filter(levels):
    return np.diff(np.diff(levels, n=2, axis=-1), n=2, axis=-2)


def noise(pixels):
    levels = pixels.astype(float)
    noises = noise_filter(levels)
    loud = np.abs(noises[1]) > 240
    ends = np.isin(levels[1, 1:-1, 1:-1], (0, 255))
    chroma = np.abs([noises[0] - noises[1], noises[2] - noises[1]])
    sizes = np.abs(noises)
    quietness = np.concatenate([in_blocks(each) for each in sizes]) + 1
    light = np.concatenate([in_blocks(each) for each in levels])
    return [
        *(loud.mean(), (loud & ends).mean()),
        *steps(chroma, (0.5, 4, 16, 64)),
        *by_brightness(quietness, light),
        *of_blocks([*sizes, *chroma]),
    ]


def by_brightness(noise, light):
    usual = (1 / noise).mean()
    inside = [np.maximum(1 - np.abs(light - middle) / 48, 0) for middle in (24, 72, 120, 168, 216)]
    levels = [np.log(((each / noise).sum() + usual) / (each.sum() + 1) / usual) for each in inside]
    place, height = np.log(light + 8), np.log(noise)
    covariance = np.cov(place, height, ddof=0, aweights=noise**-2)
    slope = covariance[0, 1] / (covariance[0, 0] + 0.02)
    return [*levels, *(each.mean() for each in inside), slope, covariance[0, 0]]


def profiles(light):
    return np.abs(np.diff(light)).mean(0), np.abs(np.diff(light, axis=0)).mean(1)


def grid(profile):
    middle = profile.mean() + 0.05
    ordered = [np.sort(profile)[round(share * (len(profile) - 1))] for share in (0, 0.1, 0.25, 0.5, 0.75)]
    phases = np.append(profile, 0).reshape(-1, 8).mean(0)
    return [*np.array(ordered) / middle, *np.log(phases / middle + 0.05), np.abs(np.diff(profile)).mean() / middle]


def spectrum(light):
    cosines = np.array([[np.cos(np.pi * k * (2 * n + 1) / 16) for n in range(8)] for k in range(8)]) / 2
    cosines[0] /= np.sqrt(2)
    rows, columns = (range(0, size, 8) for size in light.shape)
    found = np.abs([cosines @ light[r : r + 8, c : c + 8] @ cosines.T for r in rows for c in columns]).reshape(-1, 64)
    return [*np.log(found.mean(0) + 0.05)[1:], *np.log(found + 0.5).mean(0)[1:]]


def moments(across, down):
    wide, high = across[: down.shape[0]], down[:, : across.shape[1]]
    return [in_blocks(each) for each in (wide * wide, high * high, wide * high)]


def directions(pairs, rows, columns):
    """Of differences across and down in each tile, and of the places of blocks as seen from the image's middle."""
    straight, upright, slanted = np.concatenate([moments(*pair) for pair in pairs], 1)
    trace = straight + upright
    weight = trace / (trace + 4)
    share = weight / (trace + 0.05)
    first, second = share * (straight - upright), 2 * share * slanted
    angle, distance = 2 * np.arctan2(rows, columns), np.hypot(rows, columns)
    radial = (first * np.cos(angle) + second * np.sin(angle)) * (distance > 0)
    far = distance > np.quantile(distance, 0.5, method="lower")
    found = [first, second, np.hypot(first, second), radial, radial * far, weight]
    shares = np.array([each.sum() for each in found]) / (weight.sum() + 0.5)
    return [*shares, np.hypot(*shares[:2])]


def laplacian(light):
    return np.diff(light, n=2)[1:-1] + np.diff(light, n=2, axis=0)[:, 1:-1]


def texture_of_tile(pixels):
    """All but directions, those with names first."""
    light = (LUMA * pixels).sum(0)
    maps = [np.diff(light), np.diff(light, axis=0), np.diff(light, n=2), np.diff(light, n=2, axis=0)]
    maps += [noise_filter(light), light[:, 2:] - light[:, :-2], light[2:] - light[:-2]]
    maps += [light[:, 4:] - light[:, :-4], light[4:] - light[:-4]]
    maps += [light[1:, 1:] - light[:-1, :-1], light[1:, :-1] - light[:-1, 1:]]
    sizes = [np.abs(each) for each in maps]
    blockiness = [np.log((line[7::8].mean() + 0.05) / (line[3::8].mean() + 0.05)) for line in profiles(light)]
    count = len(light) // 8
    first = count // 4 * 8
    return [
        *(np.log((laplacian(light) ** 2).mean() + 0.05), sizes[4].mean() * np.sqrt(np.pi / 2) / 6, sum(blockiness)),
        *of_blocks(sizes),
        *(*steps(sizes[0], (0.5, 3)), *steps(sizes[1], (0.5, 3)), *steps(sizes[4], (0.5, 3, 12, 40))),
        *noise(pixels[:, first : first + count // 2 * 8]),
        *(*grid(profiles(light)[0]), *grid(profiles(light)[1])),
        *spectrum(light),
    ]


def texture(tiles, middles):
    """Those with names, and others; tiles by their places, in halves of a tile from the image's middle."""
    found = np.mean([texture_of_tile(pixels) for pixels in tiles], 0)
    lights = [(LUMA * pixels).sum(0) for pixels in tiles]
    count = len(lights[0]) // 8
    places = [np.indices((count, count)).reshape(2, -1) + 0.5 - np.array(each)[:, None] * count / 2 for each in middles]
    fine = [
        *directions([(np.diff(light), np.diff(light, axis=0)) for light in lights], *np.hstack(places)),
        *directions([(np.diff(each), np.diff(each, axis=0)) for each in map(laplacian, lights)], *np.hstack(places)),
    ]
    return found[:3], [*found[3:], *fine]


def colours(pixels):
    step = pixels.shape[-1] // 32
    # Float32 here: whole levels are counted, and what lies in the middle between two must fall to the same one.
    levels = pixels[:, ::step, ::step].astype(np.float32)
    light = (LUMA.astype(np.float32) * levels).sum(0)
    most, least = levels.max(0), levels.min(0)
    saturation = (most - least) / np.maximum(most, 16) * 255
    looked_at = [np.rint(each).ravel() for each in (light, most, least, saturation)]
    counts = [np.bincount(each.astype(int), minlength=256) / each.size for each in looked_at]
    values = np.array([light, most - least, saturation, *levels], float).reshape(6, -1) / 255
    middle, deviation = values.mean(1), values.std(1)
    together = (values[1:3] * values[0]).mean(1) / (middle[1:3] * middle[0] + 1e-4)
    quantiles = (1e-6, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1 - 1e-4)
    others = [
        *(*middle[2:], *deviation[1:], *together),
        *(share for index in (0, 3) for share in counts[index].reshape(16, 16).sum(1)),
        *(share for each in counts for share in each[[0, 255]]),
        (counts[0] > 0).mean(),
        *(np.quantile(each, quantiles, method="inverted_cdf") / 256 for each in looked_at),
    ]
    return [middle[0], deviation[0], middle[1]], np.hstack(others)


def photograph(name, size):
    return np.asarray(resized(name, size, size)).transpose(2, 0, 1).copy()


def assert_statistics(pixels, tiles, middles):
    (light, more_light), (fine, more_fine) = colours(pixels), texture(tiles, middles)
    found = pixel_statistics(torch.from_numpy(pixels)[None])[0]
    np.testing.assert_allclose(found, np.hstack([light, fine, more_light, more_fine]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", [32, 40, 64, 71])
@pytest.mark.parametrize("name", ["coffee", "chelsea"])
def test_statistics_are_what_plain_arithmetic_gives(name, size):
    pixels = photograph(name, size)
    side = size // 8 * 8
    assert_statistics(pixels, [pixels[:, :side, :side]], [(1, 1)])


def test_four_parts_stand_for_a_large_image():
    pixels = photograph("coffee", 224)
    starts = ((40, 40), (40, 152), (152, 40), (152, 152))
    tiles = [pixels[:, row : row + 32, column : column + 32] for row, column in starts]
    assert_statistics(pixels, tiles, [(3, 3), (3, -1), (-1, 3), (-1, -1)])
