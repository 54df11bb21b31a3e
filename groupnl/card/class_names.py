"""Class names that a user gives, in the order of the logits."""

from pathlib import Path

from groupnl.errors import ConfigError


def read_class_names(source: str) -> tuple[str, ...]:
    """The names in a text file, one a line, or those of ImageNet-1k for the word `imagenet`.

    Raises:
        ConfigError: the file cannot be read.
    """
    if source == "imagenet":
        from groupnl.card.imagenet import imagenet_classes  # timm

        return imagenet_classes()
    try:
        lines = Path(source).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the class names in {source}: {error}") from None
    return tuple(line.strip() for line in lines if line.strip())
