import argparse
from math import gcd

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from groupnl.base.options import read_options
from groupnl.layers import GhostConv2d, GroupNLConv2d, MonoConv2d, SineFMConv2d
from groupnl.layers.costs import ConvShape, CostRow, cost_table
from groupnl.layers.costs_command import Options, add_arguments, run

SHAPES = [
    ConvShape(16, 16, 3, 7, 5),
    ConvShape(16, 16, 3, 7, 5, ratio=4),
    ConvShape(12, 24, 5, 4, 6, ratio=3, cheap_kernel_size=5, num_transforms=3, num_terms=2),
    ConvShape(10, 16, 1, 3, 3, ratio=2, num_transforms=1, num_terms=1),
    ConvShape(24, 24, 3, 2, 2, ratio=3, num_terms=8),
]


def build(shape: ConvShape) -> dict[str, nn.Module]:
    """What each row of the table speaks of, made to be counted."""
    sizes = (shape.in_channels, shape.out_channels, shape.kernel_size, 1, shape.kernel_size // 2)
    r, g = shape.ratio, shape.num_terms
    built: dict[str, nn.Module] = {
        "Standard": nn.Conv2d(*sizes, bias=False),
        "Mono": MonoConv2d(*sizes, ratio=r),
        "Ghost": GhostConv2d(*sizes, ratio=r, cheap_kernel_size=shape.cheap_kernel_size),
        "SineFM": SineFMConv2d(*sizes, ratio=r, num_transforms=shape.num_transforms),
        "GroupNL": GroupNLConv2d(*sizes, ratio=r, num_terms=g),
        "GroupNL (sparse)": GroupNLConv2d(*sizes, ratio=r, num_terms=g, sparse=True),
    }
    if shape.in_channels == shape.out_channels:
        built["Depthwise"] = nn.Conv2d(*sizes, groups=shape.in_channels, bias=False)
    return built


def convolution_macs(layer: nn.Module, shape: ConvShape) -> int:
    """Multiply-accumulates of the convolutions, by torch's own count (two FLOPs each)."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        layer.eval()(torch.randn(1, shape.in_channels, shape.height, shape.width))
    return int(counter.get_total_flops()) // 2


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_equal_the_built_modules(shape: ConvShape) -> None:
    built = build(shape)
    rows = {row.method: row for row in cost_table(shape)}
    assert rows.keys() == built.keys()
    seed_pixels = shape.out_channels // shape.ratio * shape.height * shape.width
    # The one row that counts more than convolutions: t sines and t batch norms of each seed pixel.
    beyond = {"SineFM": 2 * shape.num_transforms * seed_pixels}
    for method, layer in built.items():
        row = rows[method]
        assert row.flops == convolution_macs(layer, shape) + beyond.get(method, 0), method
        trained = [value for value in layer.parameters() if value.requires_grad]
        assert row.parameters == sum(value.numel() for value in trained), method
        assert row.constants == sum(value.numel() for value in constants(layer)), method


def constants(layer: nn.Module) -> list[torch.Tensor]:
    """What is saved and neither trained nor gathered by a batch norm."""
    trained = {name for name, value in layer.named_parameters() if value.requires_grad}
    gathered = ("running_mean", "running_var", "num_batches_tracked")
    return [value for name, value in layer.state_dict().items() if name not in trained and not name.endswith(gathered)]


@pytest.mark.parametrize("shape", SHAPES)
def test_operations_count_the_built_convolutions_and_the_batch_norms_of_sinefm(shape: ConvShape) -> None:
    built = build(shape)
    for row in cost_table(shape):
        counted = (nn.Conv2d, nn.BatchNorm2d) if row.method == "SineFM" else nn.Conv2d
        assert row.operations == sum(isinstance(part, counted) for part in built[row.method].modules()), row.method


@pytest.mark.parametrize(("n", "r"), [(256, 2), (256, 4), (96, 3)])
def test_the_papers_formulas(n: int, r: int) -> None:
    h, w, k, d, t = 14, 12, 3, 5, 2
    flops = [row.flops for row in cost_table(ConvShape(n, n, k, h, w, r, d, t))]
    m, xi = n, gcd(n, n // r)
    assert flops == [
        w * h * m * n * k**2,
        w * h * m * n * k**2,
        w * h * m * (n * k**2 + (r - 1) * d**2) // r,
        w * h * m * (n * k**2 + t * (r + 1)) // r,
        w * h * m * n * k**2 // r,
        w * h * n**2 * k**2 // n,
        w * h * n**2 * k**2 // (r * xi),
    ]


def test_depthwise_needs_as_many_outputs_as_inputs() -> None:
    methods = [row.method for row in cost_table(ConvShape(16, 32, 3, 7, 7))]
    assert "Depthwise" not in methods
    assert len(methods) == 6


@pytest.mark.parametrize(
    ("sizes", "options", "message"),
    [
        ((16, 16, 3, 7, 7), {"ratio": 3}, "ratio = 3 must divide out_channels = 16"),
        ((16, 16, 0, 7, 7), {}, "kernel_size = 0"),
        ((16, 16, 3, 7, -1), {}, "width = -1"),
        ((16, 16, 3, 7, 7), {"num_terms": 3}, "num_terms = 3 must divide the 8"),
        ((16, 16, 3, 7, 7), {"cheap_kernel_size": 4}, "cheap_kernel_size = 4"),
    ],
)
def test_impossible_shapes_are_refused(
    sizes: tuple[int, int, int, int, int], options: dict[str, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ConvShape(*sizes, **options)


def printed(capsys: pytest.CaptureFixture[str], command: str) -> tuple[int, str, str]:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    code = run(read_options(Options, parser.parse_args(command.split())))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_command_prints_an_aligned_table(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = printed(capsys, "--in-channels 256 --out-channels 256 --kernel 3 --size 56 --ratio 2")
    lines = out.splitlines()
    assert (code, err, len(lines)) == (0, "", 8)
    assert len({len(line) for line in lines}) == 1
    assert lines[5].split() == ["GroupNL", "1", "924,844,032", "0.5000", "294,912", "0.5000", "8"]


def test_command_says_why_depthwise_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = printed(capsys, "--out-channels 128")
    assert code == 0
    assert out.splitlines()[-1] == ("Depthwise is left out: it needs as many output as input channels (128 != 256).")


def test_command_refuses_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "--ratio 3") == (
        2,
        "",
        "groupnl costs: ratio = 3 must divide out_channels = 256\n",
    )


def test_rows_are_immutable() -> None:
    row = CostRow("Standard", 1, 1, 1)
    with pytest.raises(AttributeError):
        row.flops = 2  # type: ignore[misc]
