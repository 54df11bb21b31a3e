"""Networks of all kinds: rewritten where timm can trace them, else run as they were trained."""

import logging

import pytest
import torch
from support.networks import lively, with_lively_norms
from timm.layers import Conv2dSame, StdConv2d
from torch import Tensor, nn

from groupnl.inference.rewrite import as_published, to_inference

EXACT = 1e-5  # relative error of the logits


def difference(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


def images(size: int) -> Tensor:
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))


def assert_computes_the_same(network: nn.Module, size: int) -> nn.Module:
    with torch.no_grad():
        expected = network(images(size))
        assert float(expected.std()) > 0
        rewritten = to_inference(network)
        assert difference(rewritten(images(size)), expected) < EXACT
    return rewritten


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size", "options"),
    [
        ("tf_mobilenetv3_small_075", 64, {}),
        ("tf_efficientnetv2_b0", 64, {}),
        ("mobilevit_xxs", 64, {}),
        ("test_vit", 64, {"img_size": 64}),
        ("test_convnext", 64, {}),
        ("test_nfnet", 64, {}),
        ("swin_tiny_patch4_window7_224", 64, {"img_size": 64, "window_size": 4, "depths": (1, 1, 1, 1)}),
        ("levit_128s", 224, {}),
        ("hiera_tiny_224", 224, {}),  # its mask may be left out
        ("lambda_resnet26t", 256, {}),  # filters of three dimensions
    ],
)
def test_what_timm_can_trace_is_rewritten(
    name: str, size: int, options: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    assert_computes_the_same(with_lively_norms(name, **options), size)
    assert not caplog.records


@pytest.mark.slow
def test_norms_behind_convolutions_with_same_padding_are_folded() -> None:
    network = with_lively_norms("tf_mobilenetv3_small_075")
    rewritten = assert_computes_the_same(network, 65)
    assert any(isinstance(module, Conv2dSame) for module in rewritten.modules())
    assert not any(isinstance(module, nn.BatchNorm2d) for module in rewritten.modules())


class Branching(nn.Module):
    """What no tracing understands: it asks for a value."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.norm(self.convolution(x))
        return (maps if maps.sum() > 0 else -maps).mean((2, 3))


def test_what_cannot_be_traced_runs_as_it_was_trained(caplog: pytest.LogCaptureFixture) -> None:
    network = Branching()
    with caplog.at_level(logging.WARNING):
        found = to_inference(network)
    with torch.no_grad():
        assert not found.training
        assert network.training
        assert torch.equal(found(images(8)), network.eval()(images(8)))
        assert torch.equal(found(-images(8)), network(-images(8)))
    (record,) = caplog.records
    assert "Branching runs in the form in which it was trained, because it cannot be traced" in record.getMessage()


def test_the_published_form_is_a_copy() -> None:
    network = Branching().eval()
    network.convolution.requires_grad_()
    found = as_published(network)
    with torch.no_grad():
        assert torch.equal(found(images(8)), network(images(8)))
        network.norm.bias.fill_(7.0)
        assert not torch.equal(found(images(8)), network(images(8)))
    assert not any(values.requires_grad for values in found.parameters())


def test_inputs_with_a_default_are_no_inputs() -> None:
    class Masked(nn.Module):
        def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
            return x if mask is None else x * mask

    assert torch.equal(to_inference(Masked())(images(4)), images(4))


def test_a_convolution_that_changes_its_weights_keeps_its_norm() -> None:
    network = lively(nn.Sequential(StdConv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())).eval()
    assert_computes_the_same(network, 8)


def test_a_norm_that_two_convolutions_share_is_kept() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.norm = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8)

        def forward(self, x: Tensor) -> Tensor:
            maps: Tensor = self.norm(self.second(self.norm(self.first(x))))
            return maps

    assert_computes_the_same(lively(Shared()).eval(), 8)


def test_a_convolution_whose_weights_are_read_elsewhere_keeps_them() -> None:
    class Read(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convolution, self.norm = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)

        def forward(self, x: Tensor) -> Tensor:
            maps: Tensor = self.norm(self.convolution(x))
            return maps + self.convolution.weight.sum()

    assert_computes_the_same(lively(Read()).eval(), 8)


def test_a_norm_without_statistics_is_kept() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, track_running_stats=False)).eval()
    assert_computes_the_same(network, 8)
