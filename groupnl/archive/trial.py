"""The trial run of a packed model, before its archive gets its name."""

from pathlib import Path

import torch
from torch import Tensor, nn

from groupnl.archive.engine import Choice, Loaded, load_engine
from groupnl.archive.load import load_unpacked
from groupnl.archive.manifest import Manifest
from groupnl.archive.read import unpack
from groupnl.card import InputConfig
from groupnl.errors import ArchiveError
from groupnl.inference.engine_names import AUTO
from groupnl.inference.engines.table import engine_kind
from groupnl.inference.engines.torch_engine import TorchEngine

# Of an engine's logits from those in float32: bfloat16 is off by one or two percent, a wrong network by about 1.
_MAX_DIFFERENCE = 0.2
_SMALLEST = 1e-6


def try_out(archive: Path, folder: Path, choice: Choice) -> None:
    """Unpack an archive into `folder`, load its model as the handler does, and run it on one image.

    On the CPU in float32: whether the model is right must not depend on the machine that packs it. Where the archive
    holds files of an engine, that engine's logits are then compared.

    Args:
        archive: to be tried.
        folder: for its files; made.
        choice: the engine that the archive is for.

    Raises:
        ArchiveError: it is damaged, or its logits are not finite or not one for each class, or its engine computes
            others.
        CheckpointError: its weights cannot be loaded.
    """
    unpack(archive, folder)
    manifest, model = load_unpacked(folder)
    card = manifest.card
    logits = _in_float32(model, card.input)
    if logits.shape != (1, len(card.classes)) or not logits.isfinite().all():
        raise ArchiveError(
            f"{card.architecture} does not give {len(card.classes)} finite numbers for an image of {card.input.size} "
            f"pixels, but shape {tuple(logits.shape)}, {int(logits.isfinite().sum())} of them finite"
        )
    if choice.name == AUTO or engine_kind(choice.name).has_files:
        _compare(load_engine(folder, manifest, choice), logits, card.input)


def compare_engine(folder: Path, manifest: Manifest, model: nn.Module, choice: Choice) -> None:
    """See that an engine of an unpacked archive computes what the network computes.

    Args:
        folder: the unpacked archive.
        manifest: of the archive.
        model: the network, in evaluation mode; it becomes this function's own.
        choice: the engine.

    Raises:
        ArchiveError: it computes something else.
        ConfigError: a package that the engine needs is missing or does not start.
        RewriteError: the engine cannot use its files.
    """
    card = manifest.card
    _compare(load_engine(folder, manifest, choice), _in_float32(model, card.input), card.input)


def _in_float32(model: nn.Module, config: InputConfig) -> Tensor:
    return TorchEngine(model, config, torch.device("cpu"), torch.float32)(_image(config.size))


def _compare(loaded: Loaded, expected: Tensor, config: InputConfig) -> None:
    found = loaded.engine(_image(config.size))
    # Logits of untrained networks may all be zero.
    difference = float((found - expected).norm() / expected.norm().clamp_min(_SMALLEST))
    if not difference < _MAX_DIFFERENCE:  # also where it is no number
        advice = "another --engine" if loaded.precision == torch.float32 else "--precision float32, or another --engine"
        raise ArchiveError(
            f"the engine {loaded.name!r} in {loaded.precision} computes other logits than the network in float32, by "
            f"{difference:.2g} of their size: choose {advice}"
        )


def _image(size: int) -> torch.Tensor:
    """Grey steps, uint8 of shape (1, 3, size, size)."""
    ramp = torch.linspace(0, 255, size).to(torch.uint8)
    return ramp.expand(1, 3, size, size).contiguous()
