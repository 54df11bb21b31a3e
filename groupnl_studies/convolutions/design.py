"""What the study trains: every convolution in every network, on every data set."""

from groupnl_studies.grid.design import Design
from groupnl_studies.grid.networks import NETWORKS
from groupnl_studies.grid.recipe import RECIPES

CONVOLUTIONS = Design("convolutions", RECIPES, {name: network.kinds for name, network in NETWORKS.items()})
