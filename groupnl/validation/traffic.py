"""What is expected of the traffic: clean answers as counts, and what held-back images look like in every cell."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from groupnl.corruptions import corrupt_each
from groupnl.corruptions.names import Cell
from groupnl.errors import ConfigError
from groupnl.inference.engines.engine import Engine
from groupnl.metrics import CONFIDENCE, ENTROPY
from groupnl.robustness.replay import spec_of
from groupnl.traffic.calibration import expected_calibration_error, fit_temperature
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


def _as(look: Cell | None, images: HeldBack, rows: slice, seed: int) -> Tensor:
    pixels = images.pixels[rows]
    return pixels if look is None else corrupt_each(pixels, [spec_of(key, look, seed) for key in images.keys[rows]])
