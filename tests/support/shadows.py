"""Shadow requests in tests: a short configuration, jobs, and what tells that they are answered."""

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
# A pair is counted under one name after the other; under this one when it is counted under all others, and told to all.
PAIRS_DONE = "groupnl_shadow_pair_seconds_count"


class Linear:
    """A network whose best class changes easily."""

    def __call__(self, pixels: Tensor) -> Tensor:
        weights = torch.randn(192, 7, generator=torch.Generator().manual_seed(0))
        small = torch.nn.functional.avg_pool2d(pixels.float() / 255, 8)
        return small.flatten(1) @ weights

    def warm_up(self, max_batch: int) -> None:
        pass


def config(**changes: object) -> ShadowConfig:
    return ShadowConfig.model_validate(CONFIG | changes)


def job(engine: Engine, image: Tensor, key: str = "key", label: int | None = None, age_s: float = 0.0) -> Job:
    return Job(key, image, engine(image[None])[0].softmax(dim=0), label, time.monotonic() - age_s)
