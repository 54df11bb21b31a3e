"""The training loop: timm's data, augmentation, optimiser, schedule and weight average around a plain loop.

Every epoch begins by seeding all generators with (seed, epoch), so an epoch depends on nothing but the state before it:
a run that was stopped and goes on computes what an unbroken one would have.
"""

import csv
import time
from typing import Any

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
from groupnl.training.state import load_state, save_state

LOG = "metrics.csv"


class Trainer:
    """One run: `run()` trains to the last epoch, then `measure()` and `weights()` give what came out.

    Attributes:
        config: the run's settings.
        classes: class names in the order of the logits.
        epoch: epochs done.
    """

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.classes = class_names(config.data / config.train_split)
        self.device = choose_device(config.device)
        # Not float16, which "auto" means on CUDA: its gradients would need scaling.
        wanted = "bfloat16" if self.device.type == "cuda" and config.precision == "auto" else config.precision
        precision = choose_precision(wanted, self.device)
        self.autocast = torch.autocast(self.device.type, precision, enabled=precision != torch.float32)
        if config.threads:
            torch.set_num_threads(config.threads)
        random_seed(config.seed)
        self.network = self._network()
        self.ema = self._average()
        self.optimiser = create_optimizer_v2(self.network, config.opt, config.lr, config.weight_decay, config.momentum)
        self.schedule, _ = create_scheduler_v2(
            self.optimiser,
            config.sched,
            config.epochs,
            warmup_epochs=config.warmup_epochs,
            warmup_lr=config.warmup_lr,
        )
        self.loader = train_loader(config, self.classes, self.device)
        self.mixup, self.loss = self._targets()
        self.epoch = load_state(config, self._parts())
        self.steps = 0

    def _network(self) -> nn.Module:
        config = self.config
        if not timm.is_model(config.model):
            raise ConfigError(f"model {config.model!r} is unknown to timm; `groupnl models` lists GroupNL's")
        network: nn.Module = timm.create_model(
            config.model, num_classes=len(self.classes), drop_rate=config.drop, drop_path_rate=config.drop_path
        )
        return network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]

    def _average(self) -> ModelEmaV3 | None:
        decay = self.config.ema_decay
        return ModelEmaV3(self.network, decay=decay, use_warmup=True) if decay else None

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
            self.epoch += 1
            self.schedule.step(self.epoch)
            save_state(self.config, self.epoch, self._parts())
            self._log(loss, time.monotonic() - started)

    def _epoch(self) -> float:
        """Train one epoch; the mean loss of its steps."""
        random_seed(self.config.seed, self.epoch + 1)
        self.steps = self.epoch * len(self.loader)
        self.network.train()
        total = torch.zeros((), device=self.device)
        progress = tqdm(self.loader, desc=f"epoch {self.epoch + 1}/{self.config.epochs}", unit="step", leave=False)
        for images, classes in progress:
            if len(images) == 1:  # batch norm needs two values a channel
                continue
            total += self._step(images, classes)
        return (total / max(len(self.loader), 1)).item()

    def _step(self, images: Tensor, classes: Tensor) -> Tensor:
        if self.mixup is not None:
            if len(images) % 2:  # timm's Mixup pairs the images of a batch
                images, classes = images[:-1], classes[:-1]
            images, classes = self.mixup(images, classes)
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
        return {
            split: evaluate(self.best, eval_loader(self.config, split, self.classes, self.device), self.autocast)
            for split in self.config.eval_splits
        }

    def weights(self) -> dict[str, Tensor]:
        """State dict of the network that counts."""
        return dict(self.best.state_dict())

    def _log(self, loss: float, seconds: float) -> None:
        row: dict[str, Any] = {"epoch": self.epoch, "loss": f"{loss:.4f}"}
        row |= {split: f"{accuracy.top1:.4f}" for split, accuracy in self.measure().items()}
        row |= {"seconds": f"{seconds:.1f}"}
        path = self.config.run_folder / LOG
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            if new:
                writer.writeheader()
            writer.writerow(row)
        tqdm.write("  ".join(f"{key} {value}" for key, value in row.items()))
