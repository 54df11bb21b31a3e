"""The archive's `model.json`: what the handler must know of the model it was packed with.

Written by packaging, read by the handler; the weights lie beside it in the archive.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from groupnl.base.numbers import Sha256
from groupnl.base.texts import form
from groupnl.card import ModelCard

MANIFEST_NAME = "model.json"
# Names that the server's URLs, lists and files can hold; also the rule for `groupnl serve --models NAME=FILE.mar`.
MODEL_NAME = r"[A-Za-z0-9](\.?[A-Za-z0-9_\-])*"
MODEL_NAME_WORDS = "letters, digits, '_', '-' and single '.', first a letter or digit"


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
    model_name: Annotated[str, form(MODEL_NAME, f"of {MODEL_NAME_WORDS}")]
    version: Annotated[str, Field(min_length=1)]
    card: ModelCard
    weights: Annotated[str, form(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*", "the name of a file beside it")]
    weights_sha256: Sha256
