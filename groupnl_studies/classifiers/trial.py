"""A case packed, served and asked."""

import tempfile
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from groupnl.archive.load import checked_manifest
from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack
from groupnl.archive.read import unpack
from groupnl.inference.engine_names import EngineName
from groupnl.service.items import Item
from groupnl.service.loading import load_service
from groupnl_studies.classifiers.case import Case
from groupnl_studies.classifiers.network import files_of, timms_logits, written


class Row(NamedTuple):
    """What came of a case with an engine.

    Attributes:
        case: the network and its file.
        engine: that answered.
        error: of the logits' size, from timm's answer to a picture that both see alike.
        resized: the same of pictures that are resized, by timm and here alike but for rounding, which networks with
            random weights amplify.
    """

    case: Case
    engine: EngineName
    error: float
    resized: float


def tried(case: Case, engine: EngineName) -> Row:
    """Pack a case as `groupnl archive` does, load it as a worker does, and compare its answers with timm's.

    Raises:
        GroupNLError: it cannot be packed or served.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, unpacked = folder / "source", folder / "unpacked"
        source.mkdir()
        made = written(case, source)
        files = files_of(made)
        expected = timms_logits(made, case, files)
        handler = {"engine": engine, "device": "cpu", "precision": "float32", "shadow": {"share": 0}}
        names = tuple(f"class {number}" for number in range(case.classes))
        archive = pack(
            made.path, folder / "store", "tried", classes=names, settings=ServingSettings(handler=handler), **made.told
        )
        unpack(archive, unpacked)
        classes = checked_manifest(unpacked).card.classes
        service = load_service(unpacked, "tried", {"handler": handler})
        replies = service.answer([Item({"body": file}, {"x-top-k": str(case.classes)}) for file in files])
    found = torch.tensor([[reply.body[name] for name in classes] for reply in replies])
    error, *resized = _errors(found, expected)
    return Row(case, engine, error, max(resized))


def _errors(probabilities: Tensor, logits: Tensor) -> list[float]:
    """Of each answer. Probabilities are those of logits that differ by a constant, which the mean takes away."""
    found, expected = (
        values - values.mean(1, keepdim=True) for values in (probabilities.double().log(), logits.double())
    )
    errors: list[float] = ((found - expected).norm(dim=1) / expected.norm(dim=1)).tolist()
    return errors
