"""groupnl.inference.engines.table: every engine has its row, and the rows answer what is asked of engines."""

import subprocess
import sys
from typing import get_args

import pytest
import torch

from groupnl.inference.device import precision_refusal
from groupnl.inference.engine_names import EngineName
from groupnl.inference.engines.kind import EngineKind
from groupnl.inference.engines.table import ENGINES, engine_kind

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)
# What a worker must not import: only packing makes files.
ONLY_PACKING = {
    "groupnl.archive.pack",
    "groupnl.inference.engines.onnx_export",
    "groupnl.inference.engines.package",
    "groupnl.inference.rewrite",
    "groupnl.inference.workshop",
    "model_archiver",
}


def test_every_name_has_one_row_in_the_same_order() -> None:
    assert tuple(kind.name for kind in ENGINES) == get_args(EngineName)
    assert all(engine_kind(kind.name) is kind for kind in ENGINES)


@pytest.mark.parametrize(
    ("name", "device", "precision", "nearest"),
    [
        ("onnx", CPU, torch.bfloat16, torch.float32),
        ("onnx", CUDA, torch.float16, torch.float16),
        ("openvino", CPU, torch.bfloat16, torch.bfloat16),
        ("aot", CPU, torch.bfloat16, torch.bfloat16),
        ("eager", CPU, torch.float16, torch.float32),
    ],
)
def test_the_nearest_precision(
    name: EngineName, device: torch.device, precision: torch.dtype, nearest: torch.dtype
) -> None:
    assert engine_kind(name).nearest(precision, device) == nearest


@pytest.mark.parametrize("kind", ENGINES, ids=lambda kind: kind.name)
def test_every_engine_takes_float32_on_a_cpu(kind: EngineKind) -> None:
    assert kind.refusal(CPU, torch.float32) is None


@pytest.mark.parametrize("kind", ENGINES, ids=lambda kind: kind.name)
def test_what_the_device_refuses_every_engine_refuses(kind: EngineKind) -> None:
    assert kind.refusal(CPU, torch.float16) == precision_refusal(torch.float16, CPU)
    assert kind.nearest(torch.float16, CPU) == torch.float32


@pytest.mark.slow
def test_a_worker_imports_nothing_that_only_packing_needs() -> None:
    program = "import sys, groupnl.service.loading; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert set(done.stdout.split()) & ONLY_PACKING == set()
