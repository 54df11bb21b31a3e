"""From files to the five best classes, in the two ways with which other servers are measured."""

import io
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from timm.data import create_transform
from torch import Tensor

from groupnl.archive.engine import choose
from groupnl.archive.load import checked_manifest, handler_section, load_unpacked
from groupnl.archive.read import CONFIG_FILE
from groupnl.base.yaml_file import read_mapping
from groupnl.card import InputConfig
from groupnl_studies.serving.others.options import Answer, ProgramOptions
from groupnl_studies.serving.pipeline import Pipeline

TOP = 5


class Published:
    """What users of timm and a general server have: the network as it was published, compiled at the start.

    Pillow and timm's transform (torchvision's parts) before it, `torch.compile` and autocast for it. Like `OurEngine`
    it has two steps, which a server may do in different threads or processes.
    """

    def __init__(self, options: ProgramOptions) -> None:
        torch.set_num_threads(options.threads)
        manifest, network = load_unpacked(options.unpacked)
        choice = choose(handler_section(read_mapping(options.unpacked / CONFIG_FILE)))
        self.prepare = pillow_transform(manifest.card.input)
        self._device, self._precision = choice.device, choice.precision
        # Parameters become constants, which Inductor's documents advise for networks that are only asked.
        self._network = torch.compile(
            network.to(choice.device).to(memory_format=torch.channels_last), dynamic=True, options={"freezing": True}
        )
        self._warm_up(manifest.card.input.size, options.batch_size)

    def classify(self, prepared: Sequence[Tensor | NDArray[np.float32]]) -> Tensor:
        """Logits of prepared images, float32 (B, classes); each is float32 (3, S, S)."""
        batch = torch.stack([torch.as_tensor(each) for each in prepared]).to(
            self._device, memory_format=torch.channels_last
        )
        mixed = self._precision != torch.float32
        with torch.inference_mode(), torch.autocast(self._device.type, self._precision, enabled=mixed):
            logits: Tensor = self._network(batch)
        return logits.float().cpu()

    def _warm_up(self, size: int, batch_size: int) -> None:
        """Compile: for one image, and for any number of them."""
        for count in sorted({1, min(2, batch_size), batch_size}):
            self.classify([torch.zeros(3, size, size)] * count)


class OurEngine:
    """What our service does between its socket and its answer."""

    def __init__(self, options: ProgramOptions) -> None:
        self._pipeline = Pipeline(options.unpacked, options.threads, options.batch_size)

    def prepare(self, file: bytes) -> bytes:
        """Nothing: the pipeline decodes whole batches."""
        return file

    def classify(self, prepared: Sequence[bytes]) -> Tensor:
        """Logits of files, float32 (B, classes)."""
        return self._pipeline(prepared)


Classifier = Published | OurEngine


def classifier(options: ProgramOptions) -> Classifier:
    """The way that the options name, loaded and warm."""
    return OurEngine(options) if options.our_engine else Published(options)


def pillow_transform(config: InputConfig) -> Callable[[bytes], Tensor]:
    """From a file to network input, float32 (3, S, S), with Pillow and timm's transform."""
    transform = create_transform(
        config.size,
        interpolation=config.interpolation,
        mean=config.mean,
        std=config.std,
        crop_pct=config.crop_pct,
    )

    def prepare(file: bytes) -> Tensor:
        tensor: Tensor = transform(Image.open(io.BytesIO(file)).convert("RGB"))
        return tensor

    return prepare


def of_pillow(options: ProgramOptions) -> Callable[[bytes], Tensor]:
    """The first step of `Published` alone, in a process that does nothing else; with one thread."""
    torch.set_num_threads(1)
    return pillow_transform(checked_manifest(options.unpacked).card.input)


def class_names(options: ProgramOptions) -> tuple[str, ...]:
    """Of the network, in the order of its logits."""
    return checked_manifest(options.unpacked).card.classes


def best(logits: Tensor, classes: Sequence[str]) -> list[Answer]:
    """For each row, class name -> probability of the five best classes, as our service answers."""
    found = logits.softmax(dim=1).topk(min(TOP, len(classes)))
    rows = zip(found.indices.tolist(), found.values.tolist(), strict=True)
    return [{classes[index]: value for index, value in zip(*row, strict=True)} for row in rows]
