"""A data set that trains in seconds: noisy images of three colours, and settings to train a tiny network on them."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from groupnl.card import SplitAccuracy
from groupnl.models import TINY
from groupnl.training.config import TrainConfig
from groupnl.training.trainer import Trainer

COLOURS = {"amber": (240, 170, 20), "blue": (20, 40, 220), "red": (220, 20, 30)}
CLASSES = tuple(COLOURS)
PIXELS = 32
# No augmentation and no choice: every epoch sees the same pixels.
PLAIN = {"scale_min": 1.0, "hflip": 0.0, "color_jitter": 0.0, "mixup": 0.0, "drop": 0.0}


def write_colours(folder: Path, train: int = 8, test: int = 5) -> None:
    """FOLDER/{train,test}/COLOUR/N.png, so many of each class."""
    rng = np.random.default_rng(0)
    for split, count in (("train", train), ("test", test)):
        for name, colour in COLOURS.items():
            (folder / split / name).mkdir(parents=True)
            for index in range(count):
                pixels = np.array(colour) + rng.normal(0, 20, (PIXELS, PIXELS, 3))
                image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
                image.save(folder / split / name / f"{index}.png")


def write_shards(data: Path, folder: Path, shards: int = 4) -> None:
    """Shards as timm's own sets have them: N.png and N.cls, and what is in them in _info.json."""
    splits = {}
    for split in ("train", "test"):
        images = sorted((data / split).glob("*/*.png"))
        names = [f"colours-{split}-{index}.tar" for index in range(shards)]
        for index, name in enumerate(names):
            with tarfile.open(folder / name, "w") as tar:
                for number, path in enumerate(images[index::shards]):
                    _add(tar, f"{number:04}.png", path.read_bytes())
                    _add(tar, f"{number:04}.cls", str(CLASSES.index(path.parent.name)).encode())
        lengths = [len(images[index::shards]) for index in range(shards)]
        splits[split] = {"name": split, "num_samples": len(images), "filenames": names, "shard_lengths": lengths}
    (folder / "_info.json").write_text(json.dumps({"splits": splits}))
    (folder / "classes.txt").write_text("\n".join(CLASSES))


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def settings(data: Path, folder: Path, **changes: object) -> TrainConfig:
    """Three short epochs on a CPU, run in `folder`."""
    given = {
        "data": data,
        "model": TINY.name,
        "output": folder / "tiny.safetensors",
        "run": folder / "run",
        "eval_splits": ("test",),
        "epochs": 3,
        "batch_size": 6,
        "size": PIXELS,
        "warmup_epochs": 0,
        "mixup": 0.2,
        "ema_decay": 0.9,
        "drop": 0.1,
        "precision": "float32",
        "workers": 1,
        "threads": 1,
        "device": "cpu",
    }
    return TrainConfig(**(given | changes))


def run_into_the_second_epoch(trainer: Trainer) -> None:
    """Run; stop before the second epoch is measured."""
    whole, calls = trainer.measure, iter(range(2))

    def measure_or_stop() -> dict[str, SplitAccuracy]:
        if next(calls):
            raise KeyboardInterrupt
        return whole()

    trainer.measure = measure_or_stop
    with pytest.raises(KeyboardInterrupt):
        trainer.run()


def words_of(config: TrainConfig) -> list[str]:
    """The options that say these settings, also after torchrun."""
    fields = config.model_dump(mode="json", exclude_defaults=True)
    fields["run-folder"] = fields.pop("run")
    return [word for name, value in fields.items() for word in _option(name.replace("_", "-"), value)]


def _option(name: str, value: object) -> list[str]:
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    return [f"--{name}", ",".join(map(str, value)) if isinstance(value, list) else str(value)]
