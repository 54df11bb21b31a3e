"""What is expected of the traffic: clean answers as counts, and what held-back images look like in every cell."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from groupnl.card import InputConfig
from groupnl.corruptions import corrupt_each
from groupnl.corruptions.names import NAMES, Cell
from groupnl.errors import ConfigError
from groupnl.images.folders import LabelledFile, image_files, read_pixels
from groupnl.inference.engines.engine import Engine
from groupnl.metrics import CONFIDENCE, ENTROPY, NONE
from groupnl.robustness.replay import spec_of
from groupnl.traffic.calibration import expected_calibration_error, fit_temperature
from groupnl.traffic.drift import SHARE_MARGIN
from groupnl.traffic.estimated import estimate
from groupnl.traffic.fit import Fitted
from groupnl.traffic.mixture import share_weights
from groupnl.traffic.record import CLASSES, LOOKS
from groupnl.traffic.statistics import COUNT, STATISTICS, pixel_statistics
from groupnl.validation.offline import HeldBack

REFERENCE = 1000  # images of which the statistics are kept, at most


class CleanAnswers(NamedTuple):
    """What a network answers without corruption; the fields are those of `TrafficRecord`."""

    temperature: float
    ece: float
    ece_calibrated: float
    confidence: tuple[int, ...]
    entropy: tuple[int, ...]
    predicted: dict[str, int]


def clean_answers(engine: Engine, images: HeldBack, classes: Sequence[str], batch_size: int = 64) -> CleanAnswers:
    """Answer the images, and count.

    Args:
        engine: the network.
        images: labelled ones.
        classes: names, in the order of the logits.
        batch_size: images at a time.

    Raises:
        ConfigError: an answer is not finite.
    """
    logits = torch.cat([engine(batch) for batch in torch.split(images.pixels, batch_size)]).double()
    if not bool(logits.isfinite().all()):
        raise ConfigError("the network's answers are not finite: nothing can be expected of its traffic")
    temperature = fit_temperature(logits, images.labels)
    confidence, best = logits.softmax(1).max(1)
    right = best == images.labels
    calibrated = (logits / temperature).softmax(1).amax(1)
    log_probabilities = logits.log_softmax(1)
    entropy = -(log_probabilities.exp() * log_probabilities).sum(1) / max(np.log(len(classes)), 1e-9)
    names = Counter(classes[index] for index in best.tolist())
    return CleanAnswers(
        temperature=temperature,
        ece=expected_calibration_error(confidence, right),
        ece_calibrated=expected_calibration_error(calibrated, right),
        confidence=_by_bucket(confidence, CONFIDENCE.buckets),
        entropy=_by_bucket(entropy, ENTROPY.buckets),
        predicted=dict(names.most_common(CLASSES)),
    )


def _by_bucket(values: Tensor, buckets: tuple[float, ...]) -> tuple[int, ...]:
    """Each value counts in the first bucket whose bound it does not exceed; the last takes the rest."""
    places = torch.bucketize(values, torch.tensor(buckets, dtype=values.dtype)).clamp(max=len(buckets) - 1)
    return tuple(torch.bincount(places, minlength=len(buckets)).tolist())


def statistics_in_all_cells(
    images: HeldBack, seed: int, batch_size: int = 64, progress: Callable[[int], object] = lambda images: None
) -> NDArray[np.float32]:
    """Statistics of the images without corruption and in every cell.

    Args:
        images: N of them.
        seed: of the corruptions, beside each image's key.
        batch_size: images at a time.
        progress: told how many images are done, of 96 N.

    Returns:
        float32 (96, N, statistics), in the order of `record.LOOKS`.
    """
    found = np.empty((len(LOOKS), len(images.keys), COUNT), np.float32)
    for index, look in enumerate(LOOKS):
        for start in range(0, len(images.keys), batch_size):
            rows = slice(start, start + batch_size)
            found[index, rows] = pixel_statistics(_as(look, images, rows, seed))
            progress(len(images.keys[rows]))
    return found


def reference(clean: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """The people's statistics of clean images (N, F), of `REFERENCE` of them at most: (statistics, N), sorted."""
    count = len(clean)
    chosen = np.random.default_rng(seed).permutation(count)[:REFERENCE]
    return np.sort(clean[chosen, : len(STATISTICS)].T, axis=1)


def live_statistics(
    folder: Path, config: InputConfig, least: int, limit: int | None, seed: int, batch_size: int = 64
) -> NDArray[np.float32]:
    """Statistics of unlabelled images of the traffic.

    Args:
        folder: holds them, and no other folder.
        config: of the network's input.
        least: so many are needed.
        limit: a random part of so many; None: all.
        seed: of the choice.
        batch_size: images at a time.

    Returns:
        float32 (N, statistics).

    Raises:
        ConfigError: there are fewer, or one cannot be used.
    """
    files = image_files(folder)
    if len(files) < least:
        raise ConfigError(
            f"{folder} has {len(files)} images; give {least} or more, as many as held-back ones, or lower --limit"
        )
    if limit is not None and limit < len(files):
        files = random.Random(seed).sample(files, limit)  # noqa: S311 (a choice of images, no secret)
    pixels = read_pixels([LabelledFile(path, 0) for path in files], config)
    return np.concatenate([pixel_statistics(batch) for batch in torch.split(pixels, batch_size)])


def looks_carried(fitted: Fitted, statistics: NDArray[np.float32]) -> dict[str, float]:
    """Which corruptions images surely carry, the largest share first.

    Args:
        fitted: says what they look like.
        statistics: float32 (N, statistics), of the images.

    Returns:
        Corruption -> share of the images, 0 to 1; where the lower end of its interval is above `SHARE_MARGIN`.
    """
    cells = [LOOKS[look] for look in fitted.recogniser.looks(statistics)]
    counts = Counter(NONE if cell is None else cell.corruption for cell in cells)
    weights, images = share_weights(fitted.confusion), float(fitted.confusion[0].sum())
    shares = {name: estimate(counts, weights[name], images) for name in NAMES}
    told = {name: share.value for name, share in shares.items() if share is not None and share.low > SHARE_MARGIN}
    return dict(sorted(told.items(), key=lambda item: -item[1]))


def _as(look: Cell | None, images: HeldBack, rows: slice, seed: int) -> Tensor:
    pixels = images.pixels[rows]
    return pixels if look is None else corrupt_each(pixels, [spec_of(key, look, seed) for key in images.keys[rows]])
