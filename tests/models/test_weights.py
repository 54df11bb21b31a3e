"""groupnl.models.weights: a network's weights are found in whatever dictionary, behind whatever prefix."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from support.tiny import ARCHITECTURE, CLASSES, tiny_network
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from groupnl.errors import CheckpointError
from groupnl.models import build_model, load_checkpoint
from groupnl.models.weights import find_weights, groups_of

PLAIN: dict[str, Tensor] = tiny_network().state_dict()
AVERAGED = {name: tensor + 1 for name, tensor in PLAIN.items()}
OPTIMIZER = {"state": {0: {"exp_avg": torch.ones(2, 2)}}, "param_groups": [{"lr": 0.1}]}


def put(prefix: str, weights: dict[str, Tensor] = PLAIN) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in weights.items()}


def renamed(old: str, new: str, prefix: str = "") -> dict[str, Tensor]:
    """Names that begin with `old` begin with `new`, all others with `prefix`."""
    return {
        new + name.removeprefix(old) if name.startswith(old) else prefix + name: tensor
        for name, tensor in PLAIN.items()
    }


def inside(wrappers: str) -> dict[str, Tensor]:
    """As where each block of the network is wrapped, and nothing around it."""
    return {re.sub(r"(?<=blocks\.\d\.)", wrappers, name): tensor for name, tensor in PLAIN.items()}


def partly_compiled() -> nn.Module:
    network = tiny_network()
    network.conv_stem = torch.compile(network.conv_stem)
    network.blocks[1] = nn.DataParallel(torch.compile(network.blocks[1]))
    return network


def same(found: dict[str, Tensor], weights: dict[str, Tensor]) -> bool:
    return list(found) == list(weights) and all(torch.equal(found[name], weights[name]) for name in weights)


def stored(folder: Path, content: Any, averaged: bool = True) -> dict[str, Tensor]:
    torch.save(content, folder / "stored")
    return load_checkpoint(folder / "stored", averaged).weights_of(ARCHITECTURE)


def wrapped() -> nn.Module:
    holder = nn.Module()
    holder.net = nn.DataParallel(tiny_network())
    return holder


@pytest.mark.parametrize(
    "content",
    [
        lambda: PLAIN,
        lambda: put("module."),
        lambda: torch.compile(tiny_network()).state_dict(),
        lambda: put("module._orig_mod."),
        lambda: wrapped().state_dict(),
        lambda: AveragedModel(tiny_network()).state_dict(),
        lambda: {"model": PLAIN, "optimizer": OPTIMIZER, "epoch": 3},
        lambda: {"epoch": 3, "model_state_dict": put("module."), "optimizer_state_dict": OPTIMIZER},
        lambda: {"state_dict": put("model."), "optimizer_states": [OPTIMIZER], "hyper_parameters": {"lr": 0.1}},
        lambda: {"state_dict": put("backbone._orig_mod.") | {"criterion.weight": torch.ones(7)}},
        lambda: {"state_dict": put("model.") | {"confusion.confmat": torch.ones(7, 7, dtype=torch.long)}},
        lambda: {"runner": {"best": {"network": put("net.")}}},
        lambda: {"state_dict": put("timm_model.")},
        lambda: inside("_orig_mod."),
        lambda: {"model": put("module.", inside("_orig_mod.module.")) | {"epoch_losses": torch.ones(3)}},
        lambda: put("module._orig_mod.", inside("_fsdp_wrapped_module._checkpoint_wrapped_module.")),
        lambda: partly_compiled().state_dict(),
    ],
    ids=[
        *("bare", "parallel", "compiled", "parallel and compiled", "held and parallel", "swa", "torchvision", "script"),
        *("lightning", "lightning with a loss", "lightning with counts", "nested", "transformers around timm"),
        *("compiled inside", "wrapped inside", "sharded and checkpointed", "partly compiled"),
    ],
)
def test_forms_without_averages(tmp_path: Path, content: Callable[[], Any]) -> None:
    for averaged in (True, False):
        assert same(stored(tmp_path, content(), averaged), PLAIN)


@pytest.mark.parametrize(
    "content",
    [
        {"state_dict": PLAIN, "state_dict_ema": AVERAGED},
        {
            "state_dict": PLAIN,
            "state_dict_ema": AVERAGED,
            "task_state_ema": {"projection": {"weight": torch.ones(3, 7)}},
        },
        {"model": PLAIN, "model_ema": {"n_averaged": torch.tensor(5)} | put("module.", AVERAGED)},
        {"model": put("module."), "ema": {"module": AVERAGED}},
        {"model": PLAIN, "EMA": AVERAGED},
        {"state_dict": put("model.") | put("ema_model.module.", AVERAGED)},
        {"state_dict": put("model.") | put("swa_model.", AVERAGED) | {"swa_model_steps": torch.ones(())}},
        {"state_dict": put("net.", AVERAGED), "current_model_state": put("net."), "averaging_state": {}},
    ],
    ids=[
        *("timm", "timm's distillation of maps", "torchvision", "nested", "capitals"),
        *("lightning", "lightning's swa", "lightning's WeightAveraging"),
    ],
)
def test_averaged_weights_are_taken_unless_declined(tmp_path: Path, content: Any) -> None:
    assert same(stored(tmp_path, content), AVERAGED)
    assert same(stored(tmp_path, content, averaged=False), PLAIN)


def test_averaged_weights_alone_are_taken_in_any_case(tmp_path: Path) -> None:
    for averaged in (True, False):
        assert same(stored(tmp_path, {"model_ema": put("module.", AVERAGED)}, averaged), AVERAGED)


@pytest.mark.parametrize(
    "counter", ["n_averaged", "total_ops", "blocks.0._orig_mod.total_params", "blocks.0.num_batches_tracked"]
)
def test_what_only_counts_is_passed_over(tmp_path: Path, counter: str) -> None:
    found = stored(tmp_path, PLAIN | {counter: torch.ones(1)})
    assert same(build_model(ARCHITECTURE, len(CLASSES), found).state_dict(), PLAIN)


def test_a_tensor_that_is_there_with_and_without_a_wrapper_is_refused(tmp_path: Path) -> None:
    name = next(name for name in PLAIN if name.startswith("blocks.0."))
    twice = name.replace("blocks.0.", "blocks.0._orig_mod.")
    with pytest.raises(CheckpointError, match=rf"1 are unexpected \({re.escape(twice)}\)"):
        build_model(ARCHITECTURE, len(CLASSES), stored(tmp_path, PLAIN | {twice: PLAIN[name]}))


@pytest.mark.parametrize("architecture", ["iformer_t"])
def test_a_network_whose_own_names_look_wrapped(architecture: str) -> None:
    weights = timm.create_model(architecture, num_classes=3).state_dict()
    assert any(".module." in name for name in weights)
    for prefix in ("", "module."):
        assert same(find_weights(groups_of(put(prefix, weights)), architecture, averaged=True), weights)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (PLAIN | put("module."), "lie in several places, '', 'module.': save those that are meant alone"),
        (
            {"state_dict": put("student.") | put("teacher.")},
            "lie in several places, 'state_dict.student.', 'state_dict.teacher.': save",
        ),
        (
            {"state_dict": put("backbone.") | {"head.weight": torch.ones(3, 7)}},
            r"in 'state_dict.backbone.' lie those of other layers \(head.weight\): if the network answers without",
        ),
        (
            {"state_dict": put("model.") | {"model_ema.conv_stemweight": torch.ones(8, 3, 3, 3)}},
            r"lie those of other layers \(model_ema.conv_stemweight\)",
        ),
        (
            {"model": PLAIN, "model_ema": {"fc.weight": torch.ones(3, 7)}},
            f"averaged weights in 'model_ema' do not fit {ARCHITECTURE}, as those beside them do",
        ),
        (
            {"state_dict": {name: PLAIN[name] for name in list(PLAIN)[2:]}},
            r"1 keys are missing \(conv_stem.weight\)|2 keys are missing \(conv_stem.weight, bn1.weight\)",
        ),
        (
            {"model": renamed("classifier.", "classifier.1.")},
            r"classifier is not timm's \(classifier.weight, classifier.bias are missing, classifier.1.weight, class",
        ),
        (
            {"state_dict": renamed("classifier.", "head.", "backbone.")},
            r"classifier is not timm's \(.* are missing, head.weight are there\), .*: if it is one linear layer",
        ),
        (PLAIN | {"old.fc": torch.ones(2)}, None),
    ],
    ids=[
        *("with and without", "two networks", "a head", "averages by other names", "other averages", "missing"),
        *("a longer classifier", "a classifier beside", "more"),
    ],
)
def test_what_is_not_clear_is_refused(tmp_path: Path, content: Any, sentence: str | None) -> None:
    if sentence is None:  # told by build_model, which is given them
        assert "old.fc" in stored(tmp_path, content)
        return
    with pytest.raises(CheckpointError, match=rf"checkpoint .*stored: .*{sentence}"):
        stored(tmp_path, content)


@pytest.mark.parametrize(
    ("architecture", "theirs", "missing"),
    [("mobilenetv2_100", "features.0.0.weight", "conv_stem.weight"), ("resnet50", "conv_stem.weight", "conv1.weight")],
)
def test_names_that_are_not_timms_are_told(architecture: str, theirs: str, missing: str) -> None:
    with pytest.raises(
        CheckpointError,
        match=rf"do not fit {architecture}: their keys are not timm's .*missing is {missing}, .*unexpected {theirs}\)",
    ):
        find_weights(groups_of({"model": {theirs: torch.ones(2, 2)}}), architecture, averaged=True)


def test_torchvisions_resnet_has_timms_names() -> None:
    models = pytest.importorskip("torchvision.models")
    weights = models.resnet18(num_classes=3).state_dict()
    assert same(find_weights(groups_of({"model": weights}), "resnet18", averaged=True), weights)
    with pytest.raises(CheckpointError, match="not timm's names"):
        find_weights(groups_of(models.squeezenet1_0().state_dict()), "mobilenetv2_100", averaged=True)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_quantised_weights_are_told(tmp_path: Path) -> None:
    eight = torch.quantize_per_tensor(PLAIN["conv_stem.weight"], 0.1, 0, torch.qint8)
    with pytest.raises(CheckpointError, match=r"weights are quantised \(conv_stem\.weight is torch\.qint8\): save the"):
        stored(tmp_path, PLAIN | {"conv_stem.weight": eight})


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_only_the_weights_that_are_taken_must_be_float(tmp_path: Path) -> None:
    eight = {"conv_stem.weight": torch.quantize_per_tensor(PLAIN["conv_stem.weight"], 0.1, 0, torch.qint8)}
    assert same(stored(tmp_path, {"model": PLAIN, "quantised": eight}), PLAIN)
    with pytest.raises(CheckpointError, match=r"weights are quantised \(conv_stem\.weight is torch\.qint8\): save the"):
        stored(tmp_path, {"quantised": eight})


def test_a_dictionary_that_holds_itself_is_read() -> None:
    content: dict[str, Any] = {"model": PLAIN}
    content["self"] = content
    with pytest.raises(CheckpointError, match="several places"):
        find_weights(groups_of(content), ARCHITECTURE, averaged=True)


def test_a_network_whose_usual_form_has_no_classifier_is_found_with_one() -> None:
    weights = timm.create_model("vit_small_patch14_dinov2", num_classes=len(CLASSES)).state_dict()
    assert same(find_weights(groups_of({"model": weights}), "vit_small_patch14_dinov2", averaged=True), weights)
