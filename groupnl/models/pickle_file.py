"""Files of `torch.save`: read with an allow-list, so that nothing they name is run.

Built are tensors, containers, plain numbers, text, and the `argparse.Namespace` that scripts write beside them.
"""

import re
from pathlib import Path
from typing import Any

import torch

from groupnl.errors import CheckpointError
from groupnl.models import pickled_number, pickled_value

_WANTED = re.compile(r"GLOBAL ([\w.]+)")


def read_pickle(path: Path) -> dict[Any, Any]:
    """What the file holds, on the CPU.

    Raises:
        CheckpointError: damaged, no dictionary, or it wants anything else built.
    """
    try:
        with torch.serialization.safe_globals([*pickled_number.ADMITTED, *pickled_value.ADMITTED]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle makes torch raise nearly any type
        raise CheckpointError(f"checkpoint {path} {_refusal(error)}") from error
    if not isinstance(content, dict):
        raise CheckpointError(
            f"checkpoint {path} holds a {type(content).__name__} instead of a dictionary: save the network's state "
            "dict, torch.save(network.state_dict(), FILE)"
        )
    return content


def _refusal(error: Exception) -> str:
    """In place of torch's own text, which has eight lines and advises to let the file run what it likes."""
    wanted = _WANTED.search(str(error))
    if wanted is None:
        return "is damaged or cut short: fetch or save it again"
    return (
        f"wants {wanted[1]} built, which could run anything; only tensors, numbers, containers and an "
        "argparse.Namespace are: where its code is, save the network's state dict alone, "
        "torch.save(network.state_dict(), FILE)"
    )
