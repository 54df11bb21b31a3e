"""Every setting of a training run."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from groupnl.card import Interpolation

Share = Annotated[float, Field(ge=0, le=1)]
Probability = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Precision = Literal["auto", "float32", "bfloat16"]


class TrainConfig(BaseModel):
    """One training run. A description is the help text of the command-line option of the same name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: Path = Field(description="folder with one image folder (of class folders) for each split")
    model: str = Field(description="timm name of the network, GroupNL's included (see `groupnl models`)")
    output: Path = Field(description="checkpoint to write, NAME.safetensors; its page NAME.md goes beside it")
    train_split: str = Field("train", description="split to train on")
    eval_splits: tuple[str, ...] = Field(("test_emoji", "test_style"), description="splits to measure, comma separated")
    run: Path | None = Field(None, description="folder of the run's log and resumable state [runs/NAME]")

    epochs: Annotated[int, Field(ge=1)] = Field(40, description="passes over the training split")
    batch_size: Annotated[int, Field(ge=2)] = Field(128, description="images a step")
    size: Annotated[int, Field(ge=8, le=1024)] = Field(64, description="side of the input, pixels")
    crop_pct: Annotated[float, Field(gt=0, le=1)] = Field(1.0, description="centre crop's share of the resized image")
    interpolation: Interpolation = Field("bicubic", description="filter of the resize")

    opt: str = Field("adamw", description="timm optimiser")
    lr: Positive = Field(2e-3, description="highest learning rate")
    weight_decay: NonNegative = Field(0.05, description="weight decay (not on norms and biases)")
    momentum: NonNegative = Field(0.9, description="momentum, for optimisers that have one")
    sched: str = Field("cosine", description="timm schedule")
    warmup_epochs: Annotated[int, Field(ge=0)] = Field(3, description="epochs of linear warm-up")
    warmup_lr: NonNegative = Field(1e-5, description="learning rate at the start of the warm-up")
    clip_grad: Positive | None = Field(None, description="largest norm of the gradient")

    drop: Probability = Field(0.0, description="dropout before the classifier")
    drop_path: Probability = Field(0.0, description="stochastic depth")
    smoothing: Probability = Field(0.1, description="label smoothing")
    mixup: NonNegative = Field(0.0, description="Mixup alpha")
    cutmix: NonNegative = Field(0.0, description="CutMix alpha")
    ema_decay: Probability = Field(0.0, description="decay of the averaged weights; 0: no average")
    scale_min: Annotated[float, Field(gt=0, le=1)] = Field(0.4, description="smallest area of a random crop")
    hflip: Share = Field(0.5, description="probability of a horizontal flip")
    color_jitter: NonNegative = Field(0.4, description="strength of the colour jitter")
    aa: str | None = Field(None, description="timm augmentation policy, e.g. rand-m9-mstd0.5")
    reprob: Share = Field(0.0, description="probability of random erasing")

    seed: Annotated[int, Field(ge=0)] = Field(42, description="of every random choice")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="where to train")
    precision: Precision = Field("auto", description="of the autocast; auto: the hardware's fastest")
    workers: Annotated[int, Field(ge=0)] = Field(1, description="processes that load images")
    threads: Annotated[int, Field(ge=1)] | None = Field(None, description="CPU threads of the network [all cores]")

    @property
    def name(self) -> str:
        """What the run is called: the checkpoint's name without its ending."""
        return self.output.name.removesuffix(".safetensors")

    @property
    def run_folder(self) -> Path:
        """Where log and resumable state go."""
        return self.run or Path("runs") / self.name
