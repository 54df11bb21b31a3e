"""Which device runs the network and in which precision: as configured, or by what is there."""

from itertools import chain

import torch
from torch import nn

from groupnl.base.environment import ONEDNN_ISA, cpu_limits
from groupnl.errors import ConfigError
from groupnl.inference.device_names import Device, PrecisionName, ServedPrecision

# CPU instructions that multiply bfloat16 matrices: x86 (AVX-512, AMX) and Arm. Intel's AVX-512 multiplies no more of
# them than of float32 numbers.
_BFLOAT16_FLAGS = ("avx512_bf16", "amx_bf16", "bf16")
_QUICKER_BFLOAT16_OF_INTEL = ("amx_bf16",)
# CPU instructions that add products of 8-bit numbers in 32 bits.
_INT8_FLAGS = ("avx512_vnni", "avx_vnni", "amx_int8")
# How values of ONEDNN_MAX_CPU_ISA begin that leave matrix units; bfloat16; the other.
_AMX_OF_ONEDNN = ("DEFAULT", "AVX512_CORE_AMX", "AVX10_2", "ALL")
_ALL_OF_ONEDNN = (*_AMX_OF_ONEDNN, "AVX512_CORE_BF16", "AVX512_CORE_FP16", "AVX10")
_INT8_OF_ONEDNN = (*_ALL_OF_ONEDNN, "AVX512_CORE_VNNI", "AVX2_VNNI")

# Name -> precision, as options, records and metrics have it.
PRECISIONS: dict[PrecisionName, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "int8": torch.int8,
}


def choose_device(wanted: Device = "auto", index: int | None = None) -> torch.device:
    """The device that was asked for, or the best one there is.

    Args:
        wanted: "auto" takes CUDA where there is one.
        index: which CUDA device, when there are several.

    Raises:
        ConfigError: CUDA was asked for and there is none, or none of that index.
    """
    has_cuda = torch.cuda.is_available()
    if wanted == "cuda" and not has_cuda:
        raise ConfigError("device 'cuda' was asked for, but torch finds no CUDA device: use 'cpu' or 'auto'")
    if wanted == "cpu" or not has_cuda:
        return torch.device("cpu")
    number, devices = index or 0, torch.cuda.device_count()
    if number >= devices:
        raise ConfigError(f"CUDA device {number} was asked for, but there are {devices}, counted from 0")
    return torch.device("cuda", number)


def place(network: nn.Module, device: torch.device) -> nn.Module:
    """Move a network to a device, its images' filters in channels-last memory order, which convolutions want."""
    network.to(device)
    # Not network.to(memory_format=...), which refuses networks that have filters of three dimensions too.
    for values in chain(network.parameters(), network.buffers()):
        if values.dim() == 4:
            values.data = values.data.contiguous(memory_format=torch.channels_last)
    return network


def choose_precision(wanted: ServedPrecision, device: torch.device) -> torch.dtype:
    """The dtype of matrix products: float32, that of autocast, or int8.

    "auto" takes float16 on CUDA, bfloat16 on a CPU that computes faster in it, else float32.

    Raises:
        ConfigError: the device does not have it, see `precision_refusal`.
    """
    if wanted == "auto":
        return _best_precision(device)
    precision = PRECISIONS[wanted]
    if reason := precision_refusal(precision, device):
        raise ConfigError(reason)
    return precision


def precision_refusal(precision: torch.dtype, device: torch.device) -> str | None:
    """Why a network is not to be run so on a device, in a sentence that says what to do; None if it can be."""
    # On a CPU torch's convolutions are slower and less exact in it.
    if precision == torch.float16 and device.type == "cpu":
        return "precision 'float16' needs a CUDA device; on a CPU use 'bfloat16' or 'float32'"
    if precision == torch.int8 and device.type != "cpu":
        return "precision 'int8' is for the CPU: use device 'cpu' (--device cpu), or 'float16'"
    return None


def precision_name(precision: torch.dtype) -> PrecisionName:
    """Its name in `PRECISIONS`."""
    return next(name for name, known in PRECISIONS.items() if known == precision)


def _best_precision(device: torch.device) -> torch.dtype:
    if device.type == "cuda":
        return torch.float16
    return torch.bfloat16 if _cpu_is_quicker_in_bfloat16() else torch.float32


def suitable_precisions(device: torch.device) -> tuple[torch.dtype, ...]:
    """The floats that a device has instructions for, float32 first."""
    if device.type == "cuda":
        return torch.float32, torch.float16
    return (torch.float32, torch.bfloat16) if cpu_has_bfloat16() else (torch.float32,)


def cpu_has_bfloat16() -> bool:
    """Whether this CPU has bfloat16 matrix instructions (without them bfloat16 is slower than float32)."""
    return _cpu_has(_BFLOAT16_FLAGS, _ALL_OF_ONEDNN)


def _cpu_is_quicker_in_bfloat16() -> bool:
    """Whether this CPU multiplies more bfloat16 than float32 numbers.

    On an Intel Xeon with AVX-512 and without AMX, networks took 1.3 to 1.8 times as long in bfloat16, in oneDNN's
    convolutions and OpenVINO's.
    """
    if "intel" in str(torch.cpu.get_capabilities().get("cpu_name", "")).lower():
        return _cpu_has(_QUICKER_BFLOAT16_OF_INTEL, _AMX_OF_ONEDNN)
    return cpu_has_bfloat16()


def cpu_has_int8_sums() -> bool:
    """Whether this CPU adds products of 8-bit numbers in 32 bits; others do it in 16, which overflow."""
    return _cpu_has(_INT8_FLAGS, _INT8_OF_ONEDNN)


def _cpu_has(flags: tuple[str, ...], limits: tuple[str, ...]) -> bool:
    # oneDNN, whose products these are, may have been told to do without them.
    if not cpu_limits().get(ONEDNN_ISA, _ALL_OF_ONEDNN[0]).upper().startswith(limits):
        return False
    capabilities = torch.cpu.get_capabilities()
    return any(bool(capabilities.get(flag)) for flag in flags)
