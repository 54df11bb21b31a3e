"""From counts to figures: errors of the cells, the published means, and the mCE under its own name."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, mode
from typing import NamedTuple

from groupnl.corruptions.names import BENCHMARK, NAMES, SEVERITIES, Cell
from groupnl.validation.alexnet import CLEAN_ERROR, CORRUPTION_ERRORS, CROP, SIZE
from groupnl.validation.gaps import gaps
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


def figures(record: Record) -> Figures:
    """All figures that the counts allow."""
    errors = {counts.cell: _error(counts) for counts in record.cells}
    ce = {name: fmean(rows) for name in NAMES if (rows := [errors[cell] for cell in errors if cell.corruption == name])}
    clean = None if record.clean is None else _error(record.clean)
    complete = not _missing(errors)
    return Figures(
        clean_top1=None if clean is None else 1 - clean,
        clean_top5=None if record.clean is None else record.clean.top5 / record.clean.images,
        errors=errors,
        ce=ce,
        mean_ce=fmean(ce.values()) if ce else None,
        mean_accuracy=1 - fmean(errors.values()) if errors else None,
        mce=mean_corruption_error(ce) if complete else None,
        relative_mce=relative_mean_corruption_error(ce, clean) if complete and clean is not None else None,
        notes=(*_notes(record, errors), *_uneven(record, errors), *_gaps(record)),
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


def _missing(measured: Iterable[Cell]) -> list[Cell]:
    """Cells of the benchmark that were not measured."""
    found = set(measured)
    return [cell for name in BENCHMARK for severity in SEVERITIES if (cell := Cell(name, severity)) not in found]


def _notes(record: Record, errors: Mapping[Cell, float]) -> Iterable[str]:
    if record.corrupted is None or not errors:
        return
    if missing := _missing(errors):
        yield (
            f"mCE and relative mCE are not given: they need the 15 types at 5 severities, and {len(missing)} of the 75 "
            f"are missing, {missing[0].corruption} {missing[0].severity} first."
        )
        return
    if record.clean is None:
        yield "The relative mCE is not given: it needs the error on the clean images (--data)."
    elif record.settings.input.size != record.corrupted.size:
        yield (
            f"The relative mCE compares clean images of {record.settings.input.size} pixels with corrupted ones of "
            f"{record.corrupted.size}; --input-size makes them alike."
        )
    if reasons := list(_unlike_alexnet(record)):
        yield (
            "mCE and relative mCE divide by AlexNet's errors on ImageNet's 1000 classes at 224 pixels, but "
            f"{' and '.join(reasons)}: they cannot be compared with published ones."
        )
    if record.corrupted.origin == "made" and not record.corrupted.published:
        yield (
            "The corruptions were made here, without the JPEG compression of the published files (--as-published), "
            "which weakens noise."
        )


def _uneven(record: Record, errors: Mapping[Cell, float]) -> Iterable[str]:
    """What a mean over cells would hide."""
    if not errors:
        return
    usual = mode(counts.images for counts in record.cells)
    if other := [counts for counts in record.cells if counts.images != usual]:
        listed = ", ".join(f"{counts.corruption} {counts.severity} ({counts.images})" for counts in other[:5])
        more = f" and {len(other) - 5} more" if len(other) > 5 else ""
        yield f"Most cells have {usual} images, but not {listed}{more}: are images missing?"
    measured = {name: sum(cell.corruption == name for cell in errors) for name in NAMES}
    if partly := [name for name, severities in measured.items() if 0 < severities < len(SEVERITIES)]:
        yield f"Not all five severities were measured of {', '.join(partly)}: the means are of those that were."


def _gaps(record: Record) -> Iterable[str]:
    missing: dict[Cell | None, Sequence[str]] = {counts.cell: counts.missing for counts in record.cells}
    if record.clean is not None:
        missing = {None: record.clean.missing, **missing}
    return (f"{sentence[0].upper()}{sentence[1:]}." for sentence in gaps(missing, record.settings.classes))


def _unlike_alexnet(record: Record) -> Iterable[str]:
    if not record.settings.imagenet:
        yield "these images are not known to be of those classes"
    if record.corrupted is not None and record.corrupted.size != SIZE:
        yield f"these are of {record.corrupted.size} pixels"
    if record.corrupted is not None and record.corrupted.origin == "made" and record.settings.input.crop_pct != CROP:
        yield f"these are the middle {record.settings.input.crop_pct:.1%} of the images, not {CROP:.1%}"
