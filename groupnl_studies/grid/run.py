"""One cell: trained, asked, and written down."""

import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from timm.utils import random_seed
from torch import Tensor, nn

from groupnl_studies.grid.augment import normalise
from groupnl_studies.grid.cells import StudyCell
from groupnl_studies.grid.families import FAMILIES, cells_of
from groupnl_studies.grid.images import Labelled
from groupnl_studies.grid.networks import build_network
from groupnl_studies.grid.prepared import Prepared, load_prepared
from groupnl_studies.grid.recipe import Recipe
from groupnl_studies.grid.result import Result, result_path, write_result
from groupnl_studies.grid.train import best_classes, train
from groupnl_studies.grid.trainings import PLAIN, TRAININGS
from groupnl_studies.harness.fit import fit_layers

_PACKAGES = ("groupnl-serve", "torch", "timm", "numpy", "opencv-python-headless")
_FITTED_IMAGES = 100


class Plan(NamedTuple):
    """How a study's cells are run.

    Attributes:
        out: folder of the study.
        recipes: (data set, network) -> recipe.
        threads: of each cell.
    """

    out: Path
    recipes: Mapping[tuple[str, str], Recipe]
    threads: int


def data_folder(out: Path, data: str) -> Path:
    """Where a data set lies prepared."""
    return out / "data" / data


def run_cell(cell: StudyCell, plan: Plan) -> Result:
    """Train and measure one cell, or go on with it, and write its result.

    Raises:
        ConfigError: its data set is not prepared for the recipe, or training fails.
    """
    torch.set_num_threads(plan.threads)
    recipe = plan.recipes[cell.data, cell.network]
    images = load_prepared(data_folder(plan.out, cell.data), recipe.images)
    random_seed(cell.seed)
    network = build_network(cell.network, cell.kind, images.record.classes)
    network = network.to(memory_format=torch.channels_last)
    state = result_path(plan.out, cell).with_suffix(".state")
    progress = train(network, images.train, recipe, TRAININGS[cell.training or PLAIN], cell.seed, state)
    started = time.monotonic()
    right = _corrupted_right(network, images)
    result = Result(
        **cell._asdict(),
        recipe=recipe,
        images=images.record,
        losses=progress.losses,
        clean={split: _answers(network, labelled) for split, labelled in images.tests.items()},
        right_by_cell=tuple(right.sum(axis=1).tolist()),
        right_by_image=tuple(right.sum(axis=0).tolist()),
        right_by_family={family: tuple(right[cells_of(family)].sum(axis=0).tolist()) for family in FAMILIES},
        fits=tuple(fit_layers(network, _evenly(images))),
        seconds=progress.seconds + time.monotonic() - started,
        threads=plan.threads,
        versions={name: version(name) for name in _PACKAGES},
    )
    write_result(plan.out, result)
    state.unlink()
    return result


def _answers(network: nn.Module, labelled: Labelled) -> str:
    right = best_classes(network, labelled.pixels) == labelled.labels
    return "".join(map(str, right.int().tolist()))


def _corrupted_right(network: nn.Module, images: Prepared) -> np.ndarray:
    """Whether each image is answered rightly in each cell; bool (95, M)."""
    labels = images.corrupted_labels
    answers = (best_classes(network, torch.from_numpy(np.array(pixels))) for pixels in images.corrupted)
    return np.stack([(best == labels).numpy() for best in answers])


def _evenly(images: Prepared) -> Tensor:
    """Some clean test images of all splits and classes, as the network takes them."""
    pixels = torch.cat([labelled.pixels for labelled in images.tests.values()])
    return normalise(pixels[:: max(1, len(pixels) // _FITTED_IMAGES)])
