"""From a trained standard network to a GroupNL one: copied, fitted in closed form, distilled; measured after each."""

from typing import NamedTuple

import torch
from torch import nn

from groupnl.base.say import Say
from groupnl.conversion.block_fit import fit_blocks
from groupnl.conversion.distil import Distillation, Networks, distil, settle_norms
from groupnl.conversion.images import Images, plain_batches, varied_batches
from groupnl.conversion.report import Conversion, Measured, measure
from groupnl.errors import ConfigError
from groupnl.inference.device import place
from groupnl.inference.pixels import PixelNetwork
from groupnl.models import VARIANTS
from groupnl.models.architecture import create
from groupnl.models.input_size import refuse_size
from groupnl.models.trained import Trained
from groupnl.training.initial import Copied, copy_weights

PHASES = ("copied", "least squares", "distilled")


class Work(NamedTuple):
    """How a conversion is done.

    Attributes:
        fit_images: images of the least squares, at most.
        batch_size: images at a time.
        distillation: what follows the least squares.
        workers: processes that read images.
        seed: of every random choice.
        device: where the networks are.
    """

    fit_images: int
    batch_size: int
    distillation: Distillation
    workers: int
    seed: int
    device: torch.device


class Converted(NamedTuple):
    """What came of it.

    Attributes:
        network: the GroupNL network, in evaluation mode.
        copied: what it has of the teacher's as it is.
        conversion: figures for the report.
    """

    network: nn.Module
    copied: Copied
    conversion: Conversion


def convert(
    teacher: Trained, architecture: str, classes: tuple[str, ...], images: Images, work: Work, say: Say
) -> Converted:
    """Make a GroupNL network of a trained standard one.

    Args:
        teacher: the trained network.
        architecture: of the GroupNL network.
        classes: the teacher's, in the order of its logits.
        images: without labels.
        work: how.
        say: told what has been done.

    Raises:
        ConfigError: the teacher is of another network, its input does not suit, an image cannot be used, or there are
            fewer images than a batch.
    """
    if teacher.architecture in VARIANTS:
        raise ConfigError(f"{teacher.path} holds {teacher.architecture}, which is a GroupNL network already")
    if len(images.used) < work.batch_size:
        raise ConfigError(f"--batch-size {work.batch_size}: there are only {len(images.used)} images to learn from")
    torch.manual_seed(work.seed)
    channels = teacher.input.channels
    student = create(architecture, len(classes), channels).eval()
    refuse_size(student, architecture, teacher.input.size, "--input-size", channels)
    copied = copy_weights(student, architecture, classes, teacher, "checkpoint")
    say(f"{teacher.path.name} ({teacher.architecture}) to {architecture}: {copied}")
    networks = _networks(student, teacher, architecture, classes, work.device)
    held_back = plain_batches(images.held_back, teacher.input, work.batch_size, work.workers)
    phases: dict[str, Measured] = {}

    def look() -> None:
        name = PHASES[len(phases)]
        found = phases[name] = measure(networks, held_back, work.device)
        say(f"{name}: agreement {found.agreement:.1%} on {found.images} images held back, error {found.mean_error:.3f}")

    look()
    some = images.used[: work.fit_images]
    plain = plain_batches(some, teacher.input, work.batch_size, work.workers)
    fit_blocks(networks.student, networks.aligned, (batch.to(work.device) for batch in plain))
    look()
    varied = varied_batches(images.used, teacher.input, work.batch_size, work.workers, work.seed)
    steps = distil(networks, varied, work.distillation, work.device)
    if steps:
        # Of whole batches: a norm cannot take the spread of a single pixel.
        enough = images.used[: max(len(some), work.batch_size)]
        whole = plain_batches(enough, teacher.input, work.batch_size, work.workers, whole=True)
        settle_norms(networks.student, whole, work.device)
        look()
    conversion = Conversion(
        teacher=teacher.sha256,
        architecture=architecture,
        images=len(images.used),
        fit_images=len(some),
        steps=steps,
        seed=work.seed,
        phases=phases,
    )
    return Converted(student, copied, conversion)


def _networks(
    student: nn.Module, teacher: Trained, architecture: str, classes: tuple[str, ...], device: torch.device
) -> Networks:
    """Who learns of whom, on the device."""
    asked = PixelNetwork(teacher.network, teacher.input)
    aligned = asked
    twin = VARIANTS[architecture].twin
    if teacher.architecture.partition(".")[0] != twin:  # it may pad otherwise, and maps would lie a pixel apart
        network = create(twin, len(classes), teacher.input.channels).eval()
        copy_weights(network, twin, classes, teacher, "checkpoint")
        aligned = PixelNetwork(network, teacher.input)
    own = PixelNetwork(student, teacher.input)
    for each in (own, asked, aligned):
        place(each, device)
    for each in (asked, aligned):
        each.eval().requires_grad_(requires_grad=False)
    return Networks(own, asked, aligned)
