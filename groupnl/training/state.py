"""What a run needs to go on after it was stopped, whole after a kill at any moment."""

from pathlib import Path
from typing import Any

import torch

from groupnl.base.atomic_file import replacing
from groupnl.errors import ConfigError
from groupnl.training.config import TrainConfig
from groupnl.training.log import Row

FILE = "state.pt"
# A run may go on with other values of these: they change the rounding at most, or only what is written; checkpoints
# that it was made with are compared by their content.
_FREE = {"device", "threads", "output", "run", "pth_tar", "tensorboard", "initial_checkpoint", "teacher"}


def save_state(config: TrainConfig, circumstances: dict[str, Any], rows: list[Row], parts: dict[str, Any]) -> None:
    """Write the state after some whole epochs.

    Args:
        config: of the run; compared when the run goes on.
        circumstances: what else must be the same; likewise.
        rows: the log, one row an epoch.
        parts: name -> object with a ``state_dict``.

    Raises:
        WriteError: the disk does not take it; the state before stays.
    """
    content: dict[str, Any] = {name: part.state_dict() for name, part in parts.items()}
    content |= {"rows": rows, "config": config.model_dump_json(), "circumstances": circumstances}
    with replacing(config.run_folder / FILE, _size(content)) as path, path.open("wb") as file:
        torch.save(content, file)  # to a path, torch would hide why the disk takes no more


def load_state(config: TrainConfig, circumstances: dict[str, Any], parts: dict[str, Any]) -> list[Row]:
    """Fill `parts` from the run's folder, if it has a state.

    Returns:
        The log so far; empty for a new run.

    Raises:
        ConfigError: the state is of a run with other settings, or in other circumstances.
    """
    path = config.run_folder / FILE
    if not path.is_file():
        return []
    content = torch.load(path, map_location="cpu", weights_only=True)
    stored = TrainConfig.model_validate_json(content["config"])
    then, now = (_settings(stored) | content.get("circumstances", {})), _settings(config) | circumstances
    _refuse_others(path, then, now)
    for name, part in parts.items():
        part.load_state_dict(content[name])
    rows: list[Row] = content["rows"]
    return rows


def forget_state(config: TrainConfig) -> None:
    """Remove the state, if there is one."""
    (config.run_folder / FILE).unlink(missing_ok=True)


def _size(content: Any) -> int:
    """Bytes of the tensors, which are nearly all of the file."""
    if isinstance(content, torch.Tensor):
        return content.nbytes
    inner = content.values() if isinstance(content, dict) else content if isinstance(content, list | tuple) else ()
    return sum(map(_size, inner))


def _settings(config: TrainConfig) -> dict[str, Any]:
    compared = {name: getattr(config, name) for name in TrainConfig.model_fields if name not in _FREE}
    return {f"--{name.replace('_', '-')}": value for name, value in compared.items()}


def _refuse_others(path: Path, stored: dict[str, Any], given: dict[str, Any]) -> None:
    names = dict.fromkeys((*given, *stored))  # what only one of the two has is None for the other
    values = ((name, stored.get(name), given.get(name)) for name in names)
    other = [_difference(name, then, now) for name, then, now in values if then != now]
    if other:
        raise ConfigError(
            f"{path} is of a run with other settings ({'; '.join(other)}): repeat them to go on, "
            "or begin anew with --restart"
        )


def _difference(name: str, stored: Any, given: Any) -> str:
    if isinstance(stored, list):  # perhaps a thousand classes
        only = [", ".join(sorted(set(some) - set(others))[:5]) for some, others in ((stored, given), (given, stored))]
        return f"{name} were others (then {only[0] or 'none'} more, now {only[1] or 'none'} more)"
    return f"{name} was {stored}, is {given}"
