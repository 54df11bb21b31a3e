"""`groupnl models`: the registered networks with parameters, multiply-accumulates and twin; or what training sends."""

import argparse

import timm
import torch
from torch import nn

from groupnl.base.numbers import Positive
from groupnl.base.options import Options as BaseOptions
from groupnl.models.registry import CIFAR, PADDED, PUBLISHED
from groupnl.models.size import NetworkSize, size_of
from groupnl.models.traffic import Traffic, traffic_of


class Options(BaseOptions):
    """What `groupnl models` is told."""

    size: Positive
    traffic: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--size`, `--traffic`."""
    parser.add_argument("--size", type=int, default=224, help="side of the input, pixels [224]")
    parser.add_argument(
        "--traffic", action="store_true", help="instead: bytes that processes which train together exchange each step"
    )


def run(options: Options) -> int:
    """Print the table."""
    if options.traffic:
        return _print_traffic()
    head = ("model", "params M", "MACs M", "twin", "params M", "MACs M")
    print("{:<26} {:>8} {:>8}   {:<22} {:>8} {:>8}".format(*head))
    for variant in PUBLISHED:
        own, twin = (size_of(_without_memory(name), options.size) for name in (variant.name, variant.twin))
        print(f"{variant.name:<26} {_row(own)}   {variant.twin:<22} {_row(twin)}")
    print("\nregistered too, but not published:")
    for variant in (*CIFAR, *PADDED):
        print(f"{variant.name:<43}   {variant.twin}")
    return 0


def _print_traffic() -> int:
    """Print megabytes a step, 1000 classes, float32."""
    head = ("model", "gradients", "buffers", "twin", "gradients", "buffers", "of the twin's")
    print("{:<26} {:>9} {:>8}   {:<22} {:>9} {:>8}  {:>13}".format(*head))
    for variant in PUBLISHED:
        own, twin = (traffic_of(_without_memory(name)) for name in (variant.name, variant.twin))
        share = f"{own.gradients / twin.gradients:.1%}"
        print(f"{variant.name:<26} {_megabytes(own)}   {variant.twin:<22} {_megabytes(twin)}  {share:>13}")
    return 0


def _megabytes(found: Traffic) -> str:
    return f"{found.gradients / 1e6:>9.2f} {found.buffers / 1e6:>8.2f}"


def _without_memory(architecture: str) -> nn.Module:
    """Built on torch's meta device, where nothing is computed."""
    with torch.device("meta"):
        network: nn.Module = timm.create_model(architecture)
    return network


def _row(found: NetworkSize) -> str:
    return f"{found.parameters / 1e6:>8.2f} {found.macs / 1e6:>8.0f}"
