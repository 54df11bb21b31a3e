"""groupnl.models.defaults: what timm says of an architecture."""

import pytest
from support.tiny import ARCHITECTURE, tiny_network

from groupnl.errors import CheckpointError
from groupnl.models.defaults import class_count, default_input


def test_input_and_classes_are_timms() -> None:
    found = default_input("resnet50")
    assert (found.size, found.crop_pct, found.interpolation) == (224, pytest.approx(0.95), "bicubic")
    assert default_input("gnl_resnet50") == found
    assert class_count(ARCHITECTURE, tiny_network(7).state_dict()) == 7


def test_what_cannot_be_told_is_refused() -> None:
    with pytest.raises(CheckpointError, match="architecture 'resnet_50' is unknown to timm"):
        default_input("resnet_50")
    with pytest.raises(CheckpointError, match=r"the weights have no fc\.bias; is resnet50 the right architecture"):
        class_count("resnet50", tiny_network().state_dict())
