"""The model card: everything about a trained network that is not its weights.

Written by training into the header of the safetensors checkpoint, copied by packaging into the archive's
`model.json`, read by the handler. Preprocessing and engines take their numbers from here and nowhere else.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from groupnl.base.numbers import PositiveShare, Share

Interpolation = Literal["bilinear", "bicubic"]
CropMode = Literal["center", "squash"]
_AboveZero = Annotated[float, Field(gt=0)]
Side = Annotated[int, Field(ge=8, le=1024)]
_CHANNELS = (1, 3)
_LARGEST = 2.0  # mean or deviation of pixels from 0 to 1; networks are published with 1 at most


def _of_a_network(values: tuple[float, ...]) -> tuple[float, ...]:
    if len(values) not in _CHANNELS:
        raise ValueError(f"it must have 3 values (red, green, blue), or 1 for grey images, and not {len(values)}")
    return values


def of_shares(values: tuple[float, ...]) -> tuple[float, ...]:
    """Means or deviations of pixels from 0 to 1, as they are; those of 0 to 255, which some programs have, are refused.

    Raises:
        ValueError: they are refused.
    """
    if any(value > _LARGEST for value in values):
        raise ValueError("it is of pixels from 0 to 1: divide numbers of 0 to 255 by 255")
    return values


Channels = Annotated[tuple[float, ...], AfterValidator(_of_a_network), AfterValidator(of_shares)]
"""A number for each channel, of pixels from 0 to 1."""
Deviations = Annotated[tuple[_AboveZero, ...], AfterValidator(_of_a_network), AfterValidator(of_shares)]


class Card(BaseModel):
    """Base of every record of the card: immutable, and unknown fields are an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class InputConfig(Card):
    """How an image becomes model input: the numbers timm calls its data configuration.

    Attributes:
        size: side of the square input, pixels.
        mean: per channel (R, G, B), on pixels scaled to [0, 1]; one value: the network takes grey images.
        std: per channel, on pixels scaled to [0, 1].
        crop_pct: side of the centre crop as a share of the resized image's shorter side, in (0, 1].
        interpolation: filter of the resize (Pillow's, with antialiasing).
        crop_mode: `center` resizes the shorter side; `squash` both, whatever the image's shape.
    """

    size: Side
    mean: Channels
    std: Deviations
    crop_pct: PositiveShare
    interpolation: Interpolation
    crop_mode: CropMode = "center"

    @model_validator(mode="after")
    def _as_many_means_as_deviations(self) -> Self:
        if len(self.mean) != len(self.std):
            raise ValueError(f"mean has {len(self.mean)} values and std {len(self.std)}: one for each channel")
        return self

    @property
    def channels(self) -> int:
        """Of the network: 3, or 1 for grey images."""
        return len(self.mean)

    def seen_otherwise(self, other: "InputConfig") -> list[str]:
        """Why two networks get other pixels of an image, by name; how they normalise them is their engines' matter."""
        names = ("size", "channels", "crop_pct", "interpolation", "crop_mode")
        pairs = ((name, getattr(self, name), getattr(other, name)) for name in names)
        return [f"{name} {one} and {another}" for name, one, another in pairs if one != another]


class SplitAccuracy(Card):
    """Accuracy on one labelled list of images.

    Attributes:
        images: how many images were answered.
        top1: share whose best class was right, in [0, 1].
        top5: share whose true class was among the best five, in [0, 1].
    """

    images: Annotated[int, Field(gt=0)]
    top1: Share
    top5: Share


class Origin(Card):
    """A checkpoint that weights were made with the help of.

    Attributes:
        role: what it was for: `begun from`, `taught by`, `converted from`.
        file: its name.
        architecture: timm name.
        sha256: of the file.
        said: what was taken of it, in some words.
    """

    role: Literal["begun from", "taught by", "converted from"]
    file: str
    architecture: str
    sha256: str
    said: str


class TrainingRecord(Card):
    """How the weights came to be: enough to make them again.

    Attributes:
        command: the exact command line.
        seed: of every random choice.
        epochs: passes over the training images.
        data: what the images are, in a sentence.
        licences: source -> licence, of everything the images were made from.
        accuracy: name of the split -> accuracy of exactly these weights.
        versions: package -> version that trained them.
        origins: other checkpoints that they were made with the help of; left out where there are none.
        robust: how they were made robust, in a sentence or two; left out where nothing was done for it.
    """

    command: str
    seed: int
    epochs: Annotated[int, Field(ge=0)]
    data: str
    licences: dict[str, str]
    accuracy: dict[str, SplitAccuracy]
    versions: dict[str, str]
    # Both: so a card without any can be read by earlier versions.
    origins: Annotated[tuple[Origin, ...], Field(exclude_if=lambda origins: not origins)] = ()
    robust: Annotated[str | None, Field(exclude_if=lambda said: not said)] = None


class ModelCard(Card):
    """A trained network without its weights.

    Attributes:
        architecture: timm registry name, e.g. ``efficientnet_gnl_es``.
        classes: class names, in the order of the logits; unique.
        input: how an image becomes model input.
        training: where the weights come from; None for weights trained elsewhere.
    """

    architecture: str
    classes: Annotated[tuple[str, ...], Field(min_length=1)]
    input: InputConfig
    training: TrainingRecord | None = None

    @field_validator("classes")
    @classmethod
    def _unique(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        seen: set[str] = set()
        for name in classes:
            if not name:
                raise ValueError("a class name is empty")
            if any(0xD800 <= ord(letter) <= 0xDFFF for letter in name):  # halves of a letter, which no file can hold
                raise ValueError(f"class name {name!r} is no whole text")
            if name in seen:
                raise ValueError(f"class name {name!r} stands twice; the answer's keys must be unique")
            seen.add(name)
        return classes
