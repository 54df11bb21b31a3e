"""The record beside the images: what is in the data set, and under which licences.

Last step of `groupnl data icons`; `groupnl train` reads it for the model card.
"""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from groupnl.base.problems import problems
from groupnl.datasets.icons.sources import Package
from groupnl.datasets.icons.split import HELD_OUT_STYLE, SkinTones, Split
from groupnl.errors import ConfigError

RECORD = "dataset.json"
LICENCES = "LICENCES.md"


class IconSet(BaseModel):
    """What `groupnl data icons` built: everything that is not pixels.

    Attributes:
        builder: version of groupnl that built it.
        size: side of the square images, pixels.
        seed: of the split, the skin tones and the backgrounds.
        skin_tones: which skin tones were kept.
        classes: Unicode subgroups, sorted: the order of the image folders and of the logits.
        images: split -> class -> number of images.
        styles: split -> drawing style -> number of images.
        sources: the packages the drawings were taken from.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    builder: str
    size: Annotated[int, Field(ge=64, le=128)]
    seed: int
    skin_tones: SkinTones
    classes: tuple[str, ...]
    images: dict[Split, dict[str, int]]
    styles: dict[Split, dict[str, int]]
    sources: tuple[Package, ...]

    @classmethod
    def read(cls, folder: Path) -> "IconSet":
        """Read the record of a data set.

        Raises:
            ConfigError: there is none, or it is not one of ours.
        """
        path = folder / RECORD
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError as error:
            raise ConfigError(f"{path} is missing; build the data with: groupnl data icons --out {folder}") from error
        except ValidationError as error:
            raise ConfigError(f"{path} is not the record of an icon set: {problems(error)}") from error

    def count(self, split: Split) -> int:
        """Return the number of images in a split."""
        return sum(self.images[split].values())

    @property
    def sentence(self) -> str:
        """Say what the images are: for the model card."""
        styles = ", ".join(sorted(self.styles["train"]))
        return (
            f"Icons: emoji of the {len(self.classes)} largest Unicode subgroups, {self.size} pixels, on "
            f"random backgrounds (seed {self.seed}). Trained on {self.count('train')} images in the styles "
            f"{styles}; tested on {self.count('test_emoji')} images of unseen emoji in these styles "
            f"(test_emoji) and on {self.count('test_style')} images of trained emoji in the unseen style "
            f"{HELD_OUT_STYLE} (test_style)."
        )

    @property
    def licences(self) -> dict[str, str]:
        """Return package and version -> SPDX licence of its drawings: for the model card."""
        return {f"{source.name}@{source.version}": source.licence for source in self.sources}


def licence_text(icons: IconSet) -> str:
    """Write LICENCES.md: what must be said when the images are passed on."""
    entries = "\n".join(_licence_entry(source) for source in icons.sources)
    return (
        "# Licences of the images\n\n"
        "Every image is an emoji drawing from one of these packages, scaled and set on a background.\n"
        "The end of a file's name is its style; the style's licence holds for the image.\n\n"
        f"{entries}\n"
        "CC-BY-SA-4.0 asks that changed versions be passed on under the same licence.\n"
    )


def _licence_entry(source: Package) -> str:
    return (
        f"## {', '.join(source.styles)}\n\n"
        f"- Package: {source.name} {source.version} (npm), {source.integrity}\n"
        f"- Licence of the drawings: {source.licence}, as stated in its {source.evidence}\n"
        f"- Attribution: {source.attribution}\n"
    )
