"""The options of a command that takes a network's input."""

import argparse
from collections.abc import Mapping
from typing import Any, get_args

from groupnl.base.numbers import PositiveShare
from groupnl.base.options import Options
from groupnl.card.card import Channels3, Deviations3, Interpolation, Side


class InputOptions(Options):
    """What a command is told of the input; None: as the checkpoint says, else timm's."""

    input_size: Side | None
    crop_pct: PositiveShare | None
    interpolation: Interpolation | None
    mean: Channels3 | None
    std: Deviations3 | None

    @property
    def given_input(self) -> Mapping[str, Any]:
        """The fields of `InputConfig` that were given."""
        fields = {
            "size": self.input_size,
            "crop_pct": self.crop_pct,
            "interpolation": self.interpolation,
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
    add("--mean", nargs=3, type=float, metavar="X", help="of each channel, 0 to 1")
    add("--std", nargs=3, type=float, metavar="X", help="of each channel, 0 to 1")
