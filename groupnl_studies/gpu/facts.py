"""The part `machine`: what the run was made on, every version among it."""

import os
import shutil
import subprocess
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import psutil
import torch

from groupnl.inference.device_names import Device
from groupnl_studies.gpu.findings import Findings
from groupnl_studies.harness.machine import machine

_QUERY = "name,driver_version,memory.total,clocks.max.sm,power.limit,temperature.gpu"
_TOOLS = (("g++", "--version"), ("nvcc", "--version"))


def run(device: Device, work: Path, findings: Findings) -> None:
    """Look at everything; without a device that computes there is a problem."""
    for name, value in machine().items():
        findings.put(name, value)
    findings.put("packages", {each.metadata["Name"]: each.version for each in distributions()})
    findings.put("memory_bytes", psutil.virtual_memory().total)
    findings.put("free_disk_bytes", shutil.disk_usage(work).free)
    findings.put("tools", {tool[0]: _said(*tool) for tool in _TOOLS})
    if device == "cpu":
        findings.say(f"a CPU: {os.cpu_count()} cores, torch {torch.__version__}")
        return
    findings.put("nvidia_smi", _said("nvidia-smi", f"--query-gpu={_QUERY}", "--format=csv"))
    findings.put("gpu", _gpu())
    findings.say(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, CUDA {torch.version.cuda}")


def _gpu() -> dict[str, Any]:
    properties = torch.cuda.get_device_properties(0)
    ones = torch.ones(256, 256, device="cuda")
    if float((ones @ ones).sum()) != 256.0**3:
        raise ArithmeticError("the GPU does not multiply ones rightly")
    return {
        "name": properties.name,
        "memory_bytes": properties.total_memory,
        "capability": list(torch.cuda.get_device_capability()),
        "multiprocessors": properties.multi_processor_count,
        "devices": torch.cuda.device_count(),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
    }


def _said(*command: str) -> str | None:
    """What a program prints; None where there is none, or it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)  # noqa: S603 (ours)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
