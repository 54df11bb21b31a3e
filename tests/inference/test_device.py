import subprocess
import sys
from typing import get_args

import pytest
import torch

from groupnl.errors import ConfigError
from groupnl.inference.device import PRECISIONS, choose_device, choose_precision, cpu_has_bfloat16, cpu_has_int8_sums
from groupnl.inference.device_names import PrecisionName, ServedPrecision

CPU = torch.device("cpu")
needs_no_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


def test_cpu_is_taken_where_it_is_wanted() -> None:
    assert choose_device("cpu", 3) == CPU


@needs_no_cuda
def test_auto_takes_what_is_there() -> None:
    assert choose_device("auto") == CPU


@needs_no_cuda
def test_a_missing_device_is_an_error() -> None:
    with pytest.raises(ConfigError, match="no CUDA device"):
        choose_device("cuda")


@needs_cuda
def test_cuda_is_taken_where_it_is_there() -> None:
    assert choose_device("auto") == torch.device("cuda", 0)
    with pytest.raises(ConfigError, match="CUDA device 99 was asked for"):
        choose_device("cuda", 99)


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx512_f": True, "avx512_bf16": False}, torch.float32),
        ({"avx512_bf16": True, "cpu_name": "AMD EPYC"}, torch.bfloat16),
        ({"avx512_bf16": True, "amx_bf16": False, "cpu_name": "Intel Xeon"}, torch.float32),
        ({"avx512_bf16": True, "amx_bf16": True, "cpu_name": "Intel Xeon"}, torch.bfloat16),
        ({"neon": True, "bf16": True}, torch.bfloat16),
        ({}, torch.float32),
    ],
)
def test_auto_takes_bfloat16_where_the_cpu_is_quicker_in_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool | str], expected: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert choose_precision("auto", CPU) is expected


def test_without_its_matrix_units_a_cpu_of_intels_is_quicker_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    has_all = {"avx512_bf16": True, "amx_bf16": True, "cpu_name": "Intel Xeon"}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has_all)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_FP16")
    assert choose_precision("auto", CPU) is torch.float32
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_AMX_FP16")
    assert choose_precision("auto", CPU) is torch.bfloat16


def test_a_configured_precision_is_taken() -> None:
    assert choose_precision("float32", CPU) is torch.float32
    assert choose_precision("bfloat16", CPU) is torch.bfloat16
    with pytest.raises(ConfigError, match="'float16' needs a CUDA device"):
        choose_precision("float16", CPU)


def test_every_name_has_its_precision() -> None:
    assert tuple(PRECISIONS) == get_args(PrecisionName)
    assert get_args(ServedPrecision) == ("auto", *PRECISIONS)


def test_names_of_devices_engines_and_settings_import_no_torch() -> None:
    modules = "groupnl.inference.device_names, groupnl.inference.engine_names, groupnl.training.config"
    program = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0


@pytest.mark.parametrize(
    ("limit", "bfloat16", "int8"),
    [
        (None, True, True),
        ("ALL", True, True),
        ("avx512_core_bf16", True, True),
        ("AVX512_CORE_AMX", True, True),
        ("AVX512_CORE_VNNI", False, True),
        ("AVX2_VNNI", False, True),
        ("AVX2", False, False),
        ("AVX512_CORE", False, False),
    ],
)
def test_instructions_that_onednn_is_told_to_do_without_are_not_there(
    limit: str | None, bfloat16: bool, int8: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True, "avx512_vnni": True})
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    if limit:
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    assert cpu_has_bfloat16() is bfloat16
    assert cpu_has_int8_sums() is int8


def test_int8_is_for_a_cpu() -> None:
    assert choose_precision("int8", CPU) is torch.int8
    with pytest.raises(ConfigError, match="precision 'int8' is for the CPU"):
        choose_precision("int8", torch.device("cuda", 0))
