import collections
import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from support.networks import with_lively_norms
from torch import Tensor, fx, nn

from groupnl.card import InputConfig
from groupnl.errors import ConfigError, RewriteError
from groupnl.inference.engines.onnx import OnnxEngine
from groupnl.inference.engines.onnx_export import export_onnx
from groupnl.inference.engines.openvino import OpenVinoEngine
from groupnl.inference.rewrite import to_inference
from groupnl.inference.rewrite.split import split_layers
from groupnl.inference.rewrite.split_layer import Sine, SplitGroupNL, SummedConv
from groupnl.layers import GroupNLConv2d

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
EXACT = 1e-5  # relative error of the logits
TINY = "test_gnl_efficientnet"
WIDE = "efficientnet_gnl_es"  # of so many channels that they fill vectors
# Of each kind: ReLU; ReLU6; squeeze and excitation, and with a shortcut around the convolution before a layer;
# bottlenecks, sparse with r = 2 and dense with r = 4.
KINDS = [
    *(TINY, "efficientnet_gnl_es", "mobilenetv2_gnl_100", "mobilenetv3_gnl_small_075", "efficientnet_gnl_b0"),
    *("mobilenetv3_gnl_large_075", "gnl_resnet50", "gnl_std_r4_resnet50"),
]
LAYERS = ("layer1", "layer2", "layer3", "layer4")  # a ResNet's stages

Export = Callable[[str, Sine], Path]


@functools.cache
def in_inference_form(name: str) -> fx.GraphModule:
    return to_inference(with_lively_norms(name))


def shortened(name: str) -> nn.Module:
    """With the first block of each stage, and the second of the fourth, which has a shortcut.

    Exporting takes its time for each block; those of a stage differ in nothing else.
    """
    network = with_lively_norms(name)
    parent, stages = (
        (network.blocks, map(str, range(len(network.blocks)))) if hasattr(network, "blocks") else (network, LAYERS)
    )
    for number, stage in enumerate(stages):
        setattr(parent, stage, parent.get_submodule(stage)[: 2 if number == 3 else 1])
    return network


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """Exports a shortened network for images of 64 pixels; each once."""
    folder = tmp_path_factory.mktemp("exported")

    @functools.cache
    def export(name: str, sine: Sine) -> Path:
        path = folder / f"{name}, {sine}.onnx"
        export_onnx(to_inference(shortened(name)), config(64), path, sine=sine)
        return path

    return export


def config(size: int) -> InputConfig:
    return InputConfig(size=size, mean=MEAN, std=STD, crop_pct=0.875, interpolation="bilinear")


def pixels(batch: int, size: int) -> Tensor:
    return torch.randint(0, 256, (batch, 3, size, size), dtype=torch.uint8, generator=torch.manual_seed(1))


def expected(network: nn.Module, images: Tensor) -> Tensor:
    normalised = (images.double() / 255 - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    with torch.no_grad():
        return network.double()(normalised).float()


def relative_error(found: Tensor, truth: Tensor) -> float:
    return float((found - truth).norm() / truth.norm())


@pytest.mark.parametrize("sine", ["operator", "polynomial", "convolutions"])
@pytest.mark.parametrize("name", KINDS)
def test_split_layers_compute_the_same_with_nothing_cut_or_joined(name: str, sine: Sine) -> None:
    images = torch.randn(2, 3, 64, 64, generator=torch.manual_seed(1))
    rewritten = in_inference_form(name)
    split = split_layers(rewritten, sine)
    with torch.no_grad():
        assert relative_error(split(images), rewritten(images)) < EXACT
    layers = [node for node in split.graph.nodes if node.op == "call_module"]
    split_nodes = [node for node in layers if isinstance(split.get_submodule(str(node.target)), SplitGroupNL)]
    readers = [node for node in layers if isinstance(split.get_submodule(str(node.target)), SummedConv)]
    assert len(readers) == len(split_nodes) > 0
    for node in split_nodes:
        layer = split.get_submodule(str(node.target))
        assert isinstance(layer, SplitGroupNL)
        assert (layer.polynomial is None) == (sine == "operator")


@pytest.mark.parametrize(
    "name", [TINY, "efficientnet_gnl_es", "mobilenetv3_gnl_small_075", "tf_efficientnet_gnl_lite0", "gnl_resnet50"]
)
def test_both_runtimes_compute_what_the_published_form_does(name: str, exported: Export) -> None:
    images = pixels(3, 64)
    truth = expected(shortened(name), images)
    openvino = OpenVinoEngine(exported(name, "polynomial"), 64, torch.float32, 1)
    assert relative_error(openvino(images), truth) < EXACT
    on_cpu = OnnxEngine(exported(name, "convolutions"), 64, CPU, 1)
    assert relative_error(on_cpu(images), truth) < EXACT


def test_sines_of_the_runtime_compute_what_the_published_form_does(tmp_path: Path) -> None:
    network = with_lively_norms(TINY)
    path, images = tmp_path / "network.onnx", pixels(3, 64)
    export_onnx(to_inference(network), config(64), path)
    assert any(node.op_type == "Sin" for node in onnx.load(path).graph.node)
    assert relative_error(OnnxEngine(path, 64, CPU, 1)(images), expected(network, images)) < EXACT


@pytest.mark.parametrize("sine", ["polynomial", "convolutions"])
def test_periods_too_long_for_a_polynomial_keep_the_sine(sine: Sine, tmp_path: Path) -> None:
    network = with_lively_norms(TINY)
    with torch.no_grad():
        for name, values in network.named_parameters():
            if name.endswith("periods"):
                values.copy_(torch.tensor([2.0, 40.0, 0.5, 7.0]))
    split = split_layers(to_inference(network), sine)
    assert all(module.polynomial is None for module in split.modules() if isinstance(module, SplitGroupNL))
    export_onnx(to_inference(network), config(32), tmp_path / "tiny.onnx", sine=sine)
    images = pixels(2, 32)
    truth = expected(network, images)
    assert relative_error(OnnxEngine(tmp_path / "tiny.onnx", 32, CPU, 1)(images), truth) < EXACT


@pytest.mark.parametrize("sine", ["operator", "polynomial", "convolutions"])
def test_shuffled_layers_with_several_copies_compute_the_same(sine: Sine) -> None:
    network = with_lively_norms("gnl_std_r4_resnet50")
    for module in network.modules():
        if hasattr(module, "shuffle"):
            module.shuffle = True
    images = torch.randn(1, 3, 64, 64, generator=torch.manual_seed(1))
    with torch.no_grad():
        expected_logits = network(images)
        assert relative_error(split_layers(to_inference(network), sine)(images), expected_logits) < EXACT


def test_float16_keeps_norms_and_sines_in_float32(tmp_path: Path) -> None:
    network = with_lively_norms(TINY)
    path = tmp_path / "half.onnx"
    export_onnx(to_inference(network), config(32), path, dtype=torch.float16)
    graph = onnx.load(path).graph
    types = {value.name: value.type.tensor_type.elem_type for value in graph.value_info}
    sines = [node for node in graph.node if node.op_type in ("Sin", "ReduceL2")]
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert sines
    assert all(types[node.output[0]] == onnx.TensorProto.FLOAT for node in sines)
    assert convolutions
    assert all(types[node.output[0]] == onnx.TensorProto.FLOAT16 for node in convolutions)
    images = pixels(2, 32)
    logits = OnnxEngine(path, 32, CPU, 1)(images)
    assert logits.dtype == torch.float32
    assert 0 < relative_error(logits, expected(network, images)) < 0.02


def test_a_layer_of_convolutions_has_nothing_that_reorders(exported: Export, tmp_path: Path) -> None:
    """What stands between two convolutions over all channels must be a convolution, a product or fused with one."""
    optimised = tmp_path / "optimised.onnx"
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(optimised)
    options.log_severity_level = 3  # it warns that the file is for this machine only
    onnxruntime.InferenceSession(exported(WIDE, "convolutions"), options, providers=["CPUExecutionProvider"])
    kinds = collections.Counter(node.op_type for node in onnx.load(optimised).graph.node)
    layers = sum(isinstance(module, GroupNLConv2d) for module in shortened(WIDE).modules())
    assert not {"Sin", "ReduceL2", "Relu", "Concat"} & set(kinds)
    # One for each layer's norm, one channel, and one for the network's end.
    assert kinds["ReorderOutput"] <= layers + 1
    # Shortcuts: a convolution is fused with one addition only, and that behind a layer has another part's already.
    assert kinds["Add"] < layers


def test_the_exported_file_is_checked_and_takes_any_batch(tmp_path: Path) -> None:
    export_onnx(to_inference(with_lively_norms(TINY)), config(32), tmp_path / "tiny.onnx")
    model = onnx.load(tmp_path / "tiny.onnx")
    onnx.checker.check_model(model, full_check=True)
    (value,) = model.graph.input
    assert [dimension.dim_param or dimension.dim_value for dimension in value.type.tensor_type.shape.dim] == [
        "batch",
        3,
        32,
        32,
    ]
    assert not any(np.prod(weight.dims) == 0 for weight in model.graph.initializer)


def test_what_onnx_does_not_have_is_an_error(tmp_path: Path) -> None:
    class Odd(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return torch.linalg.eigvals(images.mean(1)).real

    with pytest.raises(RewriteError, match="cannot be written as ONNX; --engine eager runs any network"):
        export_onnx(to_inference(Odd()), config(32), tmp_path / "odd.onnx")


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def export(*_: object, **__: object) -> None:
        raise ModuleNotFoundError(name="onnxscript")

    monkeypatch.setattr(torch.onnx, "export", export)
    with pytest.raises(ConfigError, match=r"onnxscript is not installed: .*'\.\[onnx\]'"):
        export_onnx(to_inference(with_lively_norms(TINY)), config(32), tmp_path / "network.onnx")
