"""`groupnl convert`: a trained standard network and unlabelled images in, a GroupNL network out."""

import argparse
import shlex
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat

from groupnl.base.atomic_file import write_whole
from groupnl.base.numbers import Count, Positive, PositiveShare
from groupnl.base.problems import nearest
from groupnl.base.texts import counted
from groupnl.card import ModelCard, TrainingRecord
from groupnl.card.input_options import InputOptions, add_input_arguments
from groupnl.card.page import page
from groupnl.conversion.convert import Converted, Work, convert
from groupnl.conversion.distil import Distillation
from groupnl.conversion.images import find_images
from groupnl.conversion.report import table
from groupnl.errors import ConfigError, OptionError
from groupnl.inference.device import choose_device
from groupnl.inference.device_names import Device
from groupnl.models import VARIANTS, save_checkpoint
from groupnl.models.trained import Trained, open_trained
from groupnl.training.initial import origin_of

REPORT_ENDING = ".conversion.json"
_PACKAGES = ("torch", "timm")
# So many pixels the images of the least squares have together, where their number is not given.
_FIT_PIXELS = 1000 * 224 * 224


class Options(InputOptions):
    """What `groupnl convert` does.

    Attributes:
        checkpoint: of the teacher: a file, or timm's folder for the hub.
        to: the GroupNL network.
        images: folder of images without labels.
        out: checkpoint to write.
        architecture: of the teacher; None: as the checkpoint says.
        classes: file of class names, or `imagenet`; None: as the checkpoint says.
        held_back: share of the images that are only measured with; as many decide which weights are kept.
        squares: parts of each image, at random places, that are images beside it.
        fit_images: images of the least squares; None: as many as have the pixels of a thousand of 224 x 224.
        steps: of the distillation, at most.
        seconds: of the distillation, at most.
        batch_size: images at a time.
        lr: highest learning rate.
        temperature: that logits are divided by.
        feature_weight: what the maps' error counts beside the answers.
        seed: of every random choice.
        workers: processes that read images.
        threads: of the CPU; None: all cores.
        device: where to compute.
    """

    checkpoint: Path
    to: str
    images: Path
    out: Path
    architecture: str | None
    classes: str | None
    held_back: PositiveShare
    squares: Count
    fit_images: Positive | None
    steps: Count
    seconds: PositiveFloat | None
    batch_size: Annotated[int, Field(ge=2)]
    lr: PositiveFloat
    temperature: PositiveFloat
    feature_weight: NonNegativeFloat
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    workers: Count
    threads: Positive | None
    device: Device


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl convert`."""
    add = parser.add_argument
    add("checkpoint", type=Path, help="of the trained network: file, or timm's folder for the hub")
    add("--to", required=True, metavar="NAME", help="the GroupNL network (`groupnl models` lists them)")
    add("--images", type=Path, required=True, metavar="DIR", help="images without labels, in folders or not")
    add("--out", type=Path, required=True, metavar="FILE", help="checkpoint to write, NAME.safetensors")
    add("--architecture", metavar="NAME", help="timm name of the trained network (as the checkpoint says)")
    add("--classes", metavar="FILE|imagenet", help="class names, one a line (as the checkpoint says)")
    apart = "of the images, to measure with; as many decide which weights are kept (%(default)s)"
    add("--held-back", type=float, default=0.1, metavar="SHARE", help=apart)
    squares = "of each image, at random places, that are images beside it (%(default)s)"
    add("--squares", type=int, default=0, metavar="N", help=squares)
    add("--fit-images", type=int, metavar="N", help="of the least squares (as have the pixels of 1000 of 224 x 224)")
    add("--steps", type=int, default=2000, metavar="N", help="of the distillation; 0: none (%(default)s)")
    add("--seconds", type=float, metavar="S", help="of the distillation, at most (as many as the steps take)")
    add("--batch-size", type=int, default=64, metavar="N", help="images at a time (%(default)s)")
    add("--lr", type=float, default=1e-4, help="highest learning rate (%(default)s)")
    add("--temperature", type=float, default=2.0, metavar="T", help="that logits are divided by (%(default)s)")
    add("--feature-weight", type=float, default=1.0, metavar="W", help="of the maps beside the answers (%(default)s)")
    add("--seed", type=int, default=0, metavar="N", help="of every random choice (%(default)s)")
    add("--workers", type=int, default=0, metavar="N", help="processes that read images (%(default)s)")
    add("--threads", type=int, metavar="N", help="of the CPU (all cores)")
    add("--device", default="auto", choices=("auto", "cpu", "cuda"), help="where to compute (%(default)s)")
    add_input_arguments(parser)


def run(options: Options) -> int:
    """Convert, measure, and write the checkpoint, its page and the figures.

    Raises:
        OptionError: a name that cannot be used.
        ConfigError: images or a teacher that cannot be used.
        CheckpointError: a checkpoint that cannot be used.
    """
    if options.to not in VARIANTS:
        advice = nearest(options.to, VARIANTS) or "; `groupnl models` lists them"
        raise OptionError(f"--to {options.to}: it is no GroupNL network{advice}")
    if options.out.suffix != ".safetensors":
        raise OptionError(f"--out {options.out} must end in .safetensors")
    if options.threads:
        torch.set_num_threads(options.threads)
    teacher = open_trained(
        options.checkpoint,
        architecture=options.architecture,
        classes=options.classes,
        given=options.given_input,
    )
    if options.out.resolve() == teacher.path.resolve():
        raise OptionError(f"--out {options.out} is the trained network's own file: name another")
    if teacher.classes is None:
        raise ConfigError(f"{options.checkpoint} does not name its {teacher.class_count} classes: give --classes FILE")
    images = find_images(options.images, options.held_back, options.squares, options.seed)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    converted = convert(teacher, options.to, teacher.classes, images, _work(options, teacher), _say)
    _write(options, teacher, teacher.classes, converted)
    return 0


def _work(options: Options, teacher: Trained) -> Work:
    usual = _FIT_PIXELS // teacher.input.size**2
    return Work(
        fit_images=options.fit_images or usual,
        batch_size=options.batch_size,
        distillation=Distillation(
            options.steps, options.seconds, options.lr, options.temperature, options.feature_weight
        ),
        workers=options.workers,
        seed=options.seed,
        device=choose_device(options.device),
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _write(options: Options, teacher: Trained, classes: tuple[str, ...], converted: Converted) -> None:
    out, conversion = options.out, converted.conversion
    card = ModelCard(
        architecture=options.to,
        classes=classes,
        input=teacher.input,
        training=_record(options, teacher, converted),
    )
    digest = save_checkpoint(out, converted.network.state_dict(), card)
    write_whole(out.with_suffix(".md"), page(card, out.name, digest))
    write_whole(out.with_suffix(REPORT_ENDING), conversion.model_dump_json(indent=1) + "\n")
    print(table(conversion))
    _say(f"wrote {out}, its .md and {out.with_suffix(REPORT_ENDING).name}")


def _record(options: Options, teacher: Trained, converted: Converted) -> TrainingRecord:
    conversion = converted.conversion
    before = teacher.card.training if teacher.card else None
    last = list(conversion.phases.values())[-1]
    squares = f" ({counted(conversion.squares, 'square')} of each beside the files)" if conversion.squares else ""
    data = (
        f"{conversion.images} images of the folder {options.images.name}{squares}, without labels: "
        f"{conversion.fit_images} for the least squares, then {conversion.kept} steps of distillation with "
        f"{options.batch_size} each (as {conversion.deciding} others decided). On {last.images} further ones the best "
        f"class is the teacher's in {last.agreement:.1%}."
    )
    return TrainingRecord(
        command=f"groupnl {shlex.join(sys.argv[1:])}",
        seed=options.seed,
        epochs=conversion.kept * options.batch_size // conversion.images,
        data=data,
        licences=before.licences if before else {},
        accuracy={},
        versions={name: version(name) for name in _PACKAGES},
        origins=(*(before.origins if before else ()), origin_of(teacher, "converted from", converted.copied)),
        robust=before.robust if before else None,
    )
