"""The training loop: timm's data, augmentation, optimiser, schedule and weight average around a plain loop.

Every epoch begins by seeding all generators with (seed, epoch), so an epoch depends on nothing but the state before it:
a run that was stopped and goes on computes what an unbroken one would have.
"""

import csv
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import timm
import torch
from timm.data import Mixup
from timm.loss import LabelSmoothingCrossEntropy, SoftTargetCrossEntropy
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from timm.utils import ModelEmaV3, dispatch_clip_grad, random_seed
from torch import Tensor, nn
from tqdm import tqdm

import groupnl.models  # noqa: F401 (registers the GroupNL networks)
from groupnl.card import SplitAccuracy
from groupnl.errors import ConfigError
from groupnl.inference.device import choose_device, choose_precision
from groupnl.training.config import TrainConfig
from groupnl.training.data import class_names, eval_loader, train_loader
from groupnl.training.evaluate import evaluate
from groupnl.training.state import Row, load_state, save_state

LOG = "metrics.csv"


class Trainer:
    """One run: `run()` trains to the last epoch, then `measure()` and `weights()` give what came out.

    Everything that a setting can break is built here, before the first step.

    Attributes:
        config: the run's settings.
        classes: class names in the order of the logits.

    Raises:
        ConfigError: a setting that cannot be used, or a state of a run with other settings.
    """

    def __init__(self, config: TrainConfig, restart: bool = False) -> None:
        self.config = config
        self.classes = class_names(config.data / config.train_split)
        self.device = choose_device(config.device)
        precision = _precision(config.precision, self.device)
        self.autocast = torch.autocast(self.device.type, precision, enabled=precision != torch.float32)
        if config.threads:
            torch.set_num_threads(config.threads)
        random_seed(config.seed)
        self.network = self._network()
        self.ema = ModelEmaV3(self.network, decay=config.ema_decay, use_warmup=True) if config.ema_decay else None
        with _refused(f"--opt {config.opt}"):
            self.optimiser = create_optimizer_v2(
                self.network, config.opt, config.lr, config.weight_decay, config.momentum
            )
        with _refused(f"--sched {config.sched}"):
            self.schedule = self._schedule()
        with _refused(f"--aa {config.aa}"):
            self.loader = train_loader(config, self.classes, self.device)
        if len(self.loader) == 0:
            raise ConfigError(
                f"split {config.train_split} has {len(self.loader.dataset)} images, fewer than one batch of "
                f"{config.batch_size}: lower --batch-size"
            )
        self.eval_loaders = {
            split: eval_loader(config, split, self.classes, self.device) for split in config.eval_splits
        }
        self.mixup, self.loss = self._targets()
        self.rows: list[Row] = [] if restart else load_state(config, self._parts())
        if self.rows:
            self._write_log()  # a kill may have come between state and log
        self.steps = self.epoch * len(self.loader)

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.rows)

    def _network(self) -> nn.Module:
        config = self.config
        if not timm.is_model(config.model):
            raise ConfigError(f"model {config.model!r} is unknown to timm; `groupnl models` lists GroupNL's")
        network: nn.Module = timm.create_model(
            config.model, num_classes=len(self.classes), drop_rate=config.drop, drop_path_rate=config.drop_path
        )
        return network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]

    def _schedule(self) -> Any:
        config = self.config
        schedule, _ = create_scheduler_v2(
            self.optimiser,
            config.sched,
            config.epochs,
            warmup_epochs=config.warmup_epochs,
            warmup_lr=config.warmup_lr,
        )
        return schedule

    def _targets(self) -> tuple[Any, nn.Module]:
        config = self.config
        if config.mixup == 0 and config.cutmix == 0:
            return None, LabelSmoothingCrossEntropy(config.smoothing)
        mixup = Mixup(config.mixup, config.cutmix, label_smoothing=config.smoothing, num_classes=len(self.classes))
        return mixup, SoftTargetCrossEntropy()

    def _parts(self) -> dict[str, Any]:
        """Everything with a state that outlasts an epoch."""
        parts = {"network": self.network, "optimiser": self.optimiser, "schedule": self.schedule}
        return parts | ({"ema": self.ema} if self.ema else {})

    @property
    def best(self) -> nn.Module:
        """The network that counts: the averaged one where there is an average."""
        return self.ema.module if self.ema else self.network

    def run(self) -> None:
        """Train the epochs that are left, logging each to `metrics.csv` in the run's folder."""
        while self.epoch < self.config.epochs:
            started = time.monotonic()
            loss = self._epoch()
            seconds = time.monotonic() - started
            self.schedule.step(self.epoch + 1)
            self.rows.append(self._row(loss, seconds))
            save_state(self.config, self.rows, self._parts())
            self._write_log()
            tqdm.write("  ".join(f"{key} {value}" for key, value in self.rows[-1].items()))

    def _epoch(self) -> float:
        """Train one epoch; the mean loss of its steps."""
        random_seed(self.config.seed, self.epoch + 1)
        self.network.train()
        total = torch.zeros((), device=self.device)
        progress = tqdm(self.loader, desc=f"epoch {self.epoch + 1}/{self.config.epochs}", unit="step", leave=False)
        for images, classes in progress:
            total += self._step(images, classes)
        return (total / len(self.loader)).item()

    def _step(self, images: Tensor, classes: Tensor) -> Tensor:
        if self.mixup is not None:
            even = len(images) // 2 * 2  # timm's Mixup pairs the images of a batch
            images, classes = self.mixup(images[:even], classes[:even])
        with self.autocast:
            logits = self.network(images.contiguous(memory_format=torch.channels_last))
        loss: Tensor = self.loss(logits.float(), classes)
        if not torch.isfinite(loss):
            raise ConfigError(f"the loss became {loss.item()} in epoch {self.epoch + 1}: try a lower --lr")
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if self.config.clip_grad:
            dispatch_clip_grad(self.network.parameters(), self.config.clip_grad)
        self.optimiser.step()
        self.steps += 1
        if self.ema:
            self.ema.update(self.network, step=self.steps)
        return loss.detach()

    def measure(self) -> dict[str, SplitAccuracy]:
        """Accuracy on every evaluation split."""
        return {split: evaluate(self.best, loader, self.autocast) for split, loader in self.eval_loaders.items()}

    def weights(self) -> dict[str, Tensor]:
        """State dict of the network that counts."""
        return dict(self.best.state_dict())

    def _row(self, loss: float, seconds: float) -> Row:
        accuracies = {split: f"{accuracy.top1:.4f}" for split, accuracy in self.measure().items()}
        return {"epoch": str(self.epoch + 1), "loss": f"{loss:.4f}", **accuracies, "seconds": f"{seconds:.1f}"}

    def _write_log(self) -> None:
        """Write the log from the state, so that the two never differ."""
        with (self.config.run_folder / LOG).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(self.rows[0]))
            writer.writeheader()
            writer.writerows(self.rows)


def _precision(wanted: Literal["auto", "float32", "bfloat16"], device: torch.device) -> torch.dtype:
    """As for inference, but "auto" is never float16, whose gradients would need scaling."""
    if wanted == "auto" and device.type == "cuda":
        wanted = "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    return choose_precision(wanted, device)


@contextmanager
def _refused(option: str) -> Iterator[None]:
    """Turn timm's complaint about a value into ours, which names the option."""
    try:
        yield
    except (ValueError, AssertionError, RuntimeError, KeyError, TypeError, NotImplementedError) as error:
        raise ConfigError(f"{option} cannot be used: {error}") from error
