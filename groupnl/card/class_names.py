"""Class names that a user gives, in the order of the logits."""

from pathlib import Path

from groupnl.card.imagenet import LARGER, imagenet_classes, larger_imagenet_classes
from groupnl.errors import ConfigError


def read_class_names(source: str) -> tuple[str, ...]:
    """The names in a text file, one a line, or those of an ImageNet for its name; `imagenet` is that of 1000 classes.

    Raises:
        ConfigError: the file cannot be read.
    """
    if source == "imagenet":
        return imagenet_classes()
    if source in LARGER:
        return larger_imagenet_classes(source)
    try:
        text = Path(source).read_text(encoding="utf-8-sig")  # some editors begin a file with a mark
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the class names in {source}: {error}") from None
    return tuple(line.strip() for line in text.split("\n") if line.strip())
