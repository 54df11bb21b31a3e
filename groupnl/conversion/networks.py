"""The networks of a conversion: who learns of whom."""

from typing import NamedTuple

import torch
from torch import nn

from groupnl.inference.device import place
from groupnl.inference.pixels import PixelNetwork
from groupnl.models import VARIANTS
from groupnl.models.architecture import create
from groupnl.models.trained import Trained
from groupnl.training.initial import copy_weights


class Networks(NamedTuple):
    """Who learns of whom; all take bytes (B, 3, S, S), and are in evaluation mode.

    Attributes:
        student: the GroupNL network.
        teacher: the trained network, whose answers count.
        aligned: the student's standard twin with the teacher's weights, whose maps count; mostly the teacher itself.
    """

    student: PixelNetwork
    teacher: PixelNetwork
    aligned: PixelNetwork


def networks_of(
    student: nn.Module, teacher: Trained, architecture: str, classes: tuple[str, ...], device: torch.device
) -> Networks:
    """Bring all to the device.

    Args:
        student: the GroupNL network.
        teacher: the trained network.
        architecture: of the student.
        classes: of both.
        device: where they compute.

    Raises:
        ConfigError: the teacher is of another network than the student's twin.
    """
    asked = PixelNetwork(teacher.network, teacher.input)
    aligned = asked
    twin = VARIANTS[architecture].twin
    if teacher.architecture.partition(".")[0] != twin:  # it may pad otherwise, and maps would lie a pixel apart
        network = create(twin, len(classes), teacher.input.channels)
        copy_weights(network, twin, classes, teacher, "checkpoint")
        aligned = PixelNetwork(network, teacher.input)
    own = PixelNetwork(student, teacher.input)
    for each in (own, asked, aligned):
        place(each, device).eval()
    for each in (asked, aligned):
        each.requires_grad_(requires_grad=False)
    return Networks(own, asked, aligned)
