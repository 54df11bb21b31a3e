"""`groupnl validate`: accuracy of a checkpoint on labelled images, clean and corrupted as ImageNet-C."""

import argparse
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import get_args

import torch
from tqdm import tqdm

from groupnl.base.folder_lock import locked
from groupnl.corruptions import CELLS, NAMES, SEVERITIES, Cell
from groupnl.corruptions.corrupt import MIN_SIDE
from groupnl.errors import ConfigError
from groupnl.inference.device import choose_device, choose_precision, precision_name
from groupnl.inference.engine_names import EngineName
from groupnl.inference.engines.table import engine_kind
from groupnl.inference.ways import Way, why_not
from groupnl.models.trained import Trained, open_trained
from groupnl.validation.figures import figures
from groupnl.validation.heat_map import FILE as HEAT_MAP_FILE
from groupnl.validation.heat_map import draw
from groupnl.validation.image_set import Choice, ImageSet
from groupnl.validation.loader import Making, Part
from groupnl.validation.plan import (
    IMAGENET_C_SIZE,
    Labelling,
    cell_folder,
    cell_folders,
    clean_part,
    file_parts,
    labelling,
    left,
    look_through,
    made_parts,
)
from groupnl.validation.record import FILE, Corrupted, Settings, resumed
from groupnl.validation.report import heading, text, write_files
from groupnl.validation.run import How, Work, validate

_PACKAGES = ("torch", "timm", "pillow", "numpy", "opencv-python-headless")
# Field of InputConfig -> option.
_INPUT = {
    "size": "input_size",
    "crop_pct": "crop_pct",
    "interpolation": "interpolation",
    "mean": "mean",
    "std": "std",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl validate`."""
    add = parser.add_argument
    add("--checkpoint", type=Path, required=True, metavar="FILE", help=".safetensors, or a published .pth.tar")
    add("--architecture", "--model", metavar="NAME", help="timm name of the network (as the checkpoint says)")
    add("--classes", metavar="FILE|imagenet", help="class names, one a line, where the checkpoint has no card")
    add("--no-ema", action="store_true", help="not the averaged weights of a .pth.tar that has both")
    add("--output", type=Path, metavar="DIR", help="of counts and figures (validation/NAME)")
    _add_images(parser.add_argument_group("images"))
    _add_input(parser.add_argument_group("input of the network (as the checkpoint says, else timm's)"))
    _add_running(parser.add_argument_group("running"))


def _add_images(group: "argparse._ArgumentGroup") -> None:
    add = group.add_argument
    add("--data", nargs="+", type=Path, metavar="PATH", help="clean images: folder of class folders, tar, shards")
    source = group.add_mutually_exclusive_group()
    source.add_argument("--imagenet-c", type=Path, metavar="DIR", help="holds <corruption>/<severity>/<class>/<file>")
    source.add_argument("--corrupt", action="store_true", help="corrupt the clean images here")
    add("--corruptions", nargs="+", choices=NAMES, default=NAMES, metavar="NAME", help="only these (all nineteen)")
    add("--severities", nargs="+", type=int, choices=SEVERITIES, default=SEVERITIES, metavar="N", help="(1 to 5)")
    add("--as-published", action="store_true", help="with --corrupt: and JPEG of quality 85, as the published files")
    add("--limit", type=int, metavar="N", help="a random part of so many images of each set (all)")
    add("--seed", type=int, default=0, help="of the random part and of --corrupt (%(default)s)")


def _add_input(group: "argparse._ArgumentGroup") -> None:
    add = group.add_argument
    side = "side, pixels; of ImageNet-C's crop too, which is 224 otherwise"
    add("--input-size", "--size", type=int, metavar="N", help=side)
    add("--crop-pct", type=float, metavar="SHARE", help="of the resized image's shorter side")
    add("--interpolation", choices=["bilinear", "bicubic"], help="of the resize")
    add("--mean", nargs=3, type=float, metavar="X", help="of each channel, 0 to 1")
    add("--std", nargs=3, type=float, metavar="X", help="of each channel, 0 to 1")


def _add_running(group: "argparse._ArgumentGroup") -> None:
    add = group.add_argument
    add("--engine", choices=get_args(EngineName), default="eager", help="(%(default)s)")
    add("--precision", choices=["auto", "float32", "bfloat16", "float16"], default="float32", help="(%(default)s)")
    add("--device", choices=["auto", "cpu", "cuda"], default="auto", help="(%(default)s)")
    add("--batch-size", type=int, default=64, metavar="N", help="(%(default)s)")
    add("--workers", type=int, metavar="N", help="processes that read images; 0: this one (half the cores)")
    add("--threads", type=int, metavar="N", help="CPU threads of the network (the cores that are left)")
    add("--cache", type=Path, metavar="DIR", help="keeps compiled networks for the next run (a temporary folder)")


def run(args: argparse.Namespace) -> int:
    """Measure what is not known yet; print and write the figures.

    Raises:
        ConfigError: an option or image that cannot be used, or a record of something else is in the way.
        CheckpointError: a checkpoint that cannot be used.
    """
    _check(args)
    workers, threads = share_cores(torch.get_num_threads(), args.workers, args.threads)
    torch.set_num_threads(threads)
    way = _way(args)
    trained = open_trained(
        args.checkpoint,
        architecture=args.architecture,
        classes=args.classes,
        given=_given(args),
        averaged=not args.no_ema,
    )
    output = args.output or Path("validation") / args.checkpoint.name.split(".")[0]
    how = How(way, choose_device(args.device), threads, args.batch_size, workers, args.cache)
    labels = _labels(args, trained)
    with locked(output, "name another --output"):
        work = _work(args, trained, way, labels, output / FILE)
        print(heading(work.record.settings, clean=None in work.sets), flush=True)  # before hours of measuring
        record = validate(trained, work, how, output / FILE)
        found = figures(record)
        write_files(record, found, output)
        if found.errors:
            draw(found, trained.architecture, output / HEAT_MAP_FILE)
    print(text(record, found))
    return 0


def share_cores(cores: int, workers: int | None, threads: int | None) -> tuple[int, int]:
    """How many processes read images, and with how many threads the network runs, where nothing else is wanted.

    Together no more than there are cores: threads that wait for one another are slow where they have to share a core.
    """
    if workers is None:
        workers = max(1, cores - threads if threads else cores // 2)
    return workers, threads or max(1, cores - workers)


def _check(args: argparse.Namespace) -> None:
    for option, value, least in (
        ("--limit", args.limit, 1),
        ("--batch-size", args.batch_size, 1),
        ("--threads", args.threads, 1),
        ("--workers", args.workers, 0),
    ):
        if value is not None and value < least:
            raise ConfigError(f"{option} {value}: it must be {least} or more")
    if args.corrupt and args.data is None:
        raise ConfigError("--corrupt needs the clean images: --data")
    if args.data is None and args.imagenet_c is None:
        raise ConfigError("name images with --data, with --imagenet-c, or with both")
    if args.as_published and not args.corrupt:
        raise ConfigError("--as-published is for --corrupt; ImageNet-C's files are as published")


def _way(args: argparse.Namespace) -> Way:
    device = choose_device(args.device)
    precision = choose_precision(args.precision, device)
    if args.precision == "auto":
        precision = engine_kind(args.engine).nearest(precision, device)
    way = Way(False, args.engine, precision)
    if reason := why_not(way, device):
        raise ConfigError(f"--engine {args.engine} on {device}: {reason}")
    return way


def _given(args: argparse.Namespace) -> dict[str, object]:
    return {name: value for name, option in _INPUT.items() if (value := getattr(args, option)) is not None}


def _asked(args: argparse.Namespace) -> list[Cell]:
    return [cell for cell in CELLS if cell.corruption in args.corruptions and cell.severity in args.severities]


def _labels(args: argparse.Namespace, trained: Trained) -> Labelling:
    folders = list(cell_folders(args.imagenet_c, _asked(args)).values()) if args.imagenet_c else []
    return labelling([paths for paths in (args.data, folders[:1]) if paths], trained)


def _work(args: argparse.Namespace, trained: Trained, way: Way, labels: Labelling, path: Path) -> Work:
    asked = _asked(args)
    record = resumed(path, _settings(args, trained, way, labels.imagenet), _corrupted(args, trained))
    # What was measured before is looked through too, where it still lies there: the figures are of all cells together.
    stored = {counts.cell for counts in record.cells if args.corrupt or _lies_there(args.imagenet_c, counts.cell)}
    sets = _sets(args, labels, [cell for cell in CELLS if cell in stored or cell in asked])
    return Work(record, sets, _parts(args, trained, sets, left(record, sets)))


def _lies_there(root: Path | None, cell: Cell) -> bool:
    return root is not None and cell_folder(root, cell).is_dir()


def _sets(args: argparse.Namespace, labels: Labelling, cells: Sequence[Cell]) -> dict[Cell | None, ImageSet]:
    choice = Choice(args.limit, args.seed)
    sets: dict[Cell | None, ImageSet] = {}
    if args.data:
        sets[None] = look_through(args.data, labels, choice)
    if args.corrupt:
        sets |= dict.fromkeys(cells, sets[None])
    if args.imagenet_c:
        folders = tqdm(cell_folders(args.imagenet_c, cells).items(), "looking through", leave=False, unit=" folders")
        sets |= {cell: look_through([folder], labels, choice) for cell, folder in folders}
    return sets


def _parts(
    args: argparse.Namespace, trained: Trained, sets: dict[Cell | None, ImageSet], todo: Sequence[Cell | None]
) -> list[Part]:
    clean = [clean_part(sets[None], trained.input)] if None in todo else []
    cells = [cell for cell in todo if cell is not None]
    if args.corrupt:
        return clean + made_parts(cells, sets[None], trained.input, Making(args.seed, args.as_published))
    return clean + file_parts(cells, sets, args.input_size or IMAGENET_C_SIZE)


def _corrupted(args: argparse.Namespace, trained: Trained) -> Corrupted | None:
    size = trained.input.size
    if args.corrupt:
        if size < MIN_SIDE:
            raise ConfigError(
                f"--corrupt needs an input of {MIN_SIDE} pixels or more; this network's is {size}: --input-size"
            )
        return Corrupted(origin="made", size=size, seed=args.seed, published=args.as_published)
    if args.imagenet_c is None:
        return None
    if trained.says_size and args.input_size is None and size != IMAGENET_C_SIZE:
        raise ConfigError(
            f"{args.checkpoint} takes {size} pixels, and ImageNet-C's crop is {IMAGENET_C_SIZE}: choose with "
            "--input-size"
        )
    return Corrupted(origin="files", size=args.input_size or IMAGENET_C_SIZE)


def _settings(args: argparse.Namespace, trained: Trained, way: Way, imagenet: bool | None) -> Settings:
    return Settings(
        architecture=trained.architecture,
        weights_sha256=trained.sha256,
        averaged=trained.averaged,
        classes=trained.class_count,
        imagenet=imagenet,
        input=trained.input,
        engine=way.engine,
        precision=precision_name(way.precision),
        device=choose_device(args.device).type,
        versions={name: version(name) for name in _PACKAGES},
    )
