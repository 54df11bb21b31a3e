"""Shadow requests in tests: a short configuration, jobs, and waiting for what the shadow thread does."""

import time
from collections.abc import Callable

import torch
from torch import Tensor

from groupnl.archive.engine import Choice
from groupnl.archive.shadow_config import ShadowConfig
from groupnl.inference.engines.engine import Engine
from groupnl.service.shadow.job import Job

CPU = torch.device("cpu")
EAGER = Choice("eager", CPU, torch.float32)
CONFIG = {"share": 1.0, "corruptions": ("contrast",), "severities": (1, 5), "time_share": 1.0}
Count = Callable[..., float]


def config(**changes: object) -> ShadowConfig:
    return ShadowConfig.model_validate(CONFIG | changes)


def job(engine: Engine, image: Tensor, key: str = "key", label: int | None = None, age_s: float = 0.0) -> Job:
    return Job(key, image, engine(image[None])[0].softmax(dim=0), label, time.monotonic() - age_s)


def until(condition: Callable[[], bool], limit_s: float = 60) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
