"""A network compiled ahead of time: what it computes, and where it fits."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from support.networks import with_lively_norms
from torch import Tensor, nn

from groupnl.base.environment import child_environment
from groupnl.card import InputConfig
from groupnl.errors import ConfigError, RewriteError
from groupnl.inference.device import suitable_precisions
from groupnl.inference.engines.aot import MAX_BATCH, PACKAGE_FILE, PackageEngine
from groupnl.inference.engines.package import compile_package
from groupnl.inference.engines.target import Target
from groupnl.inference.engines.torch_engine import TorchEngine
from groupnl.inference.native import build as native
from groupnl.inference.native.build import build  # itself: tests have another in its place, which compiles once

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
CONFIG = InputConfig(size=64, mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3), crop_pct=0.875, interpolation="bilinear")
NARROWEST = suitable_precisions(CPU)[-1]
# What takes a second or more to import, or is only for packing, other engines and training.
NOT_IN_A_WORKER = {
    *("timm", "torchvision", "huggingface_hub", "torch._dynamo", "torch._inductor", "sympy", "networkx", "scipy"),
    *("onnx", "onnxruntime", "onnxscript", "openvino", "pandas", "matplotlib", "groupnl.models"),
}
# A worker and its shadow process in one, as far as importing goes, until the model is ready; then it is killed.
WORKER = """
import os, signal, sys
from pathlib import Path
import torch
import groupnl.worker.__main__
import groupnl.service.shadow.child
from groupnl.card import InputConfig
from groupnl.inference.engines.aot import PackageEngine

package, kernel, config = sys.argv[1:]
config = InputConfig.model_validate_json(config)
PackageEngine(Path(package), Path(kernel) if kernel else None, config, torch.device("cpu")).warm_up(2)
print(*sys.modules, sep="\\n", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


class Compiled(NamedTuple):
    model: nn.Module
    folder: Path
    kernel: Path | None
    engine: PackageEngine


def compiled(folder: Path, precision: torch.dtype) -> Compiled:
    model = with_lively_norms("test_gnl_efficientnet")
    kernel = compile_package(model, CONFIG, CPU, precision, folder)
    return Compiled(model, folder, kernel, PackageEngine(folder / PACKAGE_FILE, kernel, CONFIG, CPU))


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    return compiled(tmp_path_factory.mktemp("package"), NARROWEST)


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    return compiled(tmp_path_factory.mktemp("package"), torch.float32)


def noise(batch: int) -> Tensor:
    return torch.randint(0, 256, (batch, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(batch))


def difference(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("batch", [1, 2, 3, 8, 33])
def test_float32_is_exact_for_any_batch(exact: Compiled, batch: int) -> None:
    logits = exact.engine(noise(batch))
    assert logits.dtype == torch.float32
    assert (exact.kernel is not None) is (native.variant_for(torch.float32) is not None)
    assert difference(logits, TorchEngine(exact.model, CONFIG, CPU, torch.float32)(noise(batch))) < 1e-5


@pytest.mark.parametrize("batch", [1, 2, 3, 8, 33])
def test_the_narrowest_precision_is_close(narrow: Compiled, batch: int) -> None:
    assert (narrow.kernel is not None) is (native.variant_for(NARROWEST) is not None)
    expected = TorchEngine(narrow.model, CONFIG, CPU, torch.float32)(noise(batch))
    assert difference(narrow.engine(noise(batch)), expected) < 0.02


def test_any_memory_order_and_number_of_threads_gives_the_same(narrow: Compiled) -> None:
    pixels = noise(5)
    expected = narrow.engine(pixels.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(narrow.engine(pixels), expected, rtol=0, atol=0)
    strided = torch.cat([pixels, pixels], dim=3)[..., :64]
    torch.testing.assert_close(narrow.engine(strided), expected, rtol=0, atol=0)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(threads + 1)
        torch.testing.assert_close(narrow.engine(pixels), expected, rtol=1e-2, atol=1e-2)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch has no oneDNN here")
@pytest.mark.parametrize("batch", [1, 8])
def test_no_forward_pass_reorders_weights(exact: Compiled, batch: int, capfd: pytest.CaptureFixture[str]) -> None:
    exact.engine(noise(batch))
    with torch.backends.mkldnn.verbose(torch.backends.mkldnn.VERBOSE_ON):
        exact.engine(noise(batch))
    lines = [line for line in capfd.readouterr().out.splitlines() if ",exec," in line]
    assert any(",convolution," in line for line in lines)
    assert [line for line in lines if ",reorder," in line] == []


def test_batches_beyond_the_compiled_bound_are_split(exact: Compiled) -> None:
    pixels = noise(1).expand(MAX_BATCH + 3, -1, -1, -1)
    logits = exact.engine(pixels)
    assert logits.shape == (MAX_BATCH + 3, 10)
    torch.testing.assert_close(logits[-1], logits[0], rtol=1e-4, atol=1e-5)


def test_a_worker_imports_what_it_needs_and_leaves_nothing_when_it_is_killed(narrow: Compiled, tmp_path: Path) -> None:
    package, kernel = narrow.folder / PACKAGE_FILE, str(narrow.kernel or "")
    command = [sys.executable, "-c", WORKER, str(package), kernel, CONFIG.model_dump_json()]
    done = subprocess.run(command, env=child_environment({"TMPDIR": str(tmp_path)}), stdout=subprocess.PIPE, text=True)
    assert done.returncode == -signal.SIGKILL
    assert set(done.stdout.split()) & NOT_IN_A_WORKER == set()
    assert list(tmp_path.iterdir()) == []


def test_logits_that_are_not_finite_are_told(narrow: Compiled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(narrow.engine._on_device, "_compute", lambda images: torch.full((len(images), 10), torch.inf))
    with pytest.raises(ConfigError, match="not finite"):
        narrow.engine.warm_up(2)


def test_a_package_fits_where_it_was_made() -> None:
    here = Target.here(CPU, NARROWEST)
    assert here.misfit(here) is None
    assert here.misfit(here.model_copy(update={"instructions": (*here.instructions, "later_ones")})) is None


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("torch_version", "1.0", "torch_version"),
        ("machine", "abacus", "for machine abacus"),
        ("device", "cuda sm_90", "for device cuda sm_90, here it is cpu"),
        ("precision", "float16", "for precision float16"),
        ("instructions", ("avx1024",), "a CPU with avx1024, which this one lacks"),
    ],
)
def test_why_a_package_does_not_fit(field: str, value: object, reason: str) -> None:
    here = Target.here(CPU, NARROWEST)
    misfit = here.model_copy(update={field: value}).misfit(here)
    assert misfit is not None
    assert reason in misfit


def test_what_cannot_be_compiled_is_an_error_that_says_what_can(tmp_path: Path) -> None:
    class Branching(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x if x.sum() > 0 else -x).mean((2, 3))

    with pytest.raises(RewriteError, match="cannot compile Branching for cpu; --engine eager runs any network"):
        compile_package(Branching(), CONFIG, CPU, torch.float32, tmp_path)


def test_without_a_compiler_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(RewriteError, match="no C\\+\\+ compiler"):
        build(tmp_path, native.VARIANTS[0])
