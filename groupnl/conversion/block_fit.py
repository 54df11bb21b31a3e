"""The blocks of a network fitted one after the other, each to what the teacher's gives, from what the student's get."""

from collections.abc import Iterable

import torch
from torch import Tensor

from groupnl.base.progress import progress
from groupnl.conversion.site_fit import Inputs, fit_site
from groupnl.conversion.sites import site_of
from groupnl.errors import ConfigError
from groupnl.inference.pixels import PixelNetwork
from groupnl.training.feature_maps import blocks_of, recorded


@torch.no_grad()
def fit_blocks(student: PixelNetwork, teacher: PixelNetwork, images: Iterable[Tensor]) -> int:
    """Fit every block with a GroupNL layer.

    What the blocks before have done wrong is seen by those behind: a block's inputs are those of the student so far.
    Before the first of them, both networks are one.

    Args:
        student: in evaluation mode, with all of the teacher's weights that it can have; changed in place.
        teacher: its standard network, in evaluation mode.
        images: bytes (B, 3, S, S), some hundred or more in all.

    Returns:
        How many blocks were fitted.

    Raises:
        ConfigError: there is none, or a kind that cannot be fitted.
    """
    names = blocks_of(student.network)
    fitted = 0
    batches = [Inputs(maps, maps) for maps in (_input(teacher, names[0], batch) for batch in images)]
    for name in progress(names, title="least squares", unit="blocks", stays=False):
        site = site_of(name, student.network, teacher.network)
        if site:
            fit_site(site, batches)
            fitted += 1
        mine, theirs = (network.network.get_submodule(name) for network in (student, teacher))
        for place, batch in enumerate(batches):
            wanted = theirs(batch.teacher)
            batches[place] = Inputs(mine(batch.student) if fitted else wanted, wanted)
    if not fitted:
        raise ConfigError("the network has no GroupNL layer in a block: there is nothing to fit")
    return fitted


def _input(network: PixelNetwork, block: str, images: Tensor) -> Tensor:
    with recorded(network.network, [block]) as passed:
        network(images)
    return passed[block].input
