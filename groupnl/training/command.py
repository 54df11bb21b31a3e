"""`groupnl train`: options in, checkpoint and model card out."""

import argparse
import shlex
import sys
from importlib.metadata import version
from pathlib import Path

from groupnl.base.atomic_file import write_whole
from groupnl.card import TrainingRecord
from groupnl.card.page import page
from groupnl.datasets.icons.dataset import RECORD, IconSet
from groupnl.errors import ConfigError, OptionError
from groupnl.inference.device import precision_name
from groupnl.models import save_checkpoint
from groupnl.models.traffic import traffic_of
from groupnl.training.config import TrainConfig
from groupnl.training.distributed import World, joined
from groupnl.training.log import FILE as LOG
from groupnl.training.names import refuse_unknown
from groupnl.training.options import Options, add_options, parse
from groupnl.training.robust import VIEWS
from groupnl.training.trainer import Trainer
from groupnl.training.views import said

_PACKAGES = ("torch", "torchvision", "timm", "pillow")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl train`."""
    add_options(parser)


def run(options: Options) -> int:
    """Train, measure, write the checkpoint, its page and its log.

    Raises:
        OptionError: a name that timm does not know, told before anything is looked for.
        ConfigError: another setting that cannot be used, told before the first step.
    """
    config = parse(options)
    if config.checkpoint.suffix != ".safetensors":
        raise OptionError(f"--output {config.checkpoint} must end in .safetensors")
    _refuse_to_overwrite(config)
    refuse_unknown(config)
    config.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    with joined(config.device) as world:
        trainer = Trainer(config, options.restart, world)
        if world.is_main:
            _announce(trainer)
        trainer.run()
        record = _record(trainer)
        if world.is_main:
            _write(trainer, record)
    return 0


def _refuse_to_overwrite(config: TrainConfig) -> None:
    """Refuse an output that a run begins from or learns from: when it is stopped, it could not go on."""
    given = {"--initial-checkpoint": config.initial_checkpoint, "--teacher": config.teacher}
    for option, path in given.items():
        if path is not None and path.resolve() == config.checkpoint.resolve():
            raise OptionError(f"{option} {path} would be overwritten: name another file with --output")


def _announce(trainer: Trainer) -> None:
    config, world = trainer.config, trainer.world
    together = f"{world.size} processes, the first" if world.size > 1 else "one process"
    precision = precision_name(trainer.precision)
    views = f", {VIEWS} views of each" if config.jsd else ""
    print(
        f"{config.model}: {together} on {world.device}, {precision}, {world.size * config.batch_size} images a step"
        f"{views}",
        file=sys.stderr,
    )
    if world.size > 1:
        found = traffic_of(trainer.network)
        print(f"{found.gradients / 1e6:.2f} MB of gradients are averaged in each step", file=sys.stderr)
    if sentence := said(config):
        print(sentence, file=sys.stderr)
    for origin in trainer.origins:
        print(f"{origin.role} {origin.file} ({origin.architecture}): {origin.said}", file=sys.stderr)
    if trainer.epoch:
        print(f"going on after epoch {trainer.epoch} of {config.run_folder}", file=sys.stderr)


def _record(trainer: Trainer) -> TrainingRecord:
    config = trainer.config
    sentence, licences = _describe(config.data)
    return TrainingRecord(
        command=_command(trainer.world),
        seed=config.seed,
        epochs=config.epochs,
        data=sentence,
        licences=licences,
        accuracy=trainer.measure(),
        versions={name: version(name) for name in _PACKAGES},
        origins=tuple(trainer.origins),
        robust=trainer.robust,
    )


def _command(world: World) -> str:
    """What to type to make the weights again; how many processes there were is part of it."""
    program = f"torchrun --nproc-per-node={world.size} -m groupnl.cli" if world.size > 1 else "groupnl"
    return f"{program} {shlex.join(sys.argv[1:])}"


def _write(trainer: Trainer, record: TrainingRecord) -> None:
    config, output = trainer.config, trainer.config.checkpoint
    card = trainer.card(record)
    digest = save_checkpoint(output, trainer.weights(), card)
    write_whole(output.with_suffix(".md"), page(card, output.name, digest))
    write_whole(output.with_suffix(".csv"), (config.run_folder / LOG).read_text(encoding="utf-8"))
    print(f"wrote {output} and its .md and .csv", file=sys.stderr)


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
