"""Names in a run's settings that only timm knows, tried before anything is looked for on the disk."""

from collections.abc import Iterator
from contextlib import contextmanager

import timm
from timm.data import create_transform
from timm.optim import list_optimizers
from torch import nn
from torch.amp import GradScaler

import groupnl.models  # noqa: F401 (registers the GroupNL networks)
from groupnl.base.problems import nearest
from groupnl.errors import ConfigError, OptionError
from groupnl.training.config import TrainConfig
from groupnl.training.optimisation import SCHEDULES, Optimisation, schedule_of
from groupnl.training.refusal import refused


def refuse_unknown(config: TrainConfig) -> None:
    """Raise OptionError for a network, an optimiser, a schedule or an augmentation that timm does not know."""
    if not timm.is_model(config.model):
        advice = nearest(config.model, timm.list_models()) or "; `groupnl models` lists GroupNL's"
        raise OptionError(f"--model {config.model!r} is unknown to timm{advice}")
    with _mistyped(nearest(config.opt, list_optimizers())):
        plain = config.model_copy(update={"sched": SCHEDULES[0]})
        optimiser = Optimisation(plain, nn.Linear(1, 1), GradScaler("cpu", enabled=False)).optimiser
    with _mistyped(nearest(config.sched, SCHEDULES)):
        schedule_of(config, optimiser)
    with _mistyped(""), refused(f"--aa {config.aa}"):
        create_transform(config.size, is_training=True, auto_augment=config.aa)


@contextmanager
def _mistyped(advice: str) -> Iterator[None]:
    try:
        yield
    except ConfigError as error:
        raise OptionError(f"{error}{advice}") from error
