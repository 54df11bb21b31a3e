"""Fits the small model to statistics of held-back images, and counts honestly what it takes them for."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from groupnl.corruptions.names import NAMES
from groupnl.errors import ConfigError
from groupnl.traffic.recogniser import FAR, Floats, Recogniser, kind_leads, said
from groupnl.traffic.record import LOOKS

FOLDS = 5
HIDDEN = 64
EPOCHS = 12
BATCH = 512
# Clean images count so many times: where clean ends matters more than how any two corruptions part.
CLEAN_WEIGHT = 10.0
# Share of clean held-back images that may look like one corruption, about; there are nineteen.
FALSE_LOOKS = 0.004
_RATE = 4e-3
_DECAY = 1e-2
_DROP = 0.2
_LEAST_SCALE = 1e-4
_LEAST_CAUTION = 1.0  # of the logarithm of probabilities


class Fitted(NamedTuple):
    """The small model, and what is known of it.

    Attributes:
        recogniser: fitted to all images.
        confusion: int64 (96, 96), truth and look; each image was recognised by a model that has not seen it.
        log_probabilities: float32 (96, N, 96), what these models said of the images under each look.
    """

    recogniser: Recogniser
    confusion: NDArray[np.int64]
    log_probabilities: Floats


def fit(
    statistics: Floats,
    groups: NDArray[np.int64] | None = None,
    *,
    seed: int = 0,
    progress: Callable[[int], object] = lambda models: None,
) -> Fitted:
    """Fit the small model.

    Args:
        statistics: float32 (96, N, F), of N images under each look, in the order of `record.LOOKS`.
        groups: int64 (N,), images that are parts of one are of one group; None: each is its own. No group is in both of
            a fit and its count.
        seed: of the folds, the first weights and the order of the images.
        progress: told that so many models of `FOLDS` + 1 are done.

    Raises:
        ConfigError: there are fewer groups than folds.
    """
    groups = np.arange(statistics.shape[1]) if groups is None else groups
    log_probabilities = np.empty((*statistics.shape[:2], len(LOOKS)), np.float32)
    for index, (fitted_on, held_back) in enumerate(_folds(groups, seed)):
        model = _fit(statistics[:, fitted_on], seed + index)
        log_probabilities[:, held_back] = _of_each(model, statistics[:, held_back])
        progress(1)
    recogniser = _fit(statistics, seed + FOLDS)._replace(caution=_caution(log_probabilities[0]))
    progress(1)
    return _judged(recogniser, log_probabilities, log_probabilities[0])


def settled(fitted: Fitted, live: Floats) -> Fitted:
    """The same small model, for a place whose clean images are others than the held-back ones.

    What it says of live images is what clean ones look like there, and is taken off. It may become quicker to accuse,
    never slower: else it would not see more of a corruption that some of these images carry.

    Args:
        fitted: to held-back images.
        live: float32 (M, F), statistics of unlabelled images of the traffic, none of them fitted to, M above 0.
    """
    clean = fitted.recogniser.log_probabilities(live)
    caution = np.minimum(fitted.recogniser.caution, _caution(clean))
    return _judged(fitted.recogniser._replace(caution=caution), fitted.log_probabilities, clean)


def _judged(recogniser: Recogniser, log_probabilities: Floats, clean: Floats) -> Fitted:
    """With what is said of corrupted images (96, N, 96), and of clean ones (M, 96) in the place of the first."""
    rows = [said(row, recogniser.caution) for row in (clean, *log_probabilities[1:])]
    confusion = np.stack([np.bincount(row, minlength=len(LOOKS)) for row in rows])
    return Fitted(recogniser, confusion, log_probabilities)


def _folds(groups: NDArray[np.int64], seed: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Positions of the images to fit to, and of those to recognise."""
    names, group_of = np.unique(groups, return_inverse=True)
    if len(names) < FOLDS:
        raise ConfigError(f"{len(names)} images are too few to recognise corruptions by: give {FOLDS} or more")
    fold = np.random.default_rng(seed).permutation(np.arange(len(names)) % FOLDS)[group_of]
    for index in range(FOLDS):
        yield np.flatnonzero(fold != index), np.flatnonzero(fold == index)


def _of_each(model: Recogniser, statistics: Floats) -> Floats:
    flat = model.log_probabilities(statistics.reshape(-1, statistics.shape[2]))
    return flat.reshape(*statistics.shape[:2], len(LOOKS))


def _caution(clean: Floats) -> Floats:
    """How much likelier than clean each corruption must be, so that few of the clean images (N, 96) look like it."""
    leads = kind_leads(clean)
    said_first = np.where(leads == leads.max(axis=1, keepdims=True), leads, 0)
    highest: Floats = np.quantile(said_first, 1 - FALSE_LOOKS, axis=0).astype(np.float32)
    return np.maximum(highest, _LEAST_CAUTION)


def _fit(statistics: Floats, seed: int) -> Recogniser:
    """A model without caution."""
    flat = torch.from_numpy(statistics.reshape(-1, statistics.shape[2]))
    mean, scale = flat.mean(0), flat.std(0).clamp(min=_LEAST_SCALE)
    inputs = ((flat - mean) / scale).clamp(-FAR, FAR)
    truth = torch.arange(len(LOOKS)).repeat_interleave(statistics.shape[1])
    hidden, last = _trained(inputs, truth, Generator().manual_seed(seed))
    recogniser = Recogniser(
        mean=mean.numpy(),
        scale=scale.numpy(),
        hidden_weight=hidden.weight.detach().numpy(),
        hidden_bias=hidden.bias.detach().numpy(),
        weight=last.weight.detach().numpy(),
        bias=last.bias.detach().numpy(),
        caution=np.zeros(len(NAMES), np.float32),
    )
    recogniser.bias[0] -= np.log(CLEAN_WEIGHT)
    return recogniser


def _trained(inputs: Tensor, truth: Tensor, generator: Generator) -> tuple[nn.Linear, nn.Linear]:
    hidden, last = (
        _layer(inputs.shape[1], HIDDEN, generator),
        _layer(HIDDEN, len(LOOKS), generator),
    )
    optimiser = torch.optim.AdamW([*hidden.parameters(), *last.parameters()], lr=_RATE, weight_decay=_DECAY)
    batches = -(-len(inputs) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, EPOCHS * batches)
    weight = torch.ones(len(LOOKS))
    weight[0] = CLEAN_WEIGHT
    for _ in range(EPOCHS):
        for rows in torch.split(torch.randperm(len(inputs), generator=generator), BATCH):
            kept = torch.rand(len(rows), HIDDEN, generator=generator) >= _DROP
            values = hidden(inputs[rows]).relu() * kept / (1 - _DROP)
            loss = F.cross_entropy(last(values), truth[rows], weight)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    return hidden, last


def _layer(inputs: int, outputs: int, generator: Generator) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    with torch.no_grad():
        layer.weight.normal_(0, (2 / inputs) ** 0.5, generator=generator)
        layer.bias.zero_()
    return layer
