"""The model card of an archive: the checkpoint's own, or one made for a checkpoint that has none."""

from pydantic import ValidationError

from groupnl.base.problems import problems
from groupnl.card import ModelCard
from groupnl.card.imagenet import LARGER, imagenet_classes
from groupnl.errors import CheckpointError
from groupnl.models.trained import Trained

_IMAGENET_CLASSES = 1000


def served_card(trained: Trained) -> ModelCard:
    """The card to serve a network with; 1000 classes without names are ImageNet's.

    Raises:
        CheckpointError: its classes have no names, or names that cannot be used.
    """
    classes = _imagenet_classes(trained) if trained.classes is None else trained.classes
    training = trained.card.training if trained.card else None
    try:
        return ModelCard(architecture=trained.architecture, classes=classes, input=trained.input, training=training)
    except ValidationError as error:
        are_names = bool(classes) and all(problem["loc"][:1] == ("classes",) for problem in error.errors())
        advice = "; --classes FILE gives other names" if are_names else ""
        raise CheckpointError(f"the checkpoint {trained.path} cannot be served: {problems(error)}{advice}") from None


def class_remark(trained: Trained) -> str | None:
    """A line for whoever packs: classes that are assumed, or are one alone; None where there is nothing to tell."""
    if trained.classes is None and trained.class_count == _IMAGENET_CLASSES:
        return f"{trained.path} does not name its {_IMAGENET_CLASSES} classes; assumed are ImageNet's (--classes FILE)"
    if trained.class_count == 1:
        return (
            f"note: {trained.path} is of one class, so every image gets it with probability 1; one number for yes or "
            "no (a sigmoid's) is not understood: train with two classes for that"
        )
    return None


def _imagenet_classes(trained: Trained) -> tuple[str, ...]:
    if trained.class_count != _IMAGENET_CLASSES:
        known = next((f", or --classes {name}" for name, count in LARGER.items() if count == trained.class_count), "")
        raise CheckpointError(
            f"the checkpoint {trained.path} is of {trained.class_count} classes; name them with --classes FILE{known}"
        )
    return imagenet_classes()
