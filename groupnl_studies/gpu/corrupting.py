"""The part `corruptions`: whether the device makes the CPU's pixels, and how fast."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from groupnl.corruptions import NAMES, CorruptionSpec, corrupt_each
from groupnl.corruptions.corrupt import check
from groupnl.corruptions.names import SEVERITIES
from groupnl.errors import ConfigError
from groupnl.inference.device import choose_device
from groupnl.inference.device_names import Device
from groupnl_studies.gpu.findings import Findings
from groupnl_studies.gpu.plan import make_plan
from groupnl_studies.harness.random_network import pictures

_BATCHES = {"cuda": 32, "cpu": 5}
_LARGEST, _LEAST_EQUAL = 1, 0.99  # levels; share of all values


def run(device: Device, work: Path, findings: Findings) -> None:
    """Make all nineteen at all severities on both, and time a batch of a mixture of severities on the device."""
    chosen, plan = choose_device(device), make_plan(device)
    images = pictures(_BATCHES[device], plan.size).contiguous()
    for name in NAMES:
        if findings.left_s < 0:
            findings.not_reached(name)
            continue
        try:
            check([name])
        except ConfigError as error:
            findings.left_out(f"{name}: {error}")
            continue
        with findings.trying(name):
            _judge(compare(name, images, chosen), findings)


def _judge(row: dict[str, Any], findings: Findings) -> None:
    findings.add("rows", row)
    off = f"off by {row['largest']} levels, {row['equal']:.2%} of the values equal"
    findings.say(f"{row['corruption']}: {row['ms']:.2f} ms an image, on the CPU {row['cpu_ms']:.2f}; {off}")
    if row["largest"] > _LARGEST or row["equal"] <= _LEAST_EQUAL:
        findings.problem(f"{row['corruption']}: other pixels than the CPU's: {off}")


def compare(name: str, images: Tensor, device: torch.device) -> dict[str, Any]:
    """One corruption, on the CPU and on the device.

    Args:
        name: of it.
        images: uint8 (B, 3, S, S), on the CPU.
        device: that is compared.

    Returns:
        The largest difference, in levels; the share of values that are equal; milliseconds for an image on either, with
        the random numbers drawn and, for the device, without the copies to and from it.
    """
    specs = [CorruptionSpec(name, SEVERITIES[place % len(SEVERITIES)], place) for place in range(len(images))]
    few = len(SEVERITIES)
    began = time.perf_counter()
    expected = corrupt_each(images[:few], specs[:few])
    cpu_ms = (time.perf_counter() - began) * 1e3 / few
    there = images.to(device)
    found = corrupt_each(there, specs)  # kernels are loaded, tables are built
    ms = _ms(there, specs)
    difference = (found[:few].cpu().int() - expected.int()).abs()
    return {
        "corruption": name,
        "largest": int(difference.max()),
        "equal": float((difference == 0).float().mean()),
        "ms": ms,
        "cpu_ms": cpu_ms,
    }


def _ms(images: Tensor, specs: Sequence[CorruptionSpec]) -> float:
    _wait_for(images.device)
    began = time.perf_counter()
    corrupt_each(images, specs)
    _wait_for(images.device)
    return (time.perf_counter() - began) * 1e3 / len(images)


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
