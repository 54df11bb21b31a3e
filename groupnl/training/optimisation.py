"""How the weights are stepped: timm's optimiser and schedule, the gradient's clipping and, in float16, its scaling."""

from typing import Any

import torch
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from timm.utils import dispatch_clip_grad
from torch import Tensor, nn

from groupnl.errors import ConfigError
from groupnl.training.config import TrainConfig
from groupnl.training.refusal import refused

# timm's, but for the one that chooses by the test accuracy.
SCHEDULES = ("cosine", "tanh", "step", "multistep", "constant", "poly", "wsd", "rsqrt")


class Optimisation:
    """Everything between a loss and the next weights.

    Args:
        config: the run's settings.
        network: whose weights are stepped.
        scaler: of the loss; disabled where the gradients need none.

    Raises:
        ConfigError: an optimiser or a schedule that cannot be used.
    """

    def __init__(self, config: TrainConfig, network: nn.Module, scaler: torch.amp.GradScaler) -> None:
        self.weights = [weight for weight in network.parameters() if weight.requires_grad]
        self.clip_grad = config.clip_grad
        self.scaler = scaler
        eps = {} if config.opt_eps is None else {"eps": config.opt_eps}
        with refused(f"--opt {config.opt}"):
            self.optimiser = create_optimizer_v2(
                network, config.opt, config.lr, config.weight_decay, config.momentum, **eps
            )
        self.schedule = schedule_of(config, self.optimiser)

    @property
    def lr(self) -> float:
        """The learning rate of the next step."""
        return float(self.optimiser.param_groups[0]["lr"])

    def step(self, loss: Tensor) -> None:
        """Step the weights against the gradient of `loss`, a scalar."""
        self.optimiser.zero_grad()
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        if self.clip_grad:
            self.scaler.unscale_(self.optimiser)
            dispatch_clip_grad(self.weights, self.clip_grad)
        self.scaler.step(self.optimiser)
        self.scaler.update()

    def end_epoch(self, done: int) -> None:
        """Set the learning rate for the epoch that follows so many."""
        self.schedule.step(done)

    def parts(self) -> dict[str, Any]:
        """What has a state that outlasts an epoch."""
        return {"optimiser": self.optimiser, "schedule": self.schedule, "scaler": self.scaler}


def schedule_of(config: TrainConfig, optimiser: torch.optim.Optimizer) -> Any:
    """The schedule, stepped once an epoch.

    Raises:
        ConfigError: one that cannot be used.
    """
    if config.sched in ("none", "plateau"):  # no rate at all, and one that chooses by the test accuracy
        raise ConfigError(f"--sched {config.sched} cannot be used: choose one of {', '.join(SCHEDULES)}")
    with refused(f"--sched {config.sched}"):
        schedule, _ = create_scheduler_v2(
            optimiser,
            config.sched,
            config.epochs,
            decay_epochs=config.decay_epochs,
            decay_rate=config.decay_rate,
            warmup_epochs=config.warmup_epochs,
            warmup_lr=config.warmup_lr,
            noise=config.lr_noise,
            noise_seed=config.seed,
        )
    return schedule
