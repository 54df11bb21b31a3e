"""Untrained layers of every width: what the functions alone do, whatever a network learns."""

from statistics import fmean
from typing import NamedTuple

import torch
from torch import Generator

from groupnl.layers import GroupNLConv2d
from groupnl.layers.group_nl import ShiftLaw, SineScale
from groupnl_studies.harness.fit import LayerFit, fit_layer

WIDTHS = (4, 8, 16, 32, 64, 128, 256, 512)  # seed maps
DRAWS = 50  # layers of each width: a layer has four functions only
_INPUTS, _PIXELS = 32, 1000


class Form(NamedTuple):
    """How a layer's functions are made.

    Attributes:
        shift_law: of `GroupNLConv2d`.
        sine_scale: of `GroupNLConv2d`.
    """

    shift_law: ShiftLaw
    sine_scale: SineScale

    @property
    def name(self) -> str:
        """As tables have it."""
        scale = ", scaled by sqrt(s)" if self.sine_scale == "sqrt" else ""
        return f"random layers, {self.shift_law} shifts{scale}"


FORMS = (Form("published", "none"), Form("declared", "none"), Form("published", "sqrt"), Form("declared", "sqrt"))


def fit_random(form: Form, seeds: int) -> LayerFit:
    """The mean over layers with random filters, of random inputs.

    Args:
        form: of their functions.
        seeds: their seed maps, a multiple of four.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        fits = [_fit_one(form, seeds) for _ in range(DRAWS)]
    return LayerFit(
        layer=f"{DRAWS} layers",
        seeds=seeds,
        r2=fmean(fit.r2 for fit in fits),
        straight=fmean(fit.straight for fit in fits),
    )


@torch.inference_mode()
def _fit_one(form: Form, seeds: int) -> LayerFit:
    layer = GroupNLConv2d(_INPUTS, 2 * seeds, 1, shift_law=form.shift_law, sine_scale=form.sine_scale)
    images = torch.randn(1, _INPUTS, _PIXELS, 1, generator=Generator().manual_seed(0))
    return fit_layer("", layer, layer(images))
