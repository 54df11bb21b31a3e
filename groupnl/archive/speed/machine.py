"""What a speed depends on, beside the network: the machine, and the versions of what computes on it."""

import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from groupnl.base.cores import usable_cores
from groupnl.base.environment import cpu_limits

_CPU = Path("proc/cpuinfo")
_GPUS = "proc/driver/nvidia/gpus/*/information"
_PACKAGES = ("torch", "onnxruntime-gpu", "onnxruntime", "openvino")


class Machine(BaseModel):
    """A machine as far as speeds depend on it.

    Attributes:
        cpu: its model, as Linux tells it, else the processor's architecture.
        instructions: of the vector and matrix units, as Linux tells them.
        cores: that may be used, by affinity and by quota.
        gpus: their models, in the driver's order.
        packages: name -> version of what can compute; what is not installed is missing.
        limits: variables of the environment that forbid instructions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cpu: str
    instructions: tuple[str, ...]
    cores: int
    gpus: tuple[str, ...]
    packages: dict[str, str]
    limits: dict[str, str] = {}

    @classmethod
    def here(cls, root: Path = Path("/")) -> "Machine":
        """This machine.

        Args:
            root: of the file system that says so.
        """
        told = _text(root / _CPU)
        flags = _line("flags", told).split() or _line("Features", told).split()
        return cls(
            cpu=_line("model name", told) or platform.machine(),
            instructions=tuple(sorted(flag for flag in set(flags) if re.match("avx|amx|fma|asimd|sve|bf16", flag))),
            cores=usable_cores(root),
            gpus=tuple(_line("Model", _text(file)) for file in sorted(root.glob(_GPUS))),
            packages={name: found for name in _PACKAGES if (found := _version(name))},
            limits=cpu_limits(),
        )

    def difference(self, here: "Machine") -> str | None:
        """What is another than there, in a few words; None: nothing."""
        for name in type(self).model_fields:
            before, now = getattr(self, name), getattr(here, name)
            if before != now:
                return f"{name} {_shown(before)}, here {_shown(now)}"
        return None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux, or no such driver
        return ""


def _line(name: str, text: str) -> str:
    """The first value of this name; empty where there is none."""
    found = re.search(rf"^{name}\s*:\s*(.*)$", text, re.MULTILINE)
    return found.group(1).strip() if found else ""


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}" for name, number in value.items()) or "none"
    return ", ".join(value) or "none" if isinstance(value, tuple) else str(value)
