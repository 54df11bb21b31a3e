"""`groupnl archive`: the options of packing."""

import argparse
from pathlib import Path
from typing import get_args

from pydantic import ValidationError

from groupnl.archive.model_config import ServingSettings
from groupnl.base.yaml_file import read_mapping
from groupnl.card.class_names import read_class_names
from groupnl.errors import ConfigError, problems
from groupnl.inference.engine_names import EngineName

# Compiled when packing: the fastest on every device, and quick to start.
_USUAL_ENGINE: EngineName = "aot"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl archive`."""
    usual = ServingSettings()
    add = parser.add_argument
    add("checkpoint", type=Path, help="safetensors of `groupnl train`, or a published .pth.tar")
    add("--model-name", required=True, metavar="NAME", help="as in /predictions/NAME")
    add("--output", type=Path, default=Path("model_store"), metavar="DIR", help="folder of the archive (%(default)s)")
    add("--version", default="1.0", help="of the model (%(default)s)")
    add("--architecture", metavar="NAME", help="timm name (as the checkpoint says)")
    add("--classes", metavar="FILE|imagenet", help="class names, one a line (as the checkpoint says)")
    add("--input-size", type=int, metavar="PIXELS", help="side of the model input (as the checkpoint says)")
    add("--workers", type=int, default=usual.workers, metavar="N", help="worker processes (%(default)s)")
    add("--batch-size", type=int, default=usual.batch_size, metavar="N", help="most requests in a batch (%(default)s)")
    add("--max-batch-delay-ms", type=int, default=usual.max_batch_delay_ms, metavar="MS", help="(%(default)s)")
    add("--response-timeout-s", type=int, default=usual.response_timeout_s, metavar="S", help="(%(default)s)")
    add("--engine", choices=get_args(EngineName), help=f"what runs the network ({_USUAL_ENGINE}; see docs/engines.md)")
    add("--handler-config", type=Path, metavar="FILE", help="YAML: engine, device, precision, limits")
    add("--probe", type=Path, metavar="DIR", help="labelled images to replay in idle time, one folder for each class")
    add("--robustness", type=Path, metavar="FILE", help="the checkpoint's record of `groupnl robustness`")
    add("--twin", metavar="MODEL", help="served model that answers the same corrupted images, to compare with")
    add("--overwrite", action="store_true", help="replace an archive of that name")


def run(args: argparse.Namespace) -> int:
    """Pack one checkpoint.

    Raises:
        ConfigError: an option that cannot be used.
        CheckpointError: a checkpoint that cannot be used.
        ArchiveError: an archive that cannot be made.
    """
    from groupnl.archive.pack import pack  # torch and timm take seconds; `groupnl serve` needs neither

    archive = pack(
        args.checkpoint,
        args.output,
        args.model_name,
        version=args.version,
        architecture=args.architecture,
        classes=read_class_names(args.classes) if args.classes else None,
        input_size=args.input_size,
        settings=_settings(args),
        probe=args.probe,
        robustness=args.robustness,
        overwrite=args.overwrite,
    )
    print(archive)
    return 0


def _settings(args: argparse.Namespace) -> ServingSettings:
    handler = read_mapping(args.handler_config) if args.handler_config else {}
    handler = {"engine": _USUAL_ENGINE} | handler | ({"engine": args.engine} if args.engine else {})
    if args.twin:
        handler = handler | {"shadow": {**(handler.get("shadow") or {}), "twin": args.twin}}
    given = {name: value for name, value in vars(args).items() if name in ServingSettings.model_fields}
    try:
        return ServingSettings.model_validate(given | {"handler": handler})
    except ValidationError as error:
        raise ConfigError(problems(error)) from None
