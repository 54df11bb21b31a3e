"""`groupnl archive`: the options of packing."""

import argparse
import sys
from pathlib import Path
from typing import Any, Self, get_args

from pydantic import model_validator

from groupnl.archive.manifest import ModelName, VersionName
from groupnl.archive.model_config import ServingSettings
from groupnl.base.mapping import deep_merge
from groupnl.base.options import SettingsOptions, read_settings
from groupnl.card.input_options import InputOptions, add_input_arguments
from groupnl.inference.device_names import ServedPrecision
from groupnl.inference.engine_names import AUTO, WITH_INT8, EngineChoice, EngineName


class Options(InputOptions, SettingsOptions):
    """What `groupnl archive` packs; the settings are those of `ServingSettings`.

    Attributes:
        checkpoint: a file, or timm's folder for the hub.
        model_name: as in ``/predictions/NAME``.
        output: folder of the archive.
        version: of the model.
        architecture: timm name; None: as the checkpoint says.
        classes: file of class names, or an ImageNet; None: as the checkpoint says.
        engine: what runs the network; None: as `handler_config` says, else the usual one.
        precision: of the network's products; None: as `handler_config` says, else the fastest float.
        calibrate: for int8, folder of images that say in which steps to count.
        prove: for int8, folder of images that prove it; labelled ones in one folder for each class.
        handler_config: YAML of the `handler` section.
        probe: folder of labelled images, one folder for each class.
        robustness: the checkpoint's record of `groupnl robustness`.
        traffic: what `groupnl traffic` found with the checkpoint.
        groups: file of groups of classes.
        twin: served model to compare with.
        overwrite: replace an archive of that name.
    """

    checkpoint: Path
    model_name: ModelName
    output: Path
    version: VersionName
    architecture: str | None
    classes: str | None
    engine: EngineChoice | None
    precision: ServedPrecision | None
    calibrate: Path | None
    prove: Path | None
    handler_config: Path | None
    probe: Path | None
    robustness: Path | None
    traffic: Path | None
    groups: Path | None
    twin: ModelName | None
    overwrite: bool

    @model_validator(mode="after")
    def _twin_is_another(self) -> Self:
        if self.twin == self.model_name:
            raise ValueError(f"--twin {self.twin} is the model itself: name another")
        return self


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl archive`."""
    usual = ServingSettings()
    add = parser.add_argument
    add("checkpoint", type=Path, help="of `groupnl train` or of another program: file, or timm's folder for the hub")
    add("--model-name", required=True, metavar="NAME", help="as in /predictions/NAME")
    add("--output", type=Path, default=Path("model_store"), metavar="DIR", help="folder of the archive (%(default)s)")
    add("--version", default="1.0", help="of the model (%(default)s)")
    add("--architecture", metavar="NAME", help="timm name (as the checkpoint says)")
    add("--classes", metavar="FILE|NAME", help="class names, one a line, or an ImageNet's (as the checkpoint says)")
    add("--workers", type=int, default=usual.workers, metavar="N", help="worker processes (%(default)s)")
    add("--batch-size", type=int, default=usual.batch_size, metavar="N", help="most requests in a batch (%(default)s)")
    add("--max-batch-delay-ms", type=int, default=usual.max_batch_delay_ms, metavar="MS", help="(%(default)s)")
    add("--response-timeout-s", type=int, default=usual.response_timeout_s, metavar="S", help="(%(default)s)")
    add("--engine", choices=(AUTO, *get_args(EngineName)), help=f"what runs the network ({AUTO}: the fastest)")
    add("--precision", choices=get_args(ServedPrecision), help="of the network's products (auto: the fastest float)")
    add("--calibrate", type=Path, metavar="DIR", help="int8: images like those that will come (half of --probe)")
    add(
        "--prove",
        type=Path,
        metavar="DIR",
        help="int8: images for the proof, in class folders if labelled (the other half)",
    )
    add("--handler-config", type=Path, metavar="FILE", help="YAML: engine, device, precision, limits")
    add("--probe", type=Path, metavar="DIR", help="labelled images to replay in idle time, one folder for each class")
    add("--robustness", type=Path, metavar="FILE", help="the checkpoint's record of `groupnl robustness`")
    add("--traffic", type=Path, metavar="FILE", help="what `groupnl traffic` found with the checkpoint")
    add(
        "--groups",
        type=Path,
        metavar="FILE",
        help="classes that belong together (ImageNet's: WordNet; else confused ones)",
    )
    add("--twin", metavar="MODEL", help="served model that answers the same corrupted images, to compare with")
    add("--overwrite", action="store_true", help="replace an archive of that name")
    add_input_arguments(parser)


def run(options: Options) -> int:
    """Pack one checkpoint.

    Raises:
        ConfigError: an option that cannot be used.
        CheckpointError: a checkpoint that cannot be used.
        ArchiveError: an archive that cannot be made.
    """
    from groupnl.archive.pack import pack  # torch and timm take seconds; `groupnl serve` needs neither

    archive = pack(
        options.checkpoint,
        options.output,
        options.model_name,
        version=options.version,
        architecture=options.architecture,
        classes=options.classes,
        given_input=options.given_input,
        settings=_settings(options),
        probe=options.probe,
        robustness=options.robustness,
        traffic=options.traffic,
        groups=options.groups,
        calibrate=options.calibrate,
        prove=options.prove,
        overwrite=options.overwrite,
        say=_say,
    )
    print(archive)
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _settings(options: Options) -> ServingSettings:
    from groupnl.archive.handler_config import HandlerConfig  # imports torch

    # What is wrong in the file is told with its name; of what is right only what stands there goes on.
    handler = read_settings(HandlerConfig, {}, options.handler_config).model_dump(mode="json", exclude_unset=True)
    named = {"engine": options.engine, "precision": options.precision}
    changes: dict[str, Any] = {name: value for name, value in named.items() if value}
    if options.twin:
        changes["shadow"] = {"twin": options.twin}
    handler = deep_merge({"engine": AUTO} | handler, changes)
    if handler["engine"] == AUTO and handler.get("precision") == "int8":
        handler["engine"] = WITH_INT8  # nothing to choose from, and nothing to time
    return read_settings(ServingSettings, options.settings | {"handler": handler})
