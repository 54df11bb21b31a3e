"""Int8 with proof: which images calibrate an int8 network, and which prove it."""

import random
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from groupnl.archive.probe import ProbeSet, read_folder
from groupnl.archive.proof import Proof
from groupnl.card import ModelCard
from groupnl.errors import ArchiveError, ConfigError
from groupnl.images.folders import is_hidden, is_image, read_images
from groupnl.inference.agreement import LARGEST_SHIFT, LEAST_AGREEMENT, answers, compare
from groupnl.inference.engines.engine import Engine
from groupnl.inference.engines.torch_engine import TorchEngine

LEAST_PROOF = 100  # images: with fewer one alone decides
LEAST_CALIBRATION = 50
MOST_CALIBRATION = 300
_PROBE = "the probe set"
_BATCH = 8


class Int8Images(NamedTuple):
    """Images for an int8 network.

    Attributes:
        calibration: uint8 (N, 3, S, S).
        calibrated_on: where they are from.
        proof: others, labelled.
        source: where those are from.
    """

    calibration: Tensor
    calibrated_on: str
    proof: ProbeSet
    source: str


def int8_images(card: ModelCard, probe: ProbeSet | None, calibrate: Path | None, prove: Path | None) -> Int8Images:
    """Find images to calibrate with and others for the proof.

    The probe set serves for what no folder is named for; for both it is cut in two, every other image in each half.

    Args:
        card: of the model.
        probe: the archive's probe set.
        calibrate: folder of images of any kind, in any folders below; at most 300 are taken, chosen at random.
        prove: folder of labelled images, a folder for each class.

    Raises:
        ConfigError: there are too few images, or one cannot be used.
    """
    if probe is None and (calibrate is None or prove is None):
        raise ConfigError(
            "precision 'int8' is packed only with proof: name labelled images with --probe DIR, or others with both "
            "--calibrate DIR and --prove DIR"
        )
    proof, source = (read_folder(prove, card), str(prove)) if prove else (_of(probe), _PROBE)
    if calibrate:
        calibration, calibrated_on = calibration_images(calibrate, card), str(calibrate)
    else:
        calibration, calibrated_on = _of(probe).pixels, _PROBE
    if calibrated_on == source == _PROBE:
        calibration, proof = calibration[::2], ProbeSet(proof.pixels[1::2], proof.labels[1::2])
        source = calibrated_on = f"half of {_PROBE}"
    calibration = without(calibration, proof.pixels)
    _refuse_few(calibration, calibrated_on, LEAST_CALIBRATION, "calibration", "--calibrate")
    _refuse_few(proof.pixels, source, LEAST_PROOF, "the proof", "--prove")
    return Int8Images(calibration, calibrated_on, proof, source)


def prove(engine: Engine, network: nn.Module, card: ModelCard, images: Int8Images) -> Proof:
    """Compare an int8 network with the same one in float32, in PyTorch as it was trained.

    Args:
        engine: runs the int8 network.
        network: in evaluation mode; it becomes this function's own.
        card: of the model.
        images: for the proof.

    Raises:
        ArchiveError: too many first classes are others, or the accuracy is too far from that in float32.
        RewriteError: logits are not finite.
    """
    reference = TorchEngine(network, card.input, torch.device("cpu"), torch.float32)
    pixels, labels = images.proof
    expected, logits = (answers(runs, pixels, _BATCH) for runs in (reference, engine))
    found = compare(card.architecture, "int8", expected, logits, labels)
    proof = Proof(
        source=images.source,
        calibrated_on=images.calibrated_on,
        images=found.images,
        same=found.same,
        correct=found.correct,
        correct_in_float32=found.reference_correct,
    )
    if not found.passes:
        raise ArchiveError(
            f"{proof.in_a_line()}; at least {LEAST_AGREEMENT:.0%} and at most {100 * LARGEST_SHIFT:g} points are "
            "wanted: calibrate with other images (--calibrate DIR), or use another precision"
        )
    return proof


def _of(probe: ProbeSet | None) -> ProbeSet:
    assert probe is not None  # noqa: S101 (for mypy)
    return probe


def calibration_images(folder: Path, card: ModelCard) -> Tensor:
    """A random part of the images below a folder, 300 at most: uint8 (N, 3, S, S).

    Raises:
        ConfigError: there is none, or one cannot be used.
    """
    if not folder.is_dir():
        raise ConfigError(f"--calibrate {folder}: there is no such folder")
    found = sorted(file for file in folder.rglob("*") if not _is_hidden(file, folder) and is_image(file))
    if not found:
        raise ConfigError(f"--calibrate {folder}: there is no image in it, nor in any folder below")
    if len(found) > MOST_CALIBRATION:
        found = sorted(random.Random(0).sample(found, MOST_CALIBRATION))  # noqa: S311 (a choice of images, no secret)
    return read_images(found, card.input)


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(is_hidden(part) for part in file.relative_to(folder).parts)


def without(images: Tensor, others: Tensor) -> Tensor:
    """The images that are not among the others."""
    known = set(map(_content, others))
    return images[[_content(image) not in known for image in images]]


def _content(image: Tensor) -> bytes:
    return image.contiguous().numpy().tobytes()


def _refuse_few(pixels: Tensor, source: str, least: int, purpose: str, option: str) -> None:
    if len(pixels) < least:
        raise ConfigError(
            f"precision 'int8' needs at least {least} images for {purpose}, and {source} has {len(pixels)}: give more "
            f"({option} DIR)"
        )
