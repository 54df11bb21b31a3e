"""The model card of an archive: the checkpoint's own, or one made for a checkpoint that has none."""

from pydantic import ValidationError

from groupnl.base.problems import problems
from groupnl.card import ModelCard
from groupnl.card.imagenet import imagenet_classes
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
        raise CheckpointError(f"the checkpoint {trained.path} cannot be served: {problems(error)}") from None


def _imagenet_classes(trained: Trained) -> tuple[str, ...]:
    if trained.class_count != _IMAGENET_CLASSES:
        raise CheckpointError(
            f"the checkpoint {trained.path} is of {trained.class_count} classes; name them with --classes FILE"
        )
    return imagenet_classes()
