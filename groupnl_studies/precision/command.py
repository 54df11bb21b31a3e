"""`groupnl study precision`: every engine on a labelled test set, against the published form in eager float32."""

import argparse
import json
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from groupnl.base.cores import usable_cores
from groupnl.base.files import sha256_of
from groupnl.base.short_names import by_short_name
from groupnl.card import ModelCard
from groupnl.errors import ConfigError
from groupnl.inference.device import choose_device
from groupnl.inference.ways import REFERENCE, Way, possible_ways, precision_ways
from groupnl.inference.workshop import Workshop
from groupnl.models import build_model, load_checkpoint
from groupnl.validation.offline import read_images
from groupnl_studies.harness.machine import machine
from groupnl_studies.precision.figures import (
    LARGEST_SHIFT,
    LEAST_AGREEMENT,
    Agreement,
    answers,
    compare,
    summary,
    table,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl study precision`."""
    add = parser.add_argument
    add("checkpoints", nargs="+", type=Path, metavar="CHECKPOINT", help="safetensors file of `groupnl train`")
    add("--data", type=Path, default=Path("data/icons"), metavar="DIR", help="image folders by split (%(default)s)")
    add("--splits", nargs="+", default=["test_emoji", "test_style"], metavar="SPLIT", help="(test_emoji test_style)")
    add("--limit", type=int, metavar="N", help="a random part of so many images (all)")
    add("--engines", nargs="+", metavar="WAY", help="ENGINE-PRECISION, ... (all that are possible here)")
    add("--batch-size", type=int, default=32, metavar="N", help="(%(default)s)")
    add("--threads", type=int, metavar="N", help="CPU threads (all cores)")
    add("--device", choices=["auto", "cpu", "cuda"], default="auto", help="(%(default)s)")
    add("--cache", type=Path, metavar="DIR", help="keeps compiled networks for the next run (a temporary folder)")
    add("--json", type=Path, metavar="FILE", help="write all figures")


def run(args: argparse.Namespace) -> int:
    """Compare, print the table, write the figures.

    Returns:
        1 if a way agrees on too few images, or shifts the accuracy too far.

    Raises:
        ConfigError: an option that cannot be used, or the images are missing.
        CheckpointError: a checkpoint that cannot be used.
        RewriteError: a network cannot be compiled, or gives logits that are not finite.
    """
    _check(args)
    threads = args.threads or usable_cores()
    torch.set_num_threads(threads)
    device = choose_device(args.device)
    ways = possible_ways(args.engines, precision_ways(device), device)
    measured_on = machine()
    found: list[Agreement] = []
    with (
        tempfile.TemporaryDirectory(prefix="groupnl-study-") if args.cache is None else nullcontext(args.cache) as cache
    ):
        for name, checkpoint in by_short_name(args.checkpoints).items():
            found += _study(args, name, checkpoint, ways, Path(cache), device, threads)
    print(table(found))
    if args.json:
        content = _content(args, measured_on, threads, device, found)
        args.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return _verdict(found)


def _study(
    args: argparse.Namespace,
    name: str,
    checkpoint: Path,
    ways: list[Way],
    cache: Path,
    device: torch.device,
    threads: int,
) -> list[Agreement]:
    card, state_dict = _load(checkpoint)
    model = build_model(card.architecture, len(card.classes), state_dict)
    images = read_images(args.data, args.splits, card, args.limit, 0)
    workshop = Workshop(cache, card.input, device, threads)
    identity = sha256_of(checkpoint)
    expected = answers(workshop.engine(REFERENCE, model, identity), images.pixels, args.batch_size)
    found = []
    with tqdm(ways, leave=False, disable=None, unit=" ways") as bar:
        for way in bar:
            bar.set_description(f"{name}: {way.name}")
            engine = workshop.engine(way, model, identity)
            logits = answers(engine, images.pixels, args.batch_size)
            found.append(compare(name, way.name, expected, logits, images.labels))
    return found


def _load(checkpoint: Path) -> tuple[ModelCard, dict[str, torch.Tensor]]:
    loaded = load_checkpoint(checkpoint)
    if loaded.card is None:
        raise ConfigError(f"{checkpoint} has no model card, so its classes and input are not known")
    return loaded.card, loaded.state_dict


def _check(args: argparse.Namespace) -> None:
    for option, value in (("--threads", args.threads), ("--limit", args.limit), ("--batch-size", args.batch_size)):
        if value is not None and value < 1:
            raise ConfigError(f"{option} {value}: it must be 1 or more")
    if not args.data.is_dir():
        raise ConfigError(f"--data {args.data} does not exist: build it with `groupnl data icons --out {args.data}`")
    if args.json and not args.json.parent.is_dir():  # before minutes of measuring
        raise ConfigError(f"--json {args.json}: there is no folder {args.json.parent}; make it first")


def _verdict(found: list[Agreement]) -> int:
    failed = [each for each in found if not each.passes]
    for each in failed:
        print(
            f"groupnl study precision: {each.network} in the way {each.way} agrees on {each.agreement:.2%} of the "
            f"images (at least {LEAST_AGREEMENT:.0%} is wanted) and shifts the accuracy by {100 * each.shift:+.2f} "
            f"points (at most {100 * LARGEST_SHIFT:g}): do not serve it so",
            file=sys.stderr,
        )
    return 1 if failed else 0


def _content(
    args: argparse.Namespace, measured_on: dict[str, Any], threads: int, device: torch.device, found: list[Agreement]
) -> dict[str, Any]:
    return {
        "machine": measured_on,
        "settings": {
            "data": args.data.resolve().name,
            "splits": args.splits,
            "limit": args.limit,
            "batch_size": args.batch_size,
            "threads": threads,
            "device": device.type,
            "reference": REFERENCE.name,
        },
        "wanted": {"least_agreement": LEAST_AGREEMENT, "largest_accuracy_shift": LARGEST_SHIFT},
        "weights_sha256": {name: sha256_of(checkpoint) for name, checkpoint in by_short_name(args.checkpoints).items()},
        "ways": summary(found),
    }
