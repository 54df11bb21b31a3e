"""From counts to figures: errors of the cells, the published means, and the mCE under its own name."""

from collections.abc import Mapping
from statistics import fmean
from typing import NamedTuple

from groupnl.corruptions.names import BENCHMARK, SEVERITIES, Cell
from groupnl.validation.alexnet import CLEAN_ERROR, CORRUPTION_ERRORS
from groupnl.validation.calibration import Calibration
from groupnl.validation.notes import is_divided, missing_cells, notes
from groupnl.validation.record import Counts, Record


class Figures(NamedTuple):
    """What is reported; shares are 0 to 1, and None is what cannot be told.

    Attributes:
        clean_top1: accuracy on the clean images.
        clean_top5: share of them whose class is among the best five.
        errors: top-1 error in each measured cell.
        ce: unnormalised corruption error of each measured type: the mean of its errors over severities.
        mean_ce: mean of `ce` over types; with all nineteen, what the published script prints.
        mean_accuracy: mean corruption accuracy: mean over all measured cells.
        mce: mean corruption error, 1 for AlexNet: each of the fifteen types' CE is divided by AlexNet's.
        relative_mce: the same of the loss against the clean images.
        notes: sentences on what the figures are not, and why some are missing.
        calibration: of the clean images (None) and of each cell, where it was measured.
        severities: columns of a table of the cells.
        divided: whether these corruptions have an mCE.
    """

    clean_top1: float | None
    clean_top5: float | None
    errors: dict[Cell, float]
    ce: dict[str, float]
    mean_ce: float | None
    mean_accuracy: float | None
    mce: float | None
    relative_mce: float | None
    notes: tuple[str, ...]
    calibration: dict[Cell | None, Calibration]
    severities: tuple[int, ...]
    divided: bool

    @property
    def mean_calibration(self) -> Calibration | None:
        """Means over the measured cells; None: there are none, or some were measured without calibration."""
        found = [each for cell, each in self.calibration.items() if cell is not None]
        whole = found and len(found) == len(self.errors)
        return Calibration(*map(fmean, zip(*found, strict=True))) if whole else None


def figures(record: Record) -> Figures:
    """All figures that the counts allow."""
    errors = {counts.cell: _error(counts) for counts in record.cells}
    ce = {name: fmean(_of_type(errors, name)) for name in dict.fromkeys(cell.corruption for cell in errors)}
    clean = None if record.clean is None else _error(record.clean)
    divided = is_divided(record)
    complete = divided and not missing_cells(errors)
    return Figures(
        clean_top1=None if clean is None else 1 - clean,
        clean_top5=None if record.clean is None else record.clean.top5 / record.clean.images,
        errors=errors,
        ce=ce,
        mean_ce=fmean(ce.values()) if ce else None,
        mean_accuracy=1 - fmean(errors.values()) if errors else None,
        mce=mean_corruption_error(ce) if complete else None,
        relative_mce=relative_mean_corruption_error(ce, clean) if complete and clean is not None else None,
        notes=tuple(notes(record)),
        calibration=_calibration(record),
        severities=tuple(sorted({cell.severity for cell in errors} | set(SEVERITIES if divided else ()))),
        divided=divided,
    )


def mean_corruption_error(ce: Mapping[str, float]) -> float:
    """The mCE: mean over the fifteen types of the benchmark of CE divided by AlexNet's; 1 is AlexNet.

    The sums over severities in Hendrycks and Dietterich's definition are means here, of five on either side.

    Args:
        ce: type -> mean error over its five severities, 0 to 1.
    """
    return fmean(ce[name] / CORRUPTION_ERRORS[name] for name in BENCHMARK)


def relative_mean_corruption_error(ce: Mapping[str, float], clean_error: float) -> float:
    """The relative mCE: as the mCE, of what corruption adds to the clean error.

    Args:
        ce: type -> mean error over its five severities, 0 to 1.
        clean_error: on the clean images, 0 to 1.
    """
    return fmean((ce[name] - clean_error) / (CORRUPTION_ERRORS[name] - CLEAN_ERROR) for name in BENCHMARK)


def _error(counts: Counts) -> float:
    return 1 - counts.top1 / counts.images


def _of_type(errors: Mapping[Cell, float], name: str) -> list[float]:
    return [error for cell, error in errors.items() if cell.corruption == name]


def _calibration(record: Record) -> dict[Cell | None, Calibration]:
    measured: dict[Cell | None, Counts] = {} if record.clean is None else {None: record.clean}
    measured |= {counts.cell: counts for counts in record.cells}
    return {cell: Calibration(**dict(each)) for cell, counts in measured.items() if (each := counts.calibration)}
