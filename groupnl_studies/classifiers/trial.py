"""A case packed, served and asked."""

import tempfile
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from groupnl.archive.engine import candidates, choose
from groupnl.archive.load import checked_manifest, handler_section
from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack
from groupnl.archive.read import unpack
from groupnl.errors import GroupNLError, RewriteError, ServerError
from groupnl.images import Limits, Reader
from groupnl.inference.engine_names import EngineName
from groupnl.service.items import TOP_K_HEADER, Item
from groupnl.service.loading import load_service
from groupnl_studies.classifiers.case import Case
from groupnl_studies.classifiers.network import Written, files_of, timms_logits, timms_pixels, written
from groupnl_studies.classifiers.outcome import Errors, Outcome

_SMALLEST = torch.finfo(torch.float32).tiny  # a probability below is 0 for some


def tried(case: Case, engines: Sequence[EngineName]) -> Iterator[Outcome]:
    """Pack a case as `groupnl archive` does, load it as a worker does, and compare its answers with timm's.

    Args:
        case: the network and its file; made once.
        engines: each in an archive of its own.
    """
    with tempfile.TemporaryDirectory(prefix="groupnl-study-") as name:
        source = Path(name) / "source"
        source.mkdir()
        made = written(case, source)
        files = files_of(made)
        expected = timms_logits(made, case, files)
        for engine in engines:
            try:
                unpacked = _unpacked(case, made, engine, Path(name) / engine)
                levels = _levels(unpacked, timms_pixels(made, case, files), files)
                same, resized = _errors(_answers(unpacked, engine, files), expected)
                yield Outcome(case=case, engine=engine, errors=Errors(same=same, resized=resized, levels=levels))
            except Exception as error:  # a library's own, which nobody has put into a sentence, is a finding, too
                reason = str(error) if isinstance(error, GroupNLError) else f"{type(error).__name__}: {error}"
                yield Outcome(case=case, engine=engine, refusal=reason)


def _unpacked(case: Case, made: Written, engine: EngineName, folder: Path) -> Path:
    """The archive of a case, for an engine."""
    names = tuple(f"class {number}" for number in range(case.classes))
    settings = ServingSettings(handler=_handler(engine))
    unpack(pack(made.path, folder, "tried", classes=names, settings=settings, **made.told), folder / "unpacked")
    return folder / "unpacked"


def _handler(engine: EngineName) -> dict[str, Any]:
    return {"engine": engine, "device": "cpu", "precision": "float32", "shadow": {"share": 0}}


def _answers(unpacked: Path, engine: EngineName, files: Sequence[bytes]) -> Tensor:
    """The probabilities that a service gives, in the order of the classes: (files, classes)."""
    manifest, handler = checked_manifest(unpacked), _handler(engine)
    if reason := candidates(unpacked, manifest, choose(handler_section({"handler": handler}))).get(engine):
        raise RewriteError(reason)  # another one would answer in its place
    service = load_service(unpacked, "tried", {"handler": handler})
    count = str(len(manifest.card.classes))
    replies = service.answer([Item({"body": file}, {TOP_K_HEADER.lower(): count}) for file in files])
    if fault := next((reply for reply in replies if reply.status != HTTPStatus.OK), None):
        raise ServerError(f"the service answers {fault.status}: {fault.body}")
    return torch.tensor([[reply.body[name] for name in manifest.card.classes] for reply in replies])


def _levels(unpacked: Path, expected: Tensor, files: Sequence[bytes]) -> float:
    """How far the pixels that the service sees are from those that timm makes: the largest of the files' means."""
    read = Reader(checked_manifest(unpacked).card.input, Limits())
    found = torch.stack([read(file) for file in files])
    return float((found.float() - expected.float()).abs().mean((1, 2, 3)).max())


def _errors(probabilities: Tensor, logits: Tensor) -> tuple[float, float]:
    """Of the first answer, and the largest of the others.

    Probabilities are those of logits that differ by a constant, which the mean takes away.
    """
    found, expected = (
        values.double().clamp_min(_SMALLEST).log() for values in (probabilities, logits.double().softmax(1))
    )
    found, expected = (values - values.mean(1, keepdim=True) for values in (found, expected))
    same, *resized = ((found - expected).norm(dim=1) / expected.norm(dim=1).clamp_min(_SMALLEST)).tolist()
    return same, max(resized)
