"""How every network of a study is trained and measured: one place for all of it, recorded in every result."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat

from groupnl.base.numbers import Positive, Share


class ImagePlan(BaseModel):
    """Which images of a data set are used.

    Attributes:
        size: side of the images, pixels; those of 28 pixels are padded with black.
        train_images: a random part of so many training images; None: all.
        corrupted_images: how many test images, chosen alike from every split, are answered in all 95 cells.
        seed: of both choices and of the corruptions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: Annotated[int, Field(ge=32, le=224)] = 32
    train_images: Positive | None = None
    corrupted_images: Positive = 600
    seed: int = 0


class Recipe(BaseModel):
    """The recipe of one network on one data set, the same for all convolutions and trainings.

    Attributes:
        images: which images are used.
        epochs: passes over the training images; the last one counts.
        batch_size: images a step; the last, smaller batch of an epoch is left out.
        lr: highest learning rate, of AdamW; a half cosine up, another one down to nearly 0.
        warm_up: share of the steps in which it rises.
        weight_decay: not on norms and biases.
        smoothing: of the labels.
        least_area: smallest share of the image in a random square crop, which is enlarged again; 1: no crops.
        flip: probability of a horizontal flip.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: ImagePlan
    epochs: Positive
    batch_size: Annotated[int, Field(ge=2)] = 128
    lr: PositiveFloat = 4e-3
    warm_up: Share = 0.15
    weight_decay: Annotated[float, Field(ge=0)] = 0.05
    smoothing: Share = 0.1
    least_area: Annotated[float, Field(gt=0, le=1)] = 0.5
    flip: Share = 0.5


_DATA = {
    "icons": Recipe(images=ImagePlan(), epochs=22),
    "fashion-mnist": Recipe(images=ImagePlan(train_images=8_000), epochs=10),
}

# Of a few tried with the standard convolution: with ResNet-18's rate MobileNetV2 had hardly begun to learn by the end.
_LEARNING_RATES = {"resnet18": 4e-3, "mobilenetv2": 12e-3}

DATA_SETS = tuple(_DATA)

RECIPES = {
    (data, network): recipe.model_copy(update={"lr": lr})
    for data, recipe in _DATA.items()
    for network, lr in _LEARNING_RATES.items()
}
"""(Data set, network) -> recipe."""
