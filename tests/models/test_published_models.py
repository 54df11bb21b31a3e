"""The fifteen networks compute what the published ones compute, and take timm's arguments."""

import gzip
import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from timm.layers import Conv2dSame, StdConv2d
from torch import nn

from groupnl.layers import GroupNLConv2d
from groupnl.models import PUBLISHED, TINY, VARIANTS
from groupnl.models.families import Place, geometry, like

pytestmark = pytest.mark.slow

DATA = Path(__file__).parent / "data"
STATE_DICTS = json.loads(gzip.decompress((DATA / "published_models.json.gz").read_bytes()))
LOGITS = dict(np.load(DATA / "published_logits.npz"))
# Relative error of the logits, ||ours - published|| / ||published||.
TOLERANCE = 1e-3
LITE0 = "efficientnet_gnl_lite0"
# Of the tiny network, first four classes of two 64-pixel images.
TINY_LOGITS = [[1.05821, 0.419504, -0.895767, 0.121944], [0.0980539, -0.671427, 0.680444, 0.522577]]


def by_name(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The value that the published logits were computed with, a function of the tensor's name."""
    rng = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    if name.endswith(("running_var", ".periods", ".shifts")):
        value = 1 + rng.random(shape)
    elif len(shape) > 1:
        value = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
    elif name.endswith("weight"):
        value = 0.5 + rng.random(shape)
    else:
        value = 0.1 * rng.standard_normal(shape)
    return np.asarray(value, np.float32)


def images(seed: int, count: int, size: int = 224) -> torch.Tensor:
    rng = np.random.Generator(np.random.PCG64(seed))
    return torch.from_numpy(rng.standard_normal((count, 3, size, size)).astype(np.float32))


def calibrated(name: str, size: int = 224) -> nn.Module:
    """The network with every tensor set by its name and its batch norms fitted to eight images."""
    network = timm.create_model(name)
    shapes = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    network.load_state_dict({key: torch.from_numpy(by_name(key, shape)) for key, shape in shapes.items()})
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(images(7, 8, size))
    return network.eval()


@pytest.mark.parametrize("variant", PUBLISHED, ids=lambda variant: variant.name)
def test_state_dict_equals_the_published_one(variant):
    with torch.device("meta"):
        network = timm.create_model(variant.name)
    ours = [[key, list(tensor.shape)] for key, tensor in network.state_dict().items()]
    assert ours == STATE_DICTS[variant.name]["state_dict"]
    assert sum(tensor.numel() for tensor in network.parameters()) == STATE_DICTS[variant.name]["params"]


def test_there_are_fifteen():
    assert {variant.name for variant in PUBLISHED} == set(STATE_DICTS)
    assert set(timm.list_models("*gnl*")) == set(VARIANTS)


@pytest.mark.parametrize("name", sorted(LOGITS))
def test_logits_equal_the_published_ones(name):
    with torch.no_grad():
        ours = calibrated(name)(images(2026, 2)).numpy()
    assert np.linalg.norm(ours - LOGITS[name]) / np.linalg.norm(LOGITS[name]) < TOLERANCE


def test_tiny_network_gives_its_stored_numbers():
    with torch.no_grad():
        ours = calibrated(TINY.name, 64)(images(2026, 2, 64)).numpy()[:, :4]
    stored = np.array(TINY_LOGITS, np.float32)
    assert np.linalg.norm(ours - stored) / np.linalg.norm(stored) < TOLERANCE


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=lambda variant: variant.name)
def test_only_the_named_layers_differ_from_the_twin(variant):
    with torch.device("meta"):
        network, twin = timm.create_model(variant.name), timm.create_model(variant.twin)
    swapped = {name for name, module in network.named_modules() if isinstance(module, GroupNLConv2d)}
    inside = tuple(f"{name}." for name in swapped)
    same = {key: tensor.shape for key, tensor in network.state_dict().items() if not key.startswith(inside)}
    assert same == {key: tensor.shape for key, tensor in twin.state_dict().items() if not key.startswith(inside)}
    assert swapped


def test_timm_arguments_reach_the_network():
    network = timm.create_model(TINY.name, num_classes=7, in_chans=1, drop_rate=0.3, drop_path_rate=0.2)
    assert network(torch.zeros(2, 1, 32, 32)).shape == (2, 7)
    assert network.drop_rate == 0.3
    rates = [module.drop_prob for module in network.modules() if type(module).__name__ == "DropPath"]
    assert max(rates) > 0.1


@pytest.mark.parametrize("name", ["gnl_resnet50", "efficientnet_gnl_es", "mobilenetv3_gnl_small_100"])
def test_features_only(name):
    network = timm.create_model(name, features_only=True, out_indices=(1, 2))
    assert any(isinstance(module, GroupNLConv2d) for module in network.modules())
    maps = network(torch.zeros(1, 3, 64, 64))
    assert [tuple(feature.shape[2:]) for feature in maps] == [(16, 16), (8, 8)]


def test_dilated_network_keeps_the_checkpoint_keys():
    plain = timm.create_model("gnl_resnet50").state_dict()
    assert list(timm.create_model("gnl_resnet50", output_stride=8).state_dict()) == list(plain)


def test_functions_are_frozen_and_normalised_like_the_twin():
    network = timm.create_model(TINY.name)
    frozen = {name for name, tensor in network.named_parameters() if not tensor.requires_grad}
    assert frozen == {name for name in network.state_dict() if name.endswith((".periods", ".shifts"))}
    assert network.default_cfg["architecture"] == TINY.name
    assert network.default_cfg["mean"] == timm.get_pretrained_cfg(TINY.twin).mean


def test_what_groupnl_cannot_stand_for_is_refused():
    with (
        torch.device("meta"),
        pytest.raises(ValueError, match=r"groups=32.* cannot become GroupNL, .* no groups"),
    ):
        timm.create_model("gnl_resnet50", cardinality=32)


def test_a_class_that_changes_its_weights_is_refused():
    place = Place(nn.ModuleDict({"conv": StdConv2d(8, 8, 3)}), "conv", "block.conv")
    with pytest.raises(TypeError, match=r"block\.conv is a StdConv2d: only nn\.Conv2d and Conv2dSame can become"):
        _ = place.convolution


@pytest.mark.parametrize(
    ("options", "lost"),
    [
        ({"bias": True}, "no bias$"),
        ({"groups": 4}, "no groups$"),
        ({"padding_mode": "reflect"}, "no padding 'reflect'$"),
        ({"bias": True, "groups": 2}, "no bias and no groups$"),
        ({"bias": True, "groups": 8}, "no bias$"),  # a depthwise one has as many groups as channels
    ],
)
def test_nothing_of_a_convolution_is_dropped_in_silence(options, lost):
    convolution = nn.Conv2d(8, 8, 3, padding=1, **{"bias": False} | options)
    with pytest.raises(ValueError, match=lost):
        like(convolution, ratio=2, sparse=True)


@pytest.mark.parametrize("groups", [1, 8])
@pytest.mark.parametrize("geometry", [{}, {"stride": 2, "padding": 1}, {"dilation": 2, "padding": (2, 1)}])
def test_a_layer_takes_and_gives_what_the_convolution_does(groups, geometry):
    convolution = nn.Conv2d(8, 8, 3, groups=groups, bias=False, **geometry)
    images = torch.zeros(2, 8, 9, 9)
    assert like(convolution, ratio=2, sparse=True)(images).shape == convolution(images).shape


@pytest.mark.parametrize(("side", "padding"), [(8, (0, 1, 0, 1)), (9, (1, 1, 1, 1))])
def test_a_layer_pads_as_tensorflow_does_where_the_convolution_does(side, padding):
    convolution = Conv2dSame(8, 8, 3, stride=2, groups=8, bias=False)
    layer = like(convolution, ratio=2, sparse=True)
    images = torch.randn(2, 8, side, side)
    seeds = torch.conv2d(torch.nn.functional.pad(images, padding), layer.conv1.weight, stride=2, groups=4)
    torch.testing.assert_close(layer.conv1(images), seeds)
    assert layer(images).shape == convolution(images).shape
    with pytest.raises(TypeError, match="pads as TensorFlow does"):
        geometry(convolution)


def test_lite0_with_tensorflows_padding_takes_what_its_twin_does():
    network, twin = (timm.create_model(name) for name in ("tf_efficientnet_gnl_lite0", "tf_efficientnet_lite0"))
    padded = [
        {name.removesuffix(".conv1") for name, module in each.named_modules() if isinstance(module, Conv2dSame)}
        for each in (network, twin)
    ]
    assert padded[0] == padded[1]
    assert len(padded[0]) == 5
    assert (network.bn1.eps, network.pretrained_cfg["mean"]) == (twin.bn1.eps, twin.pretrained_cfg["mean"])
    names = [list(timm.create_model(name).state_dict()) for name in (network.pretrained_cfg["architecture"], LITE0)]
    assert names[0] == names[1]


def test_pretrained_weights_are_refused_by_name():
    with pytest.raises(ValueError, match="no published weights for efficientnet_gnl_es"):
        timm.models.model_entrypoint("efficientnet_gnl_es")(pretrained=True)
