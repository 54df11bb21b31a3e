"""What the study trains: convolution x training."""

from groupnl_studies.grid.design import Design
from groupnl_studies.grid.kinds import STANDARD
from groupnl_studies.grid.recipe import RECIPES
from groupnl_studies.grid.trainings import TRAININGS

_KINDS = {"resnet18": (STANDARD, "gnl_r2", "gnl_sparse"), "mobilenetv2": (STANDARD, "gnl_sparse")}

ROBUSTNESS = Design(
    name="robustness",
    recipes={("icons", network): RECIPES["icons", network] for network in _KINDS},
    kinds=_KINDS,
    trainings=tuple(TRAININGS),
    unasked=(f"icons/resnet18/{STANDARD}/*", "icons/resnet18/gnl_r2/*"),
)
