"""How near a student is to its teacher on images that it was not made with, after each phase."""

import torch

from groupnl.base.numbers import Count, Share
from groupnl.card.card import Card
from groupnl.conversion.block_error import BlockError
from groupnl.conversion.images import Batches
from groupnl.conversion.networks import Networks
from groupnl.training.feature_maps import blocks_of, recorded


class Measured(Card):
    """A student beside its teacher.

    Attributes:
        images: that both were asked about.
        agreement: share of them with the teacher's best class.
        errors: block -> mean square of what its maps differ by, divided by the teacher's variance over all images.
        agreement_of_files: the same share, of files alone, where squares of them are among the images; else None.
    """

    images: Count
    agreement: Share
    errors: dict[str, float]
    agreement_of_files: Share | None = None

    @property
    def mean_error(self) -> float:
        """Of all blocks."""
        return sum(self.errors.values()) / len(self.errors)

    @property
    def rank(self) -> tuple[float, float]:
        """The greater, the nearer: by agreement; where that is the same, by the error."""
        return self.agreement, -self.mean_error


class Conversion(Card):
    """What a conversion did.

    Attributes:
        teacher: sha256 of its checkpoint.
        architecture: of the student.
        images: that were used.
        squares: of each file that are among the images, in all parts.
        fit_images: of them, in least squares.
        deciding: other images, by which it was decided which weights are kept.
        steps: of the distillation.
        kept: after so many of them the weights were as they are now; 0: as the least squares left them.
        seed: of every random choice.
        phases: name -> what was measured after it, on images that were used for nothing else.
    """

    teacher: str
    architecture: str
    images: Count
    squares: Count
    fit_images: Count
    deciding: Count
    steps: Count
    kept: Count
    seed: int
    phases: dict[str, Measured]


@torch.no_grad()
def measure(networks: Networks, batches: Batches, device: torch.device, squares: int = 0) -> Measured:
    """Ask student and teacher about images, all in evaluation mode.

    Args:
        networks: on the device.
        batches: bytes (B, 3, S, S), at least one.
        device: where the networks are.
        squares: that follow the files among the images, for each of them.
    """
    names = blocks_of(networks.student.network)
    agrees: list[bool] = []
    errors = {name: BlockError() for name in names}
    for batch in batches:
        pixels = batch.to(device)
        with recorded(networks.student.network, names) as maps, recorded(networks.aligned.network, names) as wanted:
            answers = networks.teacher(pixels)
            if networks.aligned is not networks.teacher:
                networks.aligned(pixels)
            own = networks.student(pixels)
        agrees += (own.argmax(1) == answers.argmax(1)).tolist()
        for name in names:
            errors[name].add(maps[name].output, wanted[name].output)
    found = {name: error.relative for name, error in errors.items()}
    files = agrees[: len(agrees) // (squares + 1)]
    return Measured(
        images=len(agrees),
        agreement=sum(agrees) / len(agrees),
        errors=found,
        agreement_of_files=sum(files) / len(files) if squares else None,
    )


def table(conversion: Conversion) -> str:
    """The figures as Markdown: agreement, then the error of each block."""
    phases = conversion.phases
    first = next(iter(phases.values()))
    rows = [
        ["", *phases],
        ["---"] * (len(phases) + 1),
        ["agreement with the teacher", *(f"{found.agreement:.1%}" for found in phases.values())],
        *_of_files(conversion),
        ["mean error of the blocks", *(f"{found.mean_error:.3f}" for found in phases.values())],
        *([name, *(f"{found.errors[name]:.3f}" for found in phases.values())] for name in first.errors),
    ]
    head = f"{first.images} images held back:"
    return "\n".join([head, "", *(f"| {' | '.join(row)} |" for row in rows)])


def _of_files(conversion: Conversion) -> list[list[str]]:
    shares = [found.agreement_of_files for found in conversion.phases.values()]
    known = [share for share in shares if share is not None]
    return [["on whole files alone", *(f"{share:.1%}" for share in known)]] if known else []
