"""Which ways to run a network are looked at, and what stands in the way of some."""

import shutil
from importlib.util import find_spec
from itertools import product

import torch

from groupnl.inference.device import PRECISIONS, choose_precision
from groupnl.inference.engine_names import EngineName
from groupnl.inference.engines.table import engine_kind
from groupnl.inference.ways import Way, why_not

_COMPILERS = ("g++", "clang++", "c++")
_CUDA_PROVIDER = "CUDAExecutionProvider"


def obstacles(device: torch.device) -> dict[EngineName, str]:
    """Why engines cannot be tried here, in a sentence each: something is not installed."""
    found: dict[EngineName, str | None] = {
        "onnx": _without_onnx(device),
        "aot": _without_compiler(device),
        "compile": _without_compiler(device),
    }
    return {name: reason for name, reason in found.items() if reason is not None}


def _without_onnx(device: torch.device) -> str | None:
    if (missing := engine_kind("onnx").missing()) is not None:
        return missing
    try:
        import onnxruntime  # type: ignore[import-untyped]
    except ImportError:
        return "onnxruntime is not installed: carry onnxruntime-gpu"
    if device.type == "cuda" and _CUDA_PROVIDER not in onnxruntime.get_available_providers():
        return f"the onnxruntime that is installed has no {_CUDA_PROVIDER}: carry onnxruntime-gpu"
    return None


def _without_compiler(device: torch.device) -> str | None:
    if not any(map(shutil.which, _COMPILERS)):
        return f"there is no C++ compiler ({', '.join(_COMPILERS)})"
    if device.type == "cuda" and find_spec("triton") is None:
        return "triton is not installed"
    return None


def loaded_ways(device: torch.device) -> list[Way]:
    """What is not compiled: both forms in eager PyTorch, the rewritten one in ONNX Runtime, in every precision."""
    eager = [Way(published, "eager", precision) for published, precision in product((True, False), PRECISIONS.values())]
    return _possible([*eager, *(Way(False, "onnx", precision) for precision in PRECISIONS.values())], device)


def packaged_way(device: torch.device) -> list[Way]:
    """What is compiled of every network: a package in the best precision; nothing where that cannot be."""
    return _possible([Way(False, "aot", choose_precision("auto", device))], device)


def other_compiled_ways(device: torch.device) -> list[Way]:
    """What is compiled of one network: by torch.compile, and packages in the other precisions."""
    best = choose_precision("auto", device)
    by_compile = [Way(published, "compile", best) for published in (False, True)]
    packages = [Way(False, "aot", precision) for precision in PRECISIONS.values() if precision != best]
    return _possible([*by_compile, *packages], device)


def timed_ways(device: torch.device) -> list[Way]:
    """What is compared for speed: in the best precision."""
    best = choose_precision("auto", device)
    in_onnx = engine_kind("onnx").nearest(best, device)
    ways = [Way(True, "eager", best), Way(False, "eager", best), Way(False, "aot", best), Way(False, "onnx", in_onnx)]
    return _possible(ways, device)


def _possible(ways: list[Way], device: torch.device) -> list[Way]:
    hindered = obstacles(device)
    return [way for way in ways if way.engine not in hindered and why_not(way, device) is None]
