"""The model card of an archive: the checkpoint's own, or one made for a checkpoint that has none."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from groupnl.card import ModelCard
from groupnl.card.imagenet import imagenet_classes
from groupnl.errors import ArchiveError, problems
from groupnl.models.checkpoint import Checkpoint
from groupnl.models.defaults import class_count, default_input

_IMAGENET_CLASSES = 1000


def served_card(
    path: Path,
    checkpoint: Checkpoint,
    architecture: str | None = None,
    classes: Sequence[str] | None = None,
    input_size: int | None = None,
) -> ModelCard:
    """The card to serve a checkpoint with.

    Args:
        path: of the checkpoint, for messages.
        checkpoint: as loaded.
        architecture: timm name; None: what the checkpoint says.
        classes: names in the order of the logits; None: the card's, or ImageNet's for 1000 classes.
        input_size: pixels; None: the card's, else what the training script was told, else timm's of the architecture.

    Raises:
        ArchiveError: something is neither given nor in the checkpoint, or cannot be used.
        CheckpointError: unknown architecture.
    """
    name = architecture or checkpoint.architecture
    if name is None:
        raise ArchiveError(f"the checkpoint {path} does not name its architecture; give --architecture")
    fields = dict(checkpoint.card) if checkpoint.card else _made_fields(path, checkpoint, name, classes)
    fields["architecture"] = name
    if classes is not None:
        fields["classes"] = tuple(classes)
    if input_size is not None:
        fields["input"] = dict(fields["input"]) | {"size": input_size}
    try:
        return ModelCard.model_validate(fields)
    except ValidationError as error:
        raise ArchiveError(f"the checkpoint {path} cannot be served: {problems(error)}") from None


def _made_fields(path: Path, checkpoint: Checkpoint, name: str, classes: Sequence[str] | None) -> dict[str, Any]:
    given = default_input(name, checkpoint.arguments)
    if classes is None:
        classes = _imagenet_classes(path, class_count(name, checkpoint.state_dict))
    return {"classes": tuple(classes), "input": given}


def _imagenet_classes(path: Path, count: int) -> tuple[str, ...]:
    if count != _IMAGENET_CLASSES:
        raise ArchiveError(f"the checkpoint {path} is of {count} classes; name them with --classes FILE")
    return imagenet_classes()
