"""`groupnl models`: the registered networks with parameters, multiply-accumulates and twin."""

import argparse
from typing import NamedTuple

import timm
import torch
from torch.utils.flop_counter import FlopCounterMode

from groupnl.models.registry import PUBLISHED


class Size(NamedTuple):
    """What a network costs: parameters, and multiply-accumulates of one image."""

    parameters: int
    macs: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--size`."""
    parser.add_argument("--size", type=int, default=224, help="side of the input, pixels [224]")


def run(args: argparse.Namespace) -> int:
    """Print the table."""
    head = ("model", "params M", "MACs M", "twin", "params M", "MACs M")
    print("{:<26} {:>8} {:>8}   {:<22} {:>8} {:>8}".format(*head))
    for variant in PUBLISHED:
        own, twin = size_of(variant.name, args.size), size_of(variant.twin, args.size)
        print(f"{variant.name:<26} {_row(own)}   {variant.twin:<22} {_row(twin)}")
    return 0


def size_of(architecture: str, size: int) -> Size:
    """Parameters and multiply-accumulates (convolutions and matrix products) of one `size` x `size` image.

    Built without memory (torch's meta device): nothing is computed.
    """
    with torch.device("meta"):
        network = timm.create_model(architecture).eval()
        image = torch.empty(1, 3, size, size)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(image)
    # torch counts a multiply-accumulate as two operations.
    return Size(sum(tensor.numel() for tensor in network.parameters()), counter.get_total_flops() // 2)


def _row(found: Size) -> str:
    return f"{found.parameters / 1e6:>8.2f} {found.macs / 1e6:>8.0f}"
