"""`groupnl train`: options in, checkpoint and model card out."""

import argparse
import shlex
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticUndefined

from groupnl.card import ModelCard, TrainingRecord
from groupnl.card_page import page
from groupnl.errors import ConfigError
from groupnl.models import save_checkpoint
from groupnl.training.config import TrainConfig
from groupnl.training.data import input_config
from groupnl.training.icons.dataset import RECORD, IconSet
from groupnl.training.trainer import LOG, Trainer

_PACKAGES = ("torch", "torchvision", "timm", "pillow")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One option for each field of `TrainConfig`, and --restart."""
    for name, field in TrainConfig.model_fields.items():
        required = field.is_required()
        shown = "" if required or field.default is None else f" [{_text(field.default)}]"
        default = None if field.default is PydanticUndefined else argparse.SUPPRESS
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            required=required,
            default=default,
            metavar="VALUE",
            help=f"{field.description}{shown}".replace("%", "%%"),
        )
    parser.add_argument("--restart", action="store_true", help="forget the run's state and begin anew")


def _text(value: Any) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


def parse(args: argparse.Namespace) -> TrainConfig:
    """The settings that the options say.

    Raises:
        ConfigError: a value that does not fit, naming its option.
    """
    given = {name: getattr(args, name) for name in TrainConfig.model_fields if hasattr(args, name)}
    if isinstance(splits := given.get("eval_splits"), str):
        given["eval_splits"] = [split for split in splits.split(",") if split]
    try:
        return TrainConfig(**given)
    except ValidationError as error:
        first = error.errors()[0]
        option = "--" + str(first["loc"][0]).replace("_", "-")
        raise ConfigError(f"{option} {first['input']!r}: {first['msg']}") from error


def run(args: argparse.Namespace) -> int:
    """Train, measure, write the checkpoint, its page and its log.

    Raises:
        ConfigError: a setting that cannot be used, told before the first step.
    """
    config = parse(args)
    if config.output.suffix != ".safetensors":
        raise ConfigError(f"--output {config.output} must end in .safetensors")
    config.output.parent.mkdir(parents=True, exist_ok=True)
    sentence, licences = _describe(config.data)
    trainer = Trainer(config, args.restart)
    if trainer.epoch:
        print(f"going on after epoch {trainer.epoch} of {config.run_folder}", file=sys.stderr)
    trainer.run()
    record = _record(config, trainer, sentence, licences)
    given = input_config(config)
    card = ModelCard(architecture=config.model, classes=trainer.classes, input=given, training=record)
    digest = save_checkpoint(config.output, trainer.weights(), card)
    config.output.with_suffix(".md").write_text(page(card, config.output.name, digest), encoding="utf-8")
    shutil.copyfile(config.run_folder / LOG, config.output.with_suffix(".csv"))
    print(f"wrote {config.output} and its .md and .csv", file=sys.stderr)
    return 0


def _record(config: TrainConfig, trainer: Trainer, sentence: str, licences: dict[str, str]) -> TrainingRecord:
    return TrainingRecord(
        command=shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        seed=config.seed,
        epochs=config.epochs,
        data=sentence,
        licences=licences,
        accuracy=trainer.measure(),
        versions={name: version(name) for name in _PACKAGES},
    )


def _describe(data: Path) -> tuple[str, dict[str, str]]:
    """What the images are and their licences; of images that are not ours only the folder's name is known."""
    unknown = f"Image folder {data.name}."
    if not (data / RECORD).is_file():
        return unknown, {}
    try:
        icons = IconSet.read(data)
    except ConfigError as error:
        print(f"the model card will not describe the data: {error}", file=sys.stderr)
        return unknown, {}
    return icons.sentence, icons.licences
