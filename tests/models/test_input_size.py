"""groupnl.models.input_size: sizes that a network does not take are refused in a sentence."""

from collections.abc import Callable

import pytest
import timm
import torch
from torch import Tensor, nn

from groupnl.errors import ConfigError
from groupnl.models import TINY
from groupnl.models.input_size import refuse_size


@pytest.fixture
def network() -> Callable[[str], nn.Module]:
    return lambda name: timm.create_model(name, num_classes=3)


@pytest.mark.parametrize(("name", "size"), [(TINY.name, 8), (TINY.name, 65), ("test_vit3", 160), ("test_resnet", 33)])
def test_sizes_that_are_taken_pass_and_change_nothing(
    name: str, size: int, network: Callable[[str], nn.Module]
) -> None:
    asked = network(name).train()
    before = {key: values.clone() for key, values in asked.state_dict().items()}
    state = torch.get_rng_state()
    refuse_size(asked, name, size, "--size")
    assert asked.training
    assert all(torch.equal(values, before[key]) for key, values in asked.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("training", [False, True])
def test_a_fixed_size_is_told(network: Callable[[str], nn.Module], training: bool) -> None:
    asked = network("test_vit3").train(training)
    with pytest.raises(
        ConfigError,
        match=r"^--input-size 32: test_vit3 does not take images of 32 pixels; --input-size 160 is its usual size .*32",
    ):
        refuse_size(asked, "test_vit3", 32, "--input-size")
    assert asked.training is training


def test_whatever_a_network_raises_becomes_a_sentence() -> None:
    class Strange(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            raise KeyError("no such grid")

    with pytest.raises(
        ConfigError, match=r"--size 9: mine does not take images of 9 pixels; give another .*no such gr"
    ):
        refuse_size(Strange(), "mine", 9, "--size")
