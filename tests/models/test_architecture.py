"""groupnl.models.architecture: what timm cannot build is told in one sentence, by every command alike."""

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from support.tiny import ARCHITECTURE, CLASSES, tiny_network
from timm.models import _registry as registry
from torch import nn

from groupnl.errors import CheckpointError, ConfigError
from groupnl.models.architecture import configuration, create, refuse_unknown
from groupnl.models.defaults import class_count, default_input
from groupnl.models.trained import open_trained
from groupnl.training.building import _built
from groupnl.training.config import TrainConfig

BROKEN = "broken_network"
COMPLAINTS = (
    RuntimeError("no such\nthing"), ImportError("no package"), ZeroDivisionError("by zero"), IndexError(), KeyError("a")
)  # fmt: skip


@pytest.fixture(params=COMPLAINTS, ids=lambda error: type(error).__name__)
def complaint(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Exception:
    """What the constructor of a network of timm's raises."""

    error: Exception = request.param

    def build(**_: Any) -> nn.Module:
        raise error

    monkeypatch.setitem(registry._model_entrypoints, BROKEN, build)
    return error


def test_a_constructor_that_complains(complaint: Exception, tmp_path: Path) -> None:
    said = str(complaint).split("\n")[0] or "IndexError"
    torch.save({"arch": BROKEN, "state_dict": tiny_network().state_dict()}, tmp_path / "last.pth.tar")
    with pytest.raises(CheckpointError) as caught:
        open_trained(tmp_path / "last.pth.tar", classes=CLASSES)
    assert f"{BROKEN} with 1000 classes cannot be built, timm says: {said}; give another" in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match=f"--model {BROKEN} .* cannot be used"):
        _built(TrainConfig(model=BROKEN, data=tmp_path), 3)


def test_an_old_name_that_timm_does_not_build_any_more() -> None:
    with pytest.raises(CheckpointError, match=r"vit_base_patch32_224_sam with 3 classes cannot be built, timm says: I"):
        create("vit_base_patch32_224_sam", 3)


def test_an_old_name_has_the_input_of_the_new_one() -> None:
    assert configuration("tf_efficientnet_b0_ns") == timm.get_pretrained_cfg("tf_efficientnet_b0.ns_jft_in1k")
    assert default_input("tf_efficientnet_b0_ns").size == 224


def test_tags_are_timms() -> None:
    refuse_unknown("resnet50.a1_in1k")
    assert default_input("resnet50.tv_in1k").crop_pct == 0.875
    for name in ("resnet50.foo", "resnet50.", f"{ARCHITECTURE}.foo"):
        with pytest.raises(CheckpointError, match=rf"'{name}': timm has no weights of .* --architecture {name[:-4]}"):
            default_input(name)


def test_a_network_without_a_classifier_is_told() -> None:
    with pytest.raises(CheckpointError, match="timm's qwen3_vit_88m_enc has no classifier: give the --architecture"):
        class_count("qwen3_vit_88m_enc", {})
