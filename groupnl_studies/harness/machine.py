"""What a measurement was made on: without it a figure cannot be compared with another."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from groupnl.base.cores import usable_cores

_PACKAGES = (
    *("groupnl-serve", "torch", "torchvision", "torchserve", "timm", "pillow", "simplejpeg", "captum"),
    *("onnxruntime-gpu", "onnxruntime", "openvino", "litserve", "mosec"),
)
_CPU_INFO = Path("/proc/cpuinfo")


def machine() -> dict[str, Any]:
    """Processor, cores that may be used, load before the run (None where the system does not tell), versions."""
    return {
        "processor": _processor(),
        "cores": usable_cores(),
        "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
    }


def _processor() -> str:
    lines = _CPU_INFO.read_text(encoding="utf-8").splitlines() if _CPU_INFO.exists() else []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
