"""From a trained standard network to a GroupNL one: copied, fitted in closed form, distilled; measured after each."""

from functools import partial
from typing import NamedTuple

import torch
from torch import nn

from groupnl.base.say import Say
from groupnl.conversion.block_fit import fit_blocks
from groupnl.conversion.distil import Distillation, Distilled, distil
from groupnl.conversion.images import Images, plain_batches, varied_batches
from groupnl.conversion.networks import networks_of
from groupnl.conversion.report import Conversion, Measured, measure
from groupnl.errors import ConfigError
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
            fewer images than a batch of the distillation.
    """
    if teacher.architecture in VARIANTS:
        raise ConfigError(f"{teacher.path} holds {teacher.architecture}, which is a GroupNL network already")
    steps = work.distillation.steps
    if steps and len(images.used) < work.batch_size:
        raise ConfigError(f"--batch-size {work.batch_size}: there are only {len(images.used)} images to learn from")
    torch.manual_seed(work.seed)
    channels = teacher.input.channels
    student = create(architecture, len(classes), channels).eval()
    refuse_size(student, architecture, teacher.input.size, "--input-size", channels)
    copied = copy_weights(student, architecture, classes, teacher, "checkpoint")
    say(f"{teacher.path.name} ({teacher.architecture}) to {architecture}: {copied}")
    networks = networks_of(student, teacher, architecture, classes, work.device)
    plain = partial(plain_batches, config=teacher.input, batch_size=work.batch_size, workers=work.workers)
    held_back, deciding = plain(images.held_back), plain(images.deciding, complete=False)
    phases: dict[str, Measured] = {}

    def look() -> None:
        name = PHASES[len(phases)]
        found = phases[name] = measure(networks, held_back, work.device, images.squares)
        say(f"{name}: agreement {found.agreement:.1%} on {found.images} images held back, error {found.mean_error:.3f}")

    look()
    some = images.used[: work.fit_images]
    fit_blocks(networks.student, networks.aligned, (batch.to(work.device) for batch in plain(some, complete=False)))
    look()
    done = Distilled(0, 0)
    if steps:
        varied = varied_batches(images.used, teacher.input, work.batch_size, work.workers, work.seed)
        judged = partial(measure, networks, deciding, work.device)
        done = distil(networks, varied, work.distillation, judged, work.device)
        say(f"of {done.steps} steps, the weights after {done.kept} are kept, as {len(images.deciding)} images decided")
        look()
    conversion = Conversion(
        teacher=teacher.sha256,
        architecture=architecture,
        images=len(images.used),
        squares=images.squares,
        fit_images=len(some),
        deciding=len(images.deciding),
        steps=done.steps,
        kept=done.kept,
        seed=work.seed,
        phases=phases,
    )
    return Converted(student, copied, conversion)
