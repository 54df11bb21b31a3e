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
_MOST_PROOF = 2000  # without labels: what more would say is not worth its time
_BATCH = 8


class ProofImages(NamedTuple):
    """Images that prove an int8 network.

    Attributes:
        pixels: uint8 (N, 3, S, S).
        labels: int64 (N,), positions among the classes; None: nobody knows them, and first classes alone count.
    """

    pixels: Tensor
    labels: Tensor | None

    def halves(self) -> tuple["ProofImages", "ProofImages"]:
        """Every other image, and the rest."""
        first, second = (
            ProofImages(self.pixels[start::2], None if self.labels is None else self.labels[start::2])
            for start in (0, 1)
        )
        return first, second

    def distinct(self) -> "ProofImages":
        """The images without those that came before: the same one again says nothing more."""
        first = {_content(image): place for place, image in reversed(list(enumerate(self.pixels)))}
        places = sorted(first.values())
        return ProofImages(self.pixels[places], None if self.labels is None else self.labels[places])


class Int8Images(NamedTuple):
    """Images for an int8 network.

    Attributes:
        calibration: uint8 (N, 3, S, S).
        calibrated_on: where they are from.
        proof: others.
        source: where those are from.
    """

    calibration: Tensor
    calibrated_on: str
    proof: ProofImages
    source: str


def int8_images(card: ModelCard, probe: ProbeSet | None, calibrate: Path | None, prove: Path | None) -> Int8Images:
    """Find images to calibrate with and others for the proof.

    The probe set serves for what no folder is named for. What serves for both is cut in two, every other image in each
    half. An image that is there several times counts once, in the proof where it is in both.

    Args:
        card: of the model.
        probe: the archive's probe set.
        calibrate: folder of images of any kind, in any folders below; at most 300 calibrate, chosen at random.
        prove: folder of images: labelled ones in a folder for each class, or images without labels and without folders.

    Raises:
        ConfigError: there are too few images, or one cannot be used.
    """
    of_probe = None if probe is None else ProofImages(*probe)
    rest = 0 if prove or probe else _MOST_PROOF
    calibration = _unlabelled(calibrate, card, MOST_CALIBRATION + rest) if calibrate else of_probe
    proof = _proof_images(prove, card) if prove else of_probe if of_probe is not None else calibration
    if calibration is None or proof is None:
        raise ConfigError(
            "precision 'int8' is packed only with proof: name images like those that will come with --calibrate DIR, "
            "or labelled ones with --probe DIR; half of them prove it"
        )
    same = proof is calibration
    calibration, proof = calibration.distinct(), proof.distinct()
    calibrated_on = str(calibrate or _PROBE)
    source = str(prove) if prove else _PROBE if probe else calibrated_on
    if same:
        calibration, proof = proof.halves()
        calibrated_on = source = f"half of {source}"
    apart = without(calibration.pixels, proof.pixels)
    _refuse_few(apart, calibrated_on, LEAST_CALIBRATION, "calibration beside those of the proof", "--calibrate")
    _refuse_few(proof.pixels, source, LEAST_PROOF, "the proof", "--calibrate" if same else "--prove")
    return Int8Images(_some(apart), calibrated_on, proof, source)


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
    found = compare(card.architecture, "int8", expected, logits, expected.argmax(1) if labels is None else labels)
    proof = Proof(
        source=images.source,
        calibrated_on=images.calibrated_on,
        images=found.images,
        same=found.same,
        correct=None if labels is None else found.correct,
        correct_in_float32=None if labels is None else found.reference_correct,
    )
    if found.agreement < LEAST_AGREEMENT or (labels is not None and not found.passes):
        raise ArchiveError(
            f"{proof.in_a_line()}; at least {LEAST_AGREEMENT:.0%} and at most {100 * LARGEST_SHIFT:g} points are "
            "wanted: calibrate with other images (--calibrate DIR), or use another precision"
        )
    return proof


def calibration_images(folder: Path, card: ModelCard) -> Tensor:
    """A random part of the images below a folder, 300 at most: uint8 (N, 3, S, S).

    Raises:
        ConfigError: there is none, or one cannot be used.
    """
    return _unlabelled(folder, card, MOST_CALIBRATION).pixels


def _unlabelled(folder: Path, card: ModelCard, most: int) -> ProofImages:
    """A random part of the images below a folder, which have no labels, or whose labels do not count."""
    if not folder.is_dir():
        raise ConfigError(f"--calibrate {folder}: there is no such folder")
    found = sorted(file for file in folder.rglob("*") if not _is_hidden(file, folder) and is_image(file))
    if not found:
        raise ConfigError(f"--calibrate {folder}: there is no image in it, nor in any folder below")
    if len(found) > most:
        found = sorted(random.Random(0).sample(found, most))  # noqa: S311 (a choice of images, no secret)
    return ProofImages(read_images(found, card.input), None)


def _proof_images(folder: Path, card: ModelCard) -> ProofImages:
    """Labelled images in class folders; where there is no folder, images without labels that lie in this one."""
    visible = [path for path in folder.glob("*") if not is_hidden(path.name)]
    lying = sorted(path for path in visible if path.is_file() and is_image(path))
    if not lying or any(path.is_dir() for path in visible):
        return ProofImages(*read_folder(folder, card))
    return ProofImages(read_images(lying, card.input), None)


def _some(images: Tensor) -> Tensor:
    """Images to calibrate with, a random part where there are too many."""
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    return images[order[:MOST_CALIBRATION].sort().values]


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
            f"precision 'int8' needs at least {least} different images for {purpose}, and {source} has {len(pixels)}: "
            f"give more ({option} DIR)"
        )
