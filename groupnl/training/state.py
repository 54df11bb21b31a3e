"""What a run needs to go on after it was stopped, written so that a kill at any moment leaves a whole file."""

from pathlib import Path
from typing import Any

import torch

from groupnl.errors import ConfigError
from groupnl.training.config import TrainConfig

FILE = "state.pt"
Row = dict[str, str]
# A run may go on with other values of these: they change the rounding at most.
_FREE = {"device", "threads", "output", "run"}


def save_state(config: TrainConfig, rows: list[Row], parts: dict[str, Any]) -> None:
    """Write the state after some whole epochs.

    Args:
        config: of the run; compared when the run goes on.
        rows: the log, one row an epoch.
        parts: name -> object with a ``state_dict``.
    """
    folder = config.run_folder
    folder.mkdir(parents=True, exist_ok=True)
    content = {name: part.state_dict() for name, part in parts.items()}
    partial = folder / f"{FILE}.partial"
    torch.save({"rows": rows, "config": config.model_dump_json(), **content}, partial)
    partial.replace(folder / FILE)


def load_state(config: TrainConfig, parts: dict[str, Any]) -> list[Row]:
    """Fill `parts` from the run's folder, if it has a state.

    Returns:
        The log so far; empty for a new run.

    Raises:
        ConfigError: the state is of a run with other settings.
    """
    path = config.run_folder / FILE
    if not path.is_file():
        return []
    content = torch.load(path, map_location="cpu", weights_only=True)
    _refuse_other_settings(path, TrainConfig.model_validate_json(content["config"]), config)
    for name, part in parts.items():
        part.load_state_dict(content[name])
    rows: list[Row] = content["rows"]
    return rows


def _refuse_other_settings(path: Path, stored: TrainConfig, given: TrainConfig) -> None:
    other = [
        f"--{name.replace('_', '-')} was {getattr(stored, name)}, is {getattr(given, name)}"
        for name in TrainConfig.model_fields
        if name not in _FREE and getattr(stored, name) != getattr(given, name)
    ]
    if other:
        raise ConfigError(
            f"{path} is of a run with other settings ({'; '.join(other)}): repeat them to go on, "
            "or begin anew with --restart"
        )
