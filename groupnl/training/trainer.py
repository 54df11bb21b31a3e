"""The training loop: timm's data, augmentation, optimiser, schedule and weight average around a plain loop.

Every epoch begins by seeding all generators with (seed, epoch, process), so an epoch depends on nothing but the state
before it: a run that was stopped and goes on computes what an unbroken one would have.
"""

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from functools import partial
from typing import Any

import torch
from timm.loss import LabelSmoothingCrossEntropy, SoftTargetCrossEntropy
from timm.utils import ModelEmaV3, random_seed
from torch import Tensor, nn
from tqdm import tqdm

import groupnl.models  # noqa: F401 (registers the GroupNL networks)
from groupnl.base.folder_lock import locked
from groupnl.base.progress import progress
from groupnl.card import ModelCard, SplitAccuracy, TrainingRecord
from groupnl.errors import ConfigError
from groupnl.inference.device import choose_device, choose_precision, precision_name
from groupnl.training.building import build_network, normalised_as
from groupnl.training.config import TrainConfig, TrainPrecision
from groupnl.training.data import begin_epoch, eval_loader, input_config, train_loader
from groupnl.training.distributed import World
from groupnl.training.evaluate import evaluate
from groupnl.training.feature_maps import recorded
from groupnl.training.initial import open_related, origin_of
from groupnl.training.log import Events, Row, write_log
from groupnl.training.optimisation import Optimisation
from groupnl.training.published import save_published
from groupnl.training.robust import jensen_shannon
from groupnl.training.sources import source_of
from groupnl.training.state import forget_state, load_state, save_state
from groupnl.training.teacher import teacher_of
from groupnl.training.views import said

_LOOK_STEPS = 50  # the loss is looked at so often only: a GPU must finish what it has in hand for that


class Trainer:
    """One run: `run()` trains to the last epoch, then `measure()` and `weights()` give what came out.

    Everything that a setting can break is built here, before the first step.

    Args:
        config: the run's settings.
        restart: forget the run's state.
        world: the processes that train together; None: this one alone.

    Attributes:
        config: the run's settings; where none were given, with the mean and deviation of the checkpoint to begin from.
        world: as given.
        classes: class names in the order of the logits.
        origins: the checkpoints that the weights begin from or are taught by.
        robust: what a record says of how the weights were made robust, in this run or before; None: nothing was done.

    Raises:
        ConfigError: a setting that cannot be used, or a state of a run with other settings.
    """

    def __init__(self, config: TrainConfig, restart: bool = False, world: World | None = None) -> None:
        self.world = world or World(choose_device(config.device))
        initial = open_related(config.initial_checkpoint, config.model) if config.initial_checkpoint else None
        self.config = config = normalised_as(initial, config)
        source = source_of(config, self.world)
        self.classes = _several(source.classes())
        self.precision = _precision(config.precision, self.world.device)
        self.autocast = torch.autocast(self.world.device.type, self.precision, enabled=self.precision != torch.float32)
        if config.threads:
            torch.set_num_threads(config.threads)
        random_seed(config.seed)
        self.network, copied = build_network(config, self.classes, initial, self.world.device)
        self.teacher = teacher_of(config, self.network, self.classes, self.world.device)
        self.origins = [origin_of(initial, "begun from", copied)] if initial else []
        self.origins += [self.teacher.origin] if self.teacher else []
        before = initial.card.training if initial and initial.card else None
        self.robust = " ".join(filter(None, (before.robust if before else None, said(config)))) or None
        self.ema = (
            ModelEmaV3(self.network, decay=config.ema_decay, use_warmup=config.ema_warmup) if config.ema_decay else None
        )
        scaler = torch.amp.GradScaler(self.world.device.type, enabled=self.precision == torch.float16)
        self.optimisation = Optimisation(config, self.network, scaler)
        self.loader = train_loader(config, source.training(self.classes), self.world, len(self.classes))
        self.shares = {split: source.evaluation(split, self.classes) for split in config.eval_splits}
        self.eval_loaders = {
            split: eval_loader(config, share.dataset, self.world) for split, share in self.shares.items()
        }
        self.loss = _loss(config)
        self.restart = restart
        self.rows: list[Row] = [] if restart else load_state(config, self._circumstances(), self._parts())
        self._refuse_scattered_states()
        self.events: Events | None = None
        self.steps = self.epoch * len(self.loader)
        self.wrapped: nn.Module = self.network

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.rows)

    def _parts(self) -> dict[str, Any]:
        """Everything with a state that outlasts an epoch."""
        parts = {"network": self.network, **self.optimisation.parts()}
        return parts | ({"ema": self.ema} if self.ema else {})

    def _circumstances(self) -> dict[str, Any]:
        """What must be the same for a run to go on, beside its settings."""
        return {
            "the number of processes": self.world.size,
            "the precision": precision_name(self.precision),
            "the steps of an epoch": len(self.loader),
            "the classes": list(self.classes),
        } | {f"the checkpoint that it was {origin.role}": origin.sha256 for origin in self.origins}

    def _refuse_scattered_states(self) -> None:
        epochs = self.world.each(self.epoch)
        if len(set(epochs)) > 1:
            raise ConfigError(
                f"the processes would go on after different epochs ({', '.join(map(str, epochs))}): "
                f"{self.config.run_folder} must be one folder that all of them see"
            )

    @property
    def best(self) -> nn.Module:
        """The network that counts: the averaged one where there is an average."""
        return self.ema.module if self.ema else self.network

    def run(self) -> None:
        """Train the epochs that are left; the first process writes state and log after each.

        Raises:
            ConfigError: another process works in the run's folder, TensorBoard is missing, or the loss diverges.
        """
        if not self.world.is_main:
            self._train()
            return
        with locked(self.config.run_folder, "name another --run"), self._opened_events() as self.events:
            if self.restart:  # at once: a kill in the first epoch must not leave the state that was to be forgotten
                forget_state(self.config)
            if self.rows:
                self._write_derived()  # a kill may have come between these and the state
            self._train()

    def _opened_events(self) -> AbstractContextManager[Events | None]:
        config = self.config
        return closing(Events(config.run_folder, self.rows)) if config.tensorboard else nullcontext()

    def _train(self) -> None:
        while self.epoch < self.config.epochs:
            self.rows.append(self._row())
            if self.world.is_main:
                self._write()

    def _row(self) -> Row:
        """Train an epoch and measure what came out."""
        started, lr = time.monotonic(), self.optimisation.lr
        loss = self._epoch()
        for network in filter(None, (self.network, self.ema)):
            self.world.share_norms(network, reduce=self.config.dist_bn == "reduce")
        seconds = time.monotonic() - started
        self.optimisation.end_epoch(self.epoch + 1)
        accuracies = {split: f"{accuracy.top1:.4f}" for split, accuracy in self.measure().items()}
        numbers = {"loss": f"{loss:.4f}", **accuracies, "lr": f"{lr:.4g}", "seconds": f"{seconds:.1f}"}
        return {"epoch": str(self.epoch + 1), **numbers}

    def _epoch(self) -> float:
        """Train one epoch; the mean loss of its steps, over all processes."""
        random_seed(self.world.seed(self.config.seed, self.epoch + 1))
        begin_epoch(self.loader, self.epoch, self.config.seed)
        # Anew in every epoch, as in a run that goes on: a wrapper sums gradients in an order that it learns in its
        # first step, and with three processes or more the order shows in the last digits.
        self.wrapped = self.network
        self.wrapped = self.world.wrap(self.network)
        self.network.train()
        total = torch.zeros((), device=self.world.device)
        title = f"epoch {self.epoch + 1}/{self.config.epochs}"
        steps = progress(self.loader, title=title, unit="steps", stays=False, silent=not self.world.is_main)
        for step, (images, classes) in enumerate(steps, 1):
            total += self._step(images, classes)
            if step % _LOOK_STEPS == 0:
                steps.set_postfix(loss=f"{self._finite(total.item() / step):.4f}")
        return self._finite(self.world.total(total).item() / (len(self.loader) * self.world.size))

    def _finite(self, loss: float) -> float:
        if not math.isfinite(loss):
            raise ConfigError(f"the loss became {loss} in epoch {self.epoch + 1}: try a lower --lr")
        return loss

    def _step(self, images: Tensor, classes: Tensor) -> Tensor:
        pixels = images.contiguous(memory_format=torch.channels_last)
        with self.autocast, recorded(self.network, self.teacher.watched if self.teacher else ()) as maps:
            logits = self.wrapped(pixels).float()
        loss = self.loss(logits, classes)
        if self.teacher:
            loss = self.teacher.loss(loss, logits, maps, pixels, self.autocast)
        self.optimisation.step(loss)
        self.steps += 1
        if self.ema:
            self.ema.update(self.network, step=self.steps)
        return loss.detach()

    def measure(self) -> dict[str, SplitAccuracy]:
        """Accuracy on every evaluation split; all processes must ask for it."""
        return {
            split: evaluate(self.best, self.eval_loaders[split], share.images, self.autocast, self.world)
            for split, share in self.shares.items()
        }

    def weights(self) -> dict[str, Tensor]:
        """State dict of the network that counts."""
        return dict(self.best.state_dict())

    def card(self, record: TrainingRecord | None = None) -> ModelCard:
        """The model card, with or without how the weights came to be."""
        config = self.config
        return ModelCard(architecture=config.model, classes=self.classes, input=input_config(config), training=record)

    def _write(self) -> None:
        """Whatever the last epoch leaves on the disk; the state first, because the rest can be made from it."""
        row = self.rows[-1]
        save_state(self.config, self._circumstances(), self.rows, self._parts())
        if self.events:
            self.events.add(row)
        self._write_derived()
        tqdm.write("  ".join(f"{key} {value}" for key, value in row.items()))

    def _write_derived(self) -> None:
        config = self.config
        write_log(config.run_folder, self.rows)
        if config.pth_tar:
            metric = 100 * float(self.rows[-1][config.eval_splits[0]]) if config.eval_splits else None
            averaged = self.ema.module if self.ema else None
            save_published(config, self.card(), self.epoch - 1, self.network, averaged, self.optimisation, metric)


def _loss(config: TrainConfig) -> Callable[[Tensor, Tensor], Tensor]:
    """What is made of logits and classes, as the training loader gives these."""
    if config.jsd:
        return partial(jensen_shannon, smoothing=config.smoothing, weight=config.jsd)
    hard: nn.Module = SoftTargetCrossEntropy() if config.mixes else LabelSmoothingCrossEntropy(config.smoothing)
    return hard


def _several(classes: tuple[str, ...]) -> tuple[str, ...]:
    if len(classes) < 2:
        raise ConfigError(f"there is only the class {classes[0]}: a network needs two or more to tell apart")
    return classes


def _precision(wanted: TrainPrecision, device: torch.device) -> torch.dtype:
    """As for inference, but float16, whose gradients need scaling, comes only where it is asked for."""
    if device.type == "cuda" and wanted == "amp":
        return torch.float16
    if device.type == "cuda" and wanted == "auto":
        wanted = "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    return choose_precision("auto" if wanted == "amp" else wanted, device)
