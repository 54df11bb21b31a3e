"""groupnl.conversion.site_fit: a teacher that a GroupNL layer can be is recovered."""

import copy

import pytest
import torch
from support.begun import INPUT
from support.networks import lively, with_lively_norms
from timm.layers import Conv2dSame
from timm.models.resnet import Bottleneck
from torch import nn

from groupnl.conversion import site_fit
from groupnl.conversion.block_fit import fit_blocks
from groupnl.conversion.site_fit import Inputs, fit_site
from groupnl.conversion.sites import site_of
from groupnl.errors import ConfigError
from groupnl.inference.pixels import PixelNetwork
from groupnl.models import TINY
from groupnl.models.families import like
from groupnl.training.feature_maps import blocks_of, relative_error

BLOCK = "blocks.3.0"


@pytest.fixture
def _steady(monkeypatch):
    """The seeds' norm is as good as constant."""
    monkeypatch.setattr(site_fit, "STEADINESS", 300.0)


def maps(channels, size=8, batches=3):
    torch.manual_seed(1)
    return [torch.randn(16, channels, size, size) for _ in range(batches)]


@torch.no_grad()
def in_pairs(block):
    """Make the depthwise layer one that half as many seeds can be, in any order; the last pair counts for nothing."""
    order = torch.randperm(block.conv_dw.out_channels).view(-1, 2)
    for values in (block.conv_pw.weight, *block.bn1.parameters(), block.bn1.running_mean, block.bn1.running_var):
        values[order[:, 1]] = values[order[:, 0]]
    block.conv_dw.weight[order[:, 1]] = -1.7 * block.conv_dw.weight[order[:, 0]]
    for worthless in (block.conv_pwl, block.se.conv_reduce):
        worthless.weight[:, order[-1]] = 0


def fitted(student, teacher, name, inputs):
    """The error of a fitted block on other maps than it was fitted with."""
    site = site_of(name, student, teacher)
    fit_site(site, [Inputs(maps, maps) for maps in inputs[:-1]])
    with torch.no_grad():
        return relative_error(site.student(inputs[-1]), site.teacher(inputs[-1])).item()


def tiny_pair(padding=""):
    return with_lively_norms(TINY.name, pad_type=padding), with_lively_norms(TINY.twin, pad_type=padding)


@pytest.mark.usefixtures("_steady")
@pytest.mark.parametrize("padding", ["", "same"])
def test_a_depthwise_layer_that_seeds_can_be_is_recovered(padding):
    student, teacher = tiny_pair(padding)
    layer, inputs = teacher.get_submodule(BLOCK).conv_dw, maps(32)
    assert isinstance(layer, Conv2dSame) is (padding == "same")
    if padding == "same":  # it pads the other sides: mirrored, the task is the same
        layer.weight.data = layer.weight.data.flip(2, 3).contiguous()
        inputs = [batch.flip(2, 3).contiguous() for batch in inputs]
    in_pairs(teacher.get_submodule(BLOCK))
    copied = {name: tensor for name, tensor in teacher.state_dict().items() if "conv_dw" not in name}
    student.load_state_dict(copied, strict=False)
    assert fitted(student, teacher, BLOCK, inputs) < 1e-3


def test_any_depthwise_layer_is_better_fitted_than_not_at_all():
    student, teacher = tiny_pair()
    copied = {name: tensor for name, tensor in teacher.state_dict().items() if "conv_dw" not in name}
    student.load_state_dict(copied, strict=False)
    inputs = maps(32)
    with torch.no_grad():
        before = relative_error(student.get_submodule(BLOCK)(inputs[-1]), teacher.get_submodule(BLOCK)(inputs[-1]))
    after = fitted(student, teacher, BLOCK, inputs)
    assert after < 0.6
    assert after < 0.6 * before


@pytest.mark.usefixtures("_steady")
@pytest.mark.parametrize("ratio", [2, 4])
def test_a_dense_layer_that_seeds_can_be_is_recovered(ratio):
    torch.manual_seed(0)
    teacher = nn.Sequential(lively(Bottleneck(128, 32))).eval()
    block = teacher[0]
    width = block.conv2.out_channels
    order = torch.randperm(width).view(-1, ratio)
    with torch.no_grad():
        for copy_number in range(1, ratio):
            block.conv2.weight[order[:, copy_number]] = (-1) ** copy_number * 0.7 * block.conv2.weight[order[:, 0]]
        block.conv3.weight[:, order[-1]] = 0
        block.conv2.weight[:, 3] = 0
    student = copy.deepcopy(teacher)
    student[0].conv2 = like(block.conv2, ratio, sparse=False)
    assert fitted(student, teacher, "0", maps(128)) < 1e-3


@pytest.mark.usefixtures("_steady")
def test_errors_of_what_comes_before_are_made_up_for():
    """The student's maps are the teacher's, mixed: the expansion can undo that."""
    student, teacher = tiny_pair()
    in_pairs(teacher.get_submodule(BLOCK))
    inputs = maps(32)
    mixing = torch.linalg.qr(torch.randn(32, 32)).Q
    site = site_of(BLOCK, student, teacher)
    fit_site(site, [Inputs(torch.einsum("oc,bchw->bohw", mixing, batch), batch) for batch in inputs[:-1]])
    with torch.no_grad():
        made = site.student(torch.einsum("oc,bchw->bohw", mixing, inputs[-1]))
        assert relative_error(made, site.teacher(inputs[-1])).item() < 1e-3


def test_the_constant_channel_stays_constant_in_training():
    student, teacher = tiny_pair()
    inputs = maps(32)
    fitted(student, teacher, BLOCK, inputs)
    block = student.get_submodule(BLOCK).train()
    (constant,) = block.conv_pw.weight.flatten(1).abs().sum(1).eq(0).nonzero()[0].tolist()
    optimiser = torch.optim.Adam(block.parameters(), 0.01)
    for batch in inputs:
        optimiser.zero_grad()
        block(batch).square().mean().backward()
        optimiser.step()
    channels = block.bn1(block.conv_pw(inputs[0])).transpose(0, 1).flatten(1).std(1)
    assert channels[constant] == 0
    assert channels.sort().values[1] > 0.01


def of_mobilenet(student_name, teacher_name):
    """A student with its teacher's weights, and what the first block gets of some images."""
    student, teacher = with_lively_norms(student_name), with_lively_norms(teacher_name)
    copied = {name: tensor for name, tensor in teacher.state_dict().items() if "conv_dw" not in name}
    student.load_state_dict(copied, strict=False)
    torch.manual_seed(1)
    images = torch.nn.functional.interpolate(torch.randn(48, 3, 12, 12), size=(32, 32), mode="bicubic")
    return student, teacher, images


@torch.no_grad()
def test_the_stem_is_brought_into_the_order_of_the_first_layer():
    errors = {}
    for with_stem in (True, False):
        student, teacher, images = of_mobilenet("mobilenetv2_gnl_100", "mobilenetv2_100")
        stem = teacher.bn1(teacher.conv_stem(images))
        batches = [Inputs(stem, stem)]
        site = site_of("blocks.0.0", student, teacher)
        fit_site(site if with_stem else site._replace(stem=None), batches)
        torch.testing.assert_close(batches[0].student, student.bn1(student.conv_stem(images)))
        errors[with_stem] = relative_error(site.student(batches[0].student), site.teacher(stem)).item()
    assert errors[True] < 0.8 * errors[False]


@torch.no_grad()
def test_a_stem_whose_maps_are_also_a_shortcut_is_left_as_it_is():
    student, teacher, _ = of_mobilenet("mobilenetv3_gnl_large_100", "mobilenetv3_large_100")
    assert blocks_of(student)[0] == "blocks.0.0"
    assert site_of("blocks.0.0", student, teacher).feeder is None
    assert site_of("blocks.1.0", student, teacher).feeder.convolution is student.blocks[1][0].conv_pw


def test_all_blocks_are_fitted_and_a_network_without_any_is_refused():
    student, teacher = (PixelNetwork(network, INPUT).eval() for network in tiny_pair())
    student.network.load_state_dict(
        {name: tensor for name, tensor in teacher.network.state_dict().items() if "conv_dw" not in name}, strict=False
    )
    pixels = [torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8) for _ in range(2)]
    assert fit_blocks(student, teacher, pixels) == 2
    with pytest.raises(ConfigError, match="no GroupNL layer"):
        fit_blocks(teacher, teacher, pixels)


@pytest.mark.parametrize(("pixels", "batches"), [(1, 1), (16 * 64, 1), (16 * 64 + 1, 2), (1 << 20, 3)])
def test_blocks_with_large_maps_are_fitted_to_some_of_the_images(monkeypatch, pixels, batches):
    monkeypatch.setattr(site_fit, "_ENOUGH", pixels)
    assert site_fit._enough([Inputs(batch, batch) for batch in maps(4)]) == batches


def test_blocks_of_other_kinds_are_refused():
    student, _ = tiny_pair()
    with pytest.raises(ConfigError, match=r"blocks\.3\.0, a InvertedResidual, cannot be fitted"):
        site_of(BLOCK, student, student)
