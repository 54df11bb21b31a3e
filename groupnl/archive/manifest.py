"""The archive's `model.json`: what the handler must know of the model it was packed with.

Written by packaging, read by the handler; the weights lie beside it in the archive.
"""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict

from groupnl.base.numbers import Sha256
from groupnl.base.texts import form
from groupnl.card import ModelCard

MANIFEST_NAME = "model.json"
# Names that the server's URLs, lists and files can hold; also the rule for `groupnl serve --models NAME=FILE.mar`.
MODEL_NAME = r"(?!.{201})[A-Za-z0-9](\.?[A-Za-z0-9_\-])*"
MODEL_NAME_WORDS = "letters, digits, '_', '-' and single '.', first a letter or digit, 200 of them at most"
ModelName = Annotated[str, form(MODEL_NAME, f"of {MODEL_NAME_WORDS}")]
"""What a service calls a model."""
VersionName = Annotated[str, form(r"[!-~]([ -~]{0,98}[!-~])?", "1 to 100 printed characters of ASCII")]
"""Of a packed model, as its packer calls it."""


def name_problem(name: str) -> str | None:
    """What is wrong with a model's name; None where nothing is."""
    if re.fullmatch(MODEL_NAME, name):
        return None
    return f"{name!r} cannot be a model's name: it must be of {MODEL_NAME_WORDS}"


class Manifest(BaseModel):
    """A packed model.

    Attributes:
        format: version of this record; a handler refuses others.
        model_name: what the service calls the model; the last part of the prediction URL.
        version: of the packed model, as chosen at packaging.
        card: architecture, classes and input.
        weights: name of the weights' file, which lies beside this one.
        weights_sha256: SHA-256 of that file, hexadecimal.
    """

    # Fields may start with "model_": pydantic reserves that prefix only by default.
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    format: Literal[1] = 1
    model_name: ModelName
    version: VersionName
    card: ModelCard
    weights: Annotated[str, form(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*", "the name of a file beside it")]
    weights_sha256: Sha256


def unpacked_manifest(folder: Path) -> Manifest:
    """The manifest of an unpacked archive.

    Raises:
        OSError: it is missing or unreadable.
        ValidationError: it is no manifest; `groupnl.archive.load` says so to people.
    """
    return Manifest.model_validate_json((folder / MANIFEST_NAME).read_bytes())


def difference(model: ModelCard, twin: ModelCard) -> str | None:
    """What keeps two networks from being compared on the same pixels; None where nothing does.

    Each normalises them as it was trained, so mean and standard deviation may differ.
    """
    if model.classes != twin.classes:
        return "classes differ"
    others = model.input.seen_otherwise(twin.input)
    return f"input differs ({', '.join(others)}), as only a candidate's may" if others else None
