"""The options of `groupnl validate`."""

import argparse
from pathlib import Path
from typing import Self, get_args

from pydantic import model_validator

from groupnl.base.numbers import Count, Positive
from groupnl.card.input_options import InputOptions, add_input_arguments
from groupnl.corruptions import BENCHMARK, CELLS, NAMES, SEVERITIES, VALIDATION, Cell
from groupnl.inference.device_names import Device, Precision
from groupnl.inference.engine_names import EngineName
from groupnl.validation.crew.choose import CrewOptions, add_crew_arguments
from groupnl.validation.image_set import ImageChoice


class Options(InputOptions, CrewOptions):
    """What `groupnl validate` is told."""

    checkpoint: Path
    architecture: str | None
    classes: str | None
    no_ema: bool
    output: Path | None
    data: tuple[Path, ...] | None
    imagenet_c: Path | None
    corrupt: bool
    corruptions: tuple[str, ...] | None
    severities: tuple[int, ...]
    as_published: bool
    limit: Positive | None
    seed: int
    engine: EngineName
    precision: Precision
    device: Device
    batch_size: Positive
    workers: Count | None
    threads: Positive | None
    cache: Path | None

    @model_validator(mode="after")
    def _images_are_named(self) -> Self:
        if self.corrupt and self.data is None:
            raise ValueError("--corrupt needs the clean images: --data")
        if self.data is None and self.imagenet_c is None:
            raise ValueError("name images with --data, with --imagenet-c, or with both")
        chosen = {"--corruptions": self.corruptions, "--severities": self.severities != tuple(SEVERITIES)}
        if any(chosen.values()) and not (self.corrupt or self.imagenet_c):
            option = next(name for name, given in chosen.items() if given)
            raise ValueError(f"{option} chooses among corrupted images: give --corrupt or --imagenet-c with it")
        if self.as_published and not self.corrupt:
            raise ValueError("--as-published is for --corrupt; ImageNet-C's files are as published")
        return self

    @property
    def folder(self) -> Path:
        """Where counts and figures go."""
        return self.output or Path("validation") / self.checkpoint.name.split(".")[0]

    @property
    def cells(self) -> list[Cell]:
        """The cells that were asked for, in the official order."""
        names = self.corruptions or (BENCHMARK + VALIDATION if self.imagenet_c else NAMES)
        return [cell for cell in CELLS if cell.corruption in names and cell.severity in self.severities]

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
    add = group.add_argument
    add("--data", nargs="+", type=Path, metavar="PATH", help="clean images: folder of class folders, tar, shards")
    source = group.add_mutually_exclusive_group()
    source.add_argument("--imagenet-c", type=Path, metavar="DIR", help="holds <corruption>/<severity>/<class>/<file>")
    source.add_argument("--corrupt", action="store_true", help="corrupt the clean images here")
    add("--corruptions", nargs="+", choices=NAMES, metavar="NAME", help="only these (all nineteen)")
    add("--severities", nargs="+", type=int, choices=SEVERITIES, default=SEVERITIES, metavar="N", help="(1 to 5)")
    add("--as-published", action="store_true", help="with --corrupt: and JPEG of quality 85, as the published files")
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
