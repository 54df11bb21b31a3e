"""`groupnl study nonlinearity`: how much of a generated map is a straight line of its seed, by the layer's width."""

import argparse
from pathlib import Path

from groupnl.base.atomic_file import write_whole
from groupnl.base.options import Options as BaseOptions
from groupnl.base.progress import progress
from groupnl.base.short_names import by_short_name
from groupnl.errors import ConfigError
from groupnl.inference.pixels import PixelNetwork
from groupnl.models.trained import open_described
from groupnl.validation.offline import read_images
from groupnl_studies.convolutions.design import CONVOLUTIONS
from groupnl_studies.grid.result import some_results
from groupnl_studies.harness.fit import LayerFit, fit_layers
from groupnl_studies.nonlinearity.output import draw, table, write_csv
from groupnl_studies.nonlinearity.random_layers import FORMS, WIDTHS, fit_random

CSV_FILE, PLOT_FILE, TABLE_FILE = "nonlinearity.csv", "nonlinearity.svg", "nonlinearity.md"
_IMAGES = 100


class Options(BaseOptions):
    """What `groupnl study nonlinearity` fits.

    Attributes:
        out: folder for table, figures and picture; made if missing.
        checkpoints: trained GroupNL networks.
        data: their images, by split.
        splits: of the images.
        results: folder of `groupnl study convolutions`, whose networks are added; None: none.
    """

    out: Path
    checkpoints: tuple[Path, ...]
    data: Path
    splits: tuple[str, ...]
    results: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl study nonlinearity`."""
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="DIR", help="for table, figures and picture; made if missing")
    add("--checkpoints", nargs="*", default=[], type=Path, metavar="FILE", help="trained GroupNL networks (none)")
    add("--data", type=Path, default=Path("data/icons"), metavar="DIR", help="their images, by split (%(default)s)")
    add("--splits", nargs="+", default=["test_emoji", "test_style"], metavar="SPLIT", help="(test_emoji test_style)")
    add("--results", type=Path, metavar="DIR", help="of `groupnl study convolutions`, whose networks are added (none)")


def run(options: Options) -> int:
    """Fit random layers and trained ones, and write what was found.

    Raises:
        ConfigError: images or results that cannot be used, or a checkpoint without GroupNL layers.
        CheckpointError: a checkpoint that cannot be used, or without a model card.
    """
    of_study = _fits_of_study(options.results) if options.results else {}
    trained = {name: _fit_checkpoint(path, options) for name, path in by_short_name(options.checkpoints).items()}
    trained |= of_study
    forms = progress(FORMS, unit="forms", stays=False)
    random = {form.name: [fit_random(form, width) for width in WIDTHS] for form in forms}
    options.out.mkdir(parents=True, exist_ok=True)
    found = {**random, **trained}
    write_csv(found, options.out / CSV_FILE)
    draw(random, trained, options.out / PLOT_FILE)
    write_whole(options.out / TABLE_FILE, table(found) + "\n")
    print(table(found))
    return 0


def _fit_checkpoint(path: Path, options: Options) -> list[LayerFit]:
    trained, card = open_described(path)
    images = read_images(options.data, options.splits, card, _IMAGES, 0)
    fits = fit_layers(PixelNetwork(trained.network, trained.input), images.pixels)
    if not fits:
        raise ConfigError(f"{path} has no GroupNL layer: there is nothing to fit")
    return fits


def _fits_of_study(results: Path) -> dict[str, list[LayerFit]]:
    """Those of each network with GroupNL layers; all seeds together."""
    found: dict[str, list[LayerFit]] = {}
    for result in some_results(results, CONVOLUTIONS):
        if result.fits:
            found.setdefault(f"{result.data}, {result.network}, {result.kind}", []).extend(result.fits)
    if not found:
        raise ConfigError(f"{results} has no results of networks with GroupNL layers: there is nothing to add")
    return found
