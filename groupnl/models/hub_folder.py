"""timm's folders for the Hugging Face hub: a `config.json` beside the weights says what they are."""

import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import timm

from groupnl.errors import CheckpointError
from groupnl.models.architecture import COLOUR
from groupnl.models.other_arguments import is_flexible

CONFIG = "config.json"
# Of the classes: in timm's folders of today, in its first ones, and in transformers' first ones around its networks.
_NAMES = ("label_names", "labels", "id2label")
_ANYONES = ("pytorch_model.pth", "model.pth")  # timm looks for them, and many a script writes them
WEIGHTS = (  # the first that is there
    *("model.safetensors", "model.safetensors.index.json"),
    *("pytorch_model.bin", "pytorch_model.bin.index.json"),
    *_ANYONES,
)
# What timm's first folders had at the top of their configuration, together.
_AT_THE_TOP = frozenset({"input_size", "crop_pct", "interpolation", "classifier"})
_SAVED_MODEL = "saved_model.pb"
_DISTRIBUTED = ".metadata"
_SNAPSHOTS = "snapshots"  # in the cache of Hugging Face's hub


class HubConfig(NamedTuple):
    """What `config.json` says.

    Attributes:
        architecture: timm name.
        input: timm's configuration of the weights; `mean`, `crop_pct`, ... by timm's names.
        classes: names in the order of the logits, where it has them.
        arguments: that the network was built with, beside its name.
    """

    architecture: str
    input: Mapping[str, Any]
    classes: tuple[str, ...] | None
    arguments: Mapping[str, Any]


def weights_file(path: Path) -> Path:
    """The file of a checkpoint: itself, or the weights in a folder, or the index of their files.

    Raises:
        CheckpointError: it does not exist, or is a folder without weights.
    """
    if path.is_file():
        return path
    if not path.exists():
        raise CheckpointError(f"checkpoint {path} does not exist")
    if not path.is_dir():
        raise CheckpointError(f"checkpoint {path} is neither a file nor a folder: name the checkpoint's file")
    if (path / _SAVED_MODEL).exists():
        raise CheckpointError(f"checkpoint {path} is a TensorFlow SavedModel: save the network's weights from PyTorch")
    if (path / _DISTRIBUTED).exists():
        raise CheckpointError(
            f"checkpoint {path} is of torch.distributed.checkpoint: make one file of it, "
            "python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER FILE"
        )
    if path.name.startswith("models--") and (path / _SNAPSHOTS).is_dir():
        raise CheckpointError(
            f"checkpoint {path} is a repository in the hub's cache, which may hold several versions: name one of the "
            f"folders in {path / _SNAPSHOTS}"
        )
    found = next((path / name for name in WEIGHTS if (path / name).is_file()), None)
    _config_beside(found or path / WEIGHTS[0])  # another library's folder is refused by its name
    if found is None:
        raise CheckpointError(f"the folder {path} holds no {WEIGHTS[0]} or {WEIGHTS[2]}: name the checkpoint's file")
    return found


def hub_config(weights: Path) -> HubConfig | None:
    """What the `config.json` beside the weights says; None where there is none, or another program's.

    Raises:
        CheckpointError: it cannot be used, or is of Hugging Face transformers.
    """
    content = _config_beside(weights) if weights.name in WEIGHTS else None
    if content is None:
        return None
    configuration = content.get("pretrained_cfg", content)  # it all lay at the top in timm's first folders
    arguments = content.get("model_args") or {}
    if not isinstance(configuration, dict) or not isinstance(arguments, dict):
        raise CheckpointError(f"{weights.parent / CONFIG} is no configuration of timm's: name the weights' file alone")
    named = (place.get(name) for place in (content, configuration) for name in _NAMES)
    names = next(filter(None, map(_classes, named)), None)
    return HubConfig(content["architecture"], configuration | _built_for(arguments), names, arguments)


def _built_for(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The input of a network that was built for another size than its configuration goes on to say."""
    size = None if is_flexible(arguments) else arguments.get("img_size")
    sides = size if isinstance(size, list) else [size, size]
    return {"input_size": [arguments.get("in_chans", COLOUR), *sides]} if size else {}


def _config_beside(weights: Path) -> dict[str, Any] | None:
    """What `_read_config` finds beside weights; beside files that may be anyone's, only what is surely timm's.

    Raises:
        CheckpointError: see `_read_config`; never for files that may be anyone's.
    """
    if weights.name not in _ANYONES:
        return _read_config(weights.parent)
    with suppress(CheckpointError):
        content = _read_config(weights.parent)
        return content if content and _is_timms(content) else None
    return None


def _is_timms(content: Mapping[str, Any]) -> bool:
    configuration = content.get("pretrained_cfg", content)
    if not isinstance(configuration, dict) or not isinstance(content.get("model_args") or {}, dict):
        return False
    is_described = "pretrained_cfg" in content or content.keys() >= _AT_THE_TOP
    return is_described and bool(timm.is_model(content["architecture"]))


def _read_config(folder: Path) -> dict[str, Any] | None:
    file = folder / CONFIG
    if not file.is_file():
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{file}, beside the weights, cannot be read: {error}") from None
    if not isinstance(content, dict):
        return None
    if isinstance(content.get("architecture"), str):
        return content
    if "architectures" in content or "model_type" in content:
        raise CheckpointError(
            f"the folder {folder} is of Hugging Face transformers ({CONFIG}: {content.get('architectures')}), whose "
            "networks are not timm's: take timm's weights of the architecture"
        )
    return None


def _classes(names: Any) -> tuple[str, ...] | None:
    """Class names, of a list or of a mapping of positions to names; both are timm's.

    Those that stand twice, as ImageNet's crane in the folders of transformers, get their positions behind them. What
    transformers calls classes without names says nothing.
    """
    if isinstance(names, dict):
        names = [names.get(str(position)) for position in range(len(names))]
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        return None
    if all(name == f"LABEL_{position}" for position, name in enumerate(names)):
        return None
    times = Counter(names)
    return tuple(name if times[name] == 1 else f"{name} ({position})" for position, name in enumerate(names))
