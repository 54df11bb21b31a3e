"""`groupnl models`: the registered networks with parameters, multiply-accumulates and twin."""

import argparse

import timm
import torch

from groupnl.models.registry import PUBLISHED
from groupnl.models.size import Size, size_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--size`."""
    parser.add_argument("--size", type=int, default=224, help="side of the input, pixels [224]")


def run(args: argparse.Namespace) -> int:
    """Print the table."""
    head = ("model", "params M", "MACs M", "twin", "params M", "MACs M")
    print("{:<26} {:>8} {:>8}   {:<22} {:>8} {:>8}".format(*head))
    for variant in PUBLISHED:
        own, twin = _size(variant.name, args.size), _size(variant.twin, args.size)
        print(f"{variant.name:<26} {_row(own)}   {variant.twin:<22} {_row(twin)}")
    return 0


def _size(architecture: str, size: int) -> Size:
    with torch.device("meta"):
        return size_of(timm.create_model(architecture), size)


def _row(found: Size) -> str:
    return f"{found.parameters / 1e6:>8.2f} {found.macs / 1e6:>8.0f}"
