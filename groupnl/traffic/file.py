"""All that is known of the traffic before packing, as one file: NAME.traffic.safetensors.

The record lies as JSON in the header; beside it lie the small model, the confusion of its looks and the statistics of
held-back images.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from groupnl.base.atomic_file import replacing
from groupnl.base.problems import problems
from groupnl.corruptions.names import NAMES
from groupnl.errors import ConfigError
from groupnl.traffic.recogniser import Recogniser
from groupnl.traffic.record import LOOKS, TrafficRecord
from groupnl.traffic.statistics import COUNT, STATISTICS

TRAFFIC_FILE = "traffic.safetensors"  # inside an archive
SUFFIX = ".traffic.safetensors"  # beside a checkpoint
_HEADER_KEY = "traffic"


@dataclass(frozen=True, eq=False)
class Traffic:
    """What traffic is compared with.

    Attributes:
        record: the network's clean answers, and of what all this is.
        recogniser: says what an image looks like.
        confusion: int64 (96, 96): held-back images that were truly so (row) and looked so (column), both in the
            order of `record.LOOKS`; no image was recognised by a model that was fitted on it. Each row has as many
            images, but for the first: with `record.live_images` these are counted there.
        reference: float32 (statistics, N): of `STATISTICS`, those of held-back images without corruption, each row
            sorted.
    """

    record: TrafficRecord
    recogniser: Recogniser
    confusion: NDArray[np.int64]
    reference: NDArray[np.float32]


def write_traffic(traffic: Traffic, path: Path) -> None:
    """Write the file; a reader sees the old one or the new one."""
    tensors = traffic.recogniser._asdict() | {
        "confusion": traffic.confusion.astype(np.int32),
        "reference": traffic.reference,
    }
    with replacing(path) as partial:
        # Strided arrays would be written as they lie in memory.
        whole = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
        save_file(whole, partial, metadata={_HEADER_KEY: traffic.record.model_dump_json()})
        partial.chmod(0o644)  # safetensors makes it its owner's alone


def read_traffic(path: Path) -> Traffic:
    """Read what `write_traffic` wrote.

    Raises:
        ConfigError: the file is missing, damaged, or no such file.
    """
    if not path.is_file():
        raise ConfigError(f"{path} does not exist; make it with `groupnl traffic`")
    try:
        with safe_open(path, framework="np") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
            header = (file.metadata() or {}).get(_HEADER_KEY)
    except (SafetensorError, OSError) as error:
        raise ConfigError(f"{path} cannot be read as safetensors: {error}") from None
    if header is None:
        raise ConfigError(f"{path} is no file of `groupnl traffic`: its header has no entry {_HEADER_KEY!r}")
    try:
        record = TrafficRecord.model_validate_json(header)
    except ValidationError as error:
        raise ConfigError(f"{path} has no usable record of the traffic: {problems(error)}") from None
    _refuse_tensors(path, tensors)
    confusion, reference = tensors.pop("confusion"), tensors.pop("reference")
    return Traffic(record, Recogniser(**tensors), confusion.astype(np.int64), reference)


def _refuse_tensors(path: Path, tensors: dict[str, NDArray[Any]]) -> None:
    """Raise ConfigError unless they are those that this version's statistics need, with plausible numbers."""
    hidden = len(tensors["hidden_bias"]) if "hidden_bias" in tensors else 0
    images = tensors["reference"].shape[-1] if "reference" in tensors and tensors["reference"].ndim else 0
    wanted = {
        "mean": (COUNT,),
        "scale": (COUNT,),
        "hidden_weight": (hidden, COUNT),
        "hidden_bias": (hidden,),
        "weight": (len(LOOKS), hidden),
        "bias": (len(LOOKS),),
        "caution": (len(NAMES),),
        "confusion": (len(LOOKS), len(LOOKS)),
        "reference": (len(STATISTICS), images),
    }
    found = {name: tensor.shape for name, tensor in tensors.items()}
    if found != wanted:
        different = sorted(name for name in wanted | found if wanted.get(name) != found.get(name))
        raise ConfigError(
            f"{path} is of another version: {', '.join(different)} should be of shapes "
            f"{[wanted.get(name) for name in different]} and are of {[found.get(name) for name in different]}; make it "
            "again with `groupnl traffic`"
        )
    if any(tensor.dtype != (np.int32 if name == "confusion" else np.float32) for name, tensor in tensors.items()):
        raise ConfigError(f"{path} has numbers of another type: make it again with `groupnl traffic`")
    counts = tensors["confusion"]
    usable = all(np.isfinite(tensor).all() for tensor in tensors.values()) and (tensors["scale"] > 0).all()
    if not (images and usable and (counts >= 0).all() and (counts.sum(axis=1) > 0).all()):
        raise ConfigError(f"{path} holds numbers that cannot be: make it again with `groupnl traffic`")
