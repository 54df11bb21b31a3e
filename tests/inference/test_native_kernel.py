"""What the native kernel computes, in each variant that runs here, beside the formula in float64."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from support.kernels import ACTIVATIONS
from torch import Tensor

from groupnl.inference.native import build as native

pytestmark = pytest.mark.slow

# What a result may be off by: bfloat16 rounds to one part in 256; beside that only what float32 sums lose.
TOLERANCES = {torch.bfloat16: {"rtol": 4.2e-3, "atol": 1e-4}, torch.float32: {"rtol": 2e-6, "atol": 1e-5}}


class Layer(NamedTuple):
    """Arguments of the kernel behind its input."""

    weight: Tensor
    scale: Tensor
    shift: Tensor
    polynomials: Tensor
    kernel: int
    stride: int
    padding: int
    dilation: int
    activation: str


def layer(
    seeds: int, kernel: int = 3, stride: int = 1, padding: int | None = None, activation: str = "none", degree: int = 7
) -> Layer:
    torch.manual_seed(seeds)
    return Layer(
        weight=torch.randn(kernel * kernel, 2 * seeds).bfloat16(),
        scale=torch.randn(seeds) * 3,
        shift=torch.randn(seeds),
        polynomials=torch.randn(degree + 1, seeds),
        kernel=kernel,
        stride=stride,
        padding=kernel // 2 if padding is None else padding,
        dilation=1,
        activation=activation,
    )


def image(batch: int, seeds: int, height: int, width: int) -> Tensor:
    torch.manual_seed(height * 100 + width)
    return torch.randn(batch, 2 * seeds, height, width).bfloat16().contiguous(memory_format=torch.channels_last)


Run = Callable[[Tensor, Layer], Tensor]


@pytest.fixture
def run(kernels: native.Variant) -> Run:
    """Runs a variant on bfloat16 numbers, each in its own dtype."""

    def run_variant(x: Tensor, layer: Layer) -> Tensor:
        weight = layer.weight.to(kernels.dtype) if layer.weight.dtype == torch.bfloat16 else layer.weight
        result: Tensor = kernels.operators.sparse_layer(x.to(kernels.dtype), *layer._replace(weight=weight))
        assert result.dtype == kernels.dtype
        return result

    return run_variant


def formula(x: Tensor, layer: Layer) -> Tensor:
    seeds, size = len(layer.scale), layer.kernel
    weight = layer.weight.double().view(size, size, seeds, 2).permute(2, 3, 0, 1)
    u = F.conv2d(x.double(), weight, None, layer.stride, layer.padding, 1, groups=seeds)
    v = F.normalize(u, dim=1, eps=1e-12)
    scale, shift, *powers = (row.double().view(-1, 1, 1) for row in (layer.scale, layer.shift, *layer.polynomials))
    wave = torch.zeros_like(v)
    for power, coefficient in enumerate(powers):
        wave = wave + coefficient * v**power
    return ACTIVATIONS[layer.activation](torch.cat([v * scale + shift, wave], 1))


def assert_right(run: Run, x: Tensor, layer: Layer) -> None:
    found, expected = run(x, layer), formula(x, layer)
    assert found.shape == expected.shape
    assert found.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found.double(), expected, **TOLERANCES[found.dtype])


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_it_is_the_formula(run: Run, kernel: int, stride: int, activation: str) -> None:
    assert_right(run, image(2, 24, 13, 14), layer(24, kernel, stride, activation=activation))


@pytest.mark.parametrize("seeds", [1, 2, 7, 15, 16, 17, 31, 32, 33, 48, 72, 100])
def test_any_number_of_channels(run: Run, seeds: int) -> None:
    assert_right(run, image(1, seeds, 5, 9), layer(seeds))
    assert_right(run, image(1, seeds, 5, 9), layer(seeds, kernel=5, stride=2))


@pytest.mark.parametrize("width", range(1, 25))
def test_any_width(run: Run, width: int) -> None:
    for kernel, stride in ((3, 1), (3, 2), (5, 1), (5, 2)):
        assert_right(run, image(1, 20, 3, width), layer(20, kernel, stride))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 3), (1, 30), (30, 1), (4, 112)])
def test_any_size(run: Run, height: int, width: int) -> None:
    for kernel, stride in ((3, 1), (3, 2), (5, 1), (5, 2)):
        assert_right(run, image(3, 18, height, width), layer(18, kernel, stride))


@pytest.mark.parametrize("padding", [0, 1, 2, 3, 9])
def test_any_padding(run: Run, padding: int) -> None:
    for kernel, stride in ((3, 1), (3, 2), (5, 1), (5, 2)):
        assert_right(run, image(1, 18, 6, 10), layer(18, kernel, stride, padding))


@pytest.mark.parametrize("degree", [0, 1, 5, 12])
def test_any_degree(run: Run, degree: int) -> None:
    assert_right(run, image(1, 18, 6, 10), layer(18, degree=degree))


def test_zeros_have_no_direction(run: Run) -> None:
    plain = layer(20)
    found = run(torch.zeros_like(image(1, 20, 9, 9)), plain)
    expected = torch.cat([plain.shift, plain.polynomials[0]]).to(found.dtype)
    assert torch.equal(found, expected.view(1, -1, 1, 1).expand_as(found))


def test_the_norm_does_not_depend_on_the_size_of_the_numbers(run: Run) -> None:
    x, plain = image(1, 20, 9, 9), layer(20)
    for factor in (2.0**-20, 2.0**20):
        assert torch.equal(run(x * factor, plain), run(x, plain))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_none_stays_in_reach_of_the_kernel(run: Run, value: float, activation: str) -> None:
    x, plain = image(1, 20, 9, 9), layer(20, activation=activation)
    broken = x.clone(memory_format=torch.preserve_format)
    broken[0, 3, 4, 4] = value
    near = torch.zeros(9, 9, dtype=torch.bool)
    near[3:6, 3:6] = True
    found = run(broken, plain)
    assert torch.equal(found[..., ~near], run(x, plain)[..., ~near])
    assert found[:, 1, near].isnan().all()  # of channel 3


@pytest.mark.parametrize("shape", [(4, 20, 30, 17), (1, 480, 7, 7), (2, 16, 112, 112)])
def test_threads_change_nothing(run: Run, shape: tuple[int, int, int, int], threads: Callable[[int], None]) -> None:
    x, plain = image(*shape), layer(shape[1], activation="silu")
    threads(1)
    alone = run(x, plain)
    for count in (2, 3):
        threads(count)
        assert torch.equal(run(x, plain), alone)


def test_images_do_not_see_each_other(run: Run) -> None:
    x, plain = image(5, 20, 9, 9), layer(20, kernel=5)
    assert torch.equal(run(x, plain), torch.cat([run(one, plain) for one in torch.split(x, 1)]))


def test_callers_side_by_side_get_the_same(run: Run) -> None:
    x, plain = image(2, 40, 20, 20), layer(40)
    expected = run(x, plain)
    found: list[Tensor] = []
    callers = [threading.Thread(target=lambda: found.extend(run(x, plain) for _ in range(10))) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(found) == 40
    assert all(torch.equal(result, expected) for result in found)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.contiguous(),
        lambda x: torch.cat([x, x], 3)[..., :10],
        lambda x: x.repeat_interleave(2, 1)[:, ::2],
        lambda x: x.transpose(2, 3).contiguous(memory_format=torch.channels_last).transpose(2, 3),
    ],
)
def test_any_memory_order(run: Run, change: Callable[[Tensor], Tensor]) -> None:
    x, plain = image(2, 20, 6, 10), layer(20)
    changed = change(x)
    assert changed.stride() != x.stride()
    found = run(changed, plain)
    assert torch.equal(found, run(x, plain))
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_a_thin_image_in_another_order_is_taken_for_what_it_is(run: Run) -> None:
    x, plain = image(3, 20, 1, 1), layer(20)
    assert torch.equal(run(x.contiguous(), plain), run(x, plain))
    row = image(1, 20, 1, 6)
    assert torch.equal(run(row.contiguous(), plain), run(row, plain))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"activation": "gelu"}, "no activation 'gelu'"),
        ({"dilation": 2}, "dilation 2"),
        ({"stride": 3}, "stride 3"),
        ({"kernel": 7, "weight": torch.zeros(49, 40, dtype=torch.bfloat16)}, "not kernel 7"),
        ({"padding": -1}, "padding -1"),
        ({"weight": torch.zeros(9, 40).double()}, "weight must be (bfloat16|float32)"),
        ({"weight": torch.zeros(25, 40, dtype=torch.bfloat16)}, "kernel \\* kernel"),
        ({"scale": torch.zeros(40)}, "scale must be float32"),
        ({"shift": torch.zeros(20).double()}, "shift must be float32"),
        ({"polynomials": torch.zeros(0, 20)}, "degree \\+ 1"),
        ({"polynomials": torch.zeros(20, 8).t()}, "polynomials must be float32, contiguous"),
    ],
)
def test_wrong_arguments_are_told(run: Run, changes: dict[str, object], told: str) -> None:
    with pytest.raises(RuntimeError, match=told):
        run(image(1, 20, 6, 6), layer(20)._replace(**changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("x", [torch.zeros(1, 40, 6, 6).double(), torch.zeros(40, 6, 6)])
def test_wrong_inputs_are_told(kernels: native.Variant, x: Tensor) -> None:
    with pytest.raises(RuntimeError, match=r"x must be (bfloat16|float32)"):
        kernels.operators.sparse_layer(x, *layer(20))


def test_an_image_smaller_than_the_kernel_is_told(run: Run) -> None:
    with pytest.raises(RuntimeError, match="kernel 3 does not fit"):
        run(image(1, 20, 2, 2), layer(20, padding=0))


@pytest.mark.parametrize("geometry", [(3, 1, 1, 32), (5, 2, 1, 96)])
def test_supported_geometries(geometry: tuple[int, int, int, int]) -> None:
    assert native.supports(*geometry)


@pytest.mark.parametrize("geometry", [(7, 1, 1, 32), (3, 3, 1, 32), (3, 1, 2, 32), (3, 1, 1, 31), (1, 1, 1, 32)])
def test_other_geometries(geometry: tuple[int, int, int, int]) -> None:
    assert not native.supports(*geometry)


def test_compilers_know_the_shape(kernels: native.Variant) -> None:
    weight, *rest = layer(20, kernel=5, stride=2)
    arguments = (image(2, 20, 9, 14).to(kernels.dtype), weight.to(kernels.dtype), *rest)
    torch.library.opcheck(kernels.operators.sparse_layer.default, arguments)


def test_the_quickest_variant_is_chosen(kernels: native.Variant) -> None:
    chosen = native.variant_for(kernels.dtype)
    assert chosen is not None
    assert native.VARIANTS.index(chosen) <= native.VARIANTS.index(kernels)


def test_what_limits_torch_limits_the_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    for level, names in {
        "AVX512": ("groupnl", "groupnl_avx512"),
        "AVX2": (None, "groupnl_avx2"),
        "DEFAULT": (None, None),
    }.items():
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda level=level: level)
        variants = map(native.variant_for, (torch.bfloat16, torch.float32))
        assert tuple(variant and variant.name for variant in variants) == names
    assert native.variant_for(torch.float16) is None


def test_other_processors_have_no_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert native.variant_for(torch.float32) is None


def test_a_library_with_other_operators_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As archives of other releases have; only who compiles is told what ours give."""
    taken: list[str] = []
    monkeypatch.setattr(torch.ops, "load_library", taken.append)
    monkeypatch.setattr(native, "_loaded", set())
    library = tmp_path / "groupnl_of_another_release_kernel.so"
    native.load(library)
    native.load(library)
    assert taken == [str(library)]
