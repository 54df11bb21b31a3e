"""groupnl.models.misfit: what is wrong with weights is told by what is missing."""

import timm
import torch

from groupnl.models.misfit import misfit


def test_a_network_built_without_distillation_lacks_a_part_of_the_classifier() -> None:
    with torch.device("meta"):
        names = list(timm.create_model("deit_tiny_distilled_patch16_224").state_dict())
    given = [name for name in names if not name.startswith("head_dist.")]
    told = misfit("deit_tiny_distilled_patch16_224", names, given, beside=())
    assert told.startswith("they lack a part of the classifier (head_dist.weight, head_dist.bias), as of a")
