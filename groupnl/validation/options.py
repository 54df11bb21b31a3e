"""The options of `groupnl validate`."""

import argparse
from pathlib import Path
from typing import get_args

from groupnl.base.numbers import Count, Positive
from groupnl.card.input_options import InputOptions, add_input_arguments
from groupnl.inference.device_names import Device, Precision
from groupnl.inference.engine_names import EngineName
from groupnl.validation.crew.choose import CrewOptions, add_crew_arguments
from groupnl.validation.image_set import ImageChoice
from groupnl.validation.sets.options import SetOptions, add_set_arguments


class Options(SetOptions, InputOptions, CrewOptions):
    """What `groupnl validate` is told."""

    checkpoint: Path
    architecture: str | None
    classes: str | None
    no_ema: bool
    output: Path | None
    limit: Positive | None
    seed: int
    engine: EngineName
    precision: Precision
    device: Device
    batch_size: Positive
    workers: Count | None
    threads: Positive | None
    cache: Path | None

    @property
    def folder(self) -> Path:
        """Where counts and figures go: sets that are named have a folder of their own."""
        names = [self.checkpoint.name.split(".")[0], *(name for name, *_ in self.sets or ())]
        return self.output or Path("validation") / "-".join(names)

    @property
    def choice(self) -> ImageChoice:
        """Which images of a set are used."""
        return ImageChoice(self.limit, self.seed)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl validate`."""
    add = parser.add_argument
    add("--checkpoint", type=Path, required=True, metavar="FILE", help="file, or timm's folder for the hub")
    add("--architecture", "--model", metavar="NAME", help="timm name of the network (as the checkpoint says)")
    add("--classes", metavar="FILE|imagenet", help="class names, one a line, where the checkpoint has no card")
    add("--no-ema", action="store_true", help="not the averaged weights of a checkpoint that has both")
    add("--output", type=Path, metavar="DIR", help="of counts and figures (validation/NAME)")
    _add_images(parser.add_argument_group("images"))
    add_input_arguments(parser, "side, pixels; of ImageNet-C's crop too, which is 224 otherwise")
    _add_running(parser.add_argument_group("running"))


def _add_images(group: "argparse._ArgumentGroup") -> None:
    add_set_arguments(group)
    add = group.add_argument
    add("--limit", type=int, metavar="N", help="a random part of so many images of each set (all)")
    add("--seed", type=int, default=0, help="of the random part and of --corrupt (%(default)s)")


def _add_running(group: "argparse._ArgumentGroup") -> None:
    add = group.add_argument
    add("--engine", choices=get_args(EngineName), default="eager", help="(%(default)s)")
    add("--precision", choices=get_args(Precision), default="float32", help="(%(default)s)")
    add("--device", choices=get_args(Device), default="auto", help="(%(default)s)")
    add("--batch-size", type=int, default=64, metavar="N", help="(%(default)s)")
    add("--workers", type=int, metavar="N", help="processes that read images; 0: this one (half the cores)")
    add("--threads", type=int, metavar="N", help="CPU threads of the network (the cores that are left)")
    add("--cache", type=Path, metavar="DIR", help="keeps compiled networks for the next run (a temporary folder)")
    add_crew_arguments(group)
