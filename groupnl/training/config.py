"""Every setting of a training run. A recipe is a file of these; an option of the command line overrides it."""

import re
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, NonNegativeFloat, PositiveFloat

from groupnl.base.numbers import Share
from groupnl.base.words import number
from groupnl.card import Interpolation
from groupnl.card.card import of_shares
from groupnl.inference.device_names import Device, FloatName

_COMMA = re.compile(r",(?![^{]*\})")  # but not the one in shard-{1,2}.tar


def _split(value: Any) -> Any:
    """On the command line a list is one word with commas."""
    parts = [part for part in _COMMA.split(value) if part] if isinstance(value, str) else value
    return tuple(parts) if isinstance(parts, list) else parts


def _numbers(value: Any) -> Any:
    try:
        return tuple(map(number, _split(value))) if isinstance(value, str) else _split(value)
    except ArgumentTypeError as error:
        raise ValueError(str(error)) from None


def _rising(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] > value[1]:
        raise ValueError("the first must not be above the second")
    return value


Probability = Annotated[float, Field(ge=0, lt=1)]
Names = Annotated[tuple[str, ...], BeforeValidator(_split)]
Channels3 = Annotated[tuple[float, float, float], BeforeValidator(_numbers), AfterValidator(of_shares)]
Deviations3 = Annotated[
    tuple[PositiveFloat, PositiveFloat, PositiveFloat], BeforeValidator(_numbers), AfterValidator(of_shares)
]
Range = Annotated[tuple[Share, Share], BeforeValidator(_numbers), AfterValidator(_rising)]
TrainPrecision = Literal["auto", "amp", FloatName]
Robust = Literal["augmix", "prime", "noise", "pixmix"]


class TrainConfig(BaseModel):
    """One training run. A description is the help text of the command-line option of the same name."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    data: Path = Field(description="folder that holds the splits")
    model: str = Field(description="timm name of the network, GroupNL's included (see `groupnl models`)")
    output: Path | None = Field(
        None, description="checkpoint to write, NAME.safetensors; its page NAME.md goes beside it [runs/MODEL/MODEL]"
    )
    run: Path | None = Field(None, description="folder of the run's log and resumable state [runs/NAME]")
    pth_tar: bool = Field(False, description="also write last.pth.tar into the run's folder, as timm's script does")
    tensorboard: bool = Field(False, description="also write the log as TensorBoard events into the run's folder")

    initial_checkpoint: Path | None = Field(
        None, description="weights to begin from: of the network, or of the standard one of a GroupNL network"
    )
    teacher: Path | None = Field(None, description="checkpoint of a network of the same classes to learn from as well")
    teacher_weight: Share = Field(0.5, description="what the teacher's answers count in the loss, the labels the rest")
    temperature: PositiveFloat = Field(4.0, description="that both networks' logits are divided by to be compared")
    feature_weight: NonNegativeFloat = Field(
        0.0, description="what the relative error of the maps after each block counts beside them; 0: nothing"
    )

    dataset: Literal["folder", "tar", "wds"] = Field(
        "folder", description="a split is: folder, a folder of class folders; tar, such a tar; wds, WebDataset shards"
    )
    classes: str | None = Field(None, description="of wds: file of class names, one a line, or `imagenet`")
    train_split: str = Field("train", description="split to train on")
    eval_splits: Names = Field(("test_emoji", "test_style"), description="splits to measure, comma separated")

    epochs: Annotated[int, Field(ge=1)] = Field(40, description="passes over the training split")
    batch_size: Annotated[int, Field(ge=2)] = Field(128, description="images a step, of each process")
    size: Annotated[int, Field(ge=8, le=1024)] = Field(64, description="side of the input, pixels")
    crop_pct: Annotated[float, Field(gt=0, le=1)] = Field(1.0, description="centre crop's share of the resized image")
    interpolation: Interpolation = Field("bicubic", description="filter of the resize")
    mean: Channels3 | None = Field(
        None, description="of each channel, 0 to 1 [of --initial-checkpoint, else ImageNet's]"
    )
    std: Deviations3 | None = Field(
        None, description="of each channel, 0 to 1 [of --initial-checkpoint, else ImageNet's]"
    )
    train_interpolation: Interpolation | Literal["random"] | None = Field(
        None, description="filter of the training crops, `random`: either [that of the resize]"
    )

    opt: str = Field("adamw", description="timm optimiser")
    opt_eps: PositiveFloat | None = Field(None, description="its epsilon [the optimiser's own]")
    lr: PositiveFloat = Field(2e-3, description="highest learning rate, not scaled by the number of processes")
    weight_decay: NonNegativeFloat = Field(0.05, description="weight decay (not on norms and biases)")
    momentum: NonNegativeFloat = Field(0.9, description="momentum, for optimisers that have one")
    clip_grad: PositiveFloat | None = Field(None, description="largest norm of the gradient")

    sched: str = Field("cosine", description="timm schedule")
    decay_epochs: PositiveFloat = Field(
        90.0, description="epochs from one decay to the next (step schedule); may be 2.4"
    )
    decay_rate: PositiveFloat = Field(0.1, description="factor of each decay (step schedule)")
    warmup_epochs: Annotated[int, Field(ge=0)] = Field(3, description="epochs of linear warm-up")
    warmup_lr: NonNegativeFloat = Field(1e-5, description="learning rate at the start of the warm-up")
    lr_noise: Range | None = Field(None, description="part of the run in which the rate is noisy, e.g. 0.42,0.9")

    drop: Probability = Field(0.0, description="dropout before the classifier")
    drop_path: Probability = Field(0.0, description="stochastic depth")
    smoothing: Probability = Field(0.1, description="label smoothing")
    mixup: NonNegativeFloat = Field(0.0, description="Mixup alpha")
    cutmix: NonNegativeFloat = Field(0.0, description="CutMix alpha")
    ema_decay: Probability = Field(0.0, description="decay of the averaged weights; 0: no average")
    ema_warmup: bool = Field(True, description="let that decay rise to its value in the first steps")
    scale_min: Annotated[float, Field(gt=0, le=1)] = Field(0.4, description="smallest area of a random crop")
    hflip: Share = Field(0.5, description="probability of a horizontal flip")
    color_jitter: NonNegativeFloat = Field(
        0.4, description="strength of the colour jitter, which --aa and --robust take the place of"
    )
    aa: str | None = Field(None, description="timm augmentation policy, e.g. rand-m9-mstd0.5")
    reprob: Share = Field(0.0, description="probability of random erasing")
    remode: Literal["const", "rand", "pixel"] = Field(
        "pixel", description="what is put in its place: black, one random colour, or random pixels"
    )

    robust: Robust | None = Field(
        None, description="augmentation against corruptions that nobody foresaw: augmix, prime, noise or pixmix"
    )
    jsd: NonNegativeFloat = Field(
        0.0,
        description="weight of the Jensen-Shannon divergence between an image and two augmented views of it, each step "
        "then costs three times; 12 as published; 0: one view only",
    )

    seed: Annotated[int, Field(ge=0, lt=2**31)] = Field(42, description="of every random choice")
    device: Device = Field("auto", description="where to train")
    precision: TrainPrecision = Field(
        "auto", description="of the autocast; amp: float16 on CUDA, else auto; auto: the hardware's fastest without it"
    )
    grad_checkpointing: bool = Field(False, description="compute activations again to save memory, where timm can")
    dist_bn: Literal["reduce", "broadcast"] = Field(
        "reduce", description="batch norms' statistics after an epoch: the processes' mean, or the first one's"
    )
    workers: Annotated[int, Field(ge=0)] = Field(
        1, description="processes that load images, of each process; none where several train on CPUs"
    )
    threads: Annotated[int, Field(ge=1)] | None = Field(None, description="CPU threads of the network [all cores]")

    @property
    def mixes(self) -> bool:
        """Whether images of a batch are mixed."""
        return self.mixup > 0 or self.cutmix > 0

    @property
    def checkpoint(self) -> Path:
        """The file that the run writes at its end."""
        return self.output or Path("runs") / self.model / f"{self.model}.safetensors"

    @property
    def name(self) -> str:
        """What the run is called: the checkpoint's name without its ending."""
        return self.checkpoint.name.removesuffix(".safetensors")

    @property
    def run_folder(self) -> Path:
        """Where log and resumable state go."""
        return self.run or Path("runs") / self.name
