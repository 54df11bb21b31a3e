"""The options of a command that takes a network's input."""

import argparse
from collections.abc import Mapping
from typing import Any, get_args

from groupnl.base.numbers import PositiveShare
from groupnl.base.options import Options
from groupnl.card.card import Channels, CropMode, Deviations, Interpolation, Side


class InputOptions(Options):
    """What a command is told of the input; None: as the checkpoint says, else timm's."""

    input_size: Side | None
    crop_pct: PositiveShare | None
    interpolation: Interpolation | None
    crop_mode: CropMode | None
    mean: Channels | None
    std: Deviations | None

    @property
    def given_input(self) -> Mapping[str, Any]:
        """The fields of `InputConfig` that were given."""
        fields = {
            "size": self.input_size,
            "crop_pct": self.crop_pct,
            "interpolation": self.interpolation,
            "crop_mode": self.crop_mode,
            "mean": self.mean,
            "std": self.std,
        }
        return {name: value for name, value in fields.items() if value is not None}


def add_input_arguments(parser: argparse.ArgumentParser, size: str = "side, pixels") -> None:
    """Declare the options of the input.

    Args:
        parser: of the command.
        size: what the command says of `--input-size`.
    """
    add = parser.add_argument_group("input of the network (as the checkpoint says, else timm's)").add_argument
    add("--input-size", "--size", type=int, metavar="N", help=size)
    add("--crop-pct", type=float, metavar="SHARE", help="of the resized image's shorter side")
    add("--interpolation", choices=get_args(Interpolation), help="of the resize")
    add("--crop-mode", choices=get_args(CropMode), help="squash: both sides are resized, nothing is kept in proportion")
    add("--mean", nargs="+", type=float, metavar="X", help="of each channel, 0 to 1; grey images have one")
    add("--std", nargs="+", type=float, metavar="X", help="of each channel, 0 to 1")
