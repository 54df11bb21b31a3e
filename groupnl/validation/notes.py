"""What figures are not, and why some are missing: sentences below a table."""

from collections.abc import Iterable, Sequence
from statistics import mode

from groupnl.base.texts import counted
from groupnl.corruptions.names import BENCHMARK, SEVERITIES, Cell
from groupnl.validation.alexnet import CROP, SIZE
from groupnl.validation.gaps import gaps
from groupnl.validation.record import CellCounts, Clean, Corrupted, Counts, Record
from groupnl.validation.sets.kinds import SetKind
from groupnl.validation.sets.table import clean_kind, corrupted_kind

_SHOWN = 5  # names of a longer list


def notes(record: Record) -> list[str]:
    """All that a reader of a record's figures should know."""
    return [
        *_of_benchmark(record),
        *_uncalibrated(record),
        *_uneven(record),
        *_published(record),
        *(f"{sentence}." for sentence in by_place(record.clean_of)),
        *_gaps(record),
    ]


def by_place(clean_of: Clean | None) -> list[str]:
    """That names were not compared, in a sentence, where they were not."""
    if clean_of is None or clean_of.first_class is None:
        return []
    return [
        f"{clean_kind(clean_of.clean_set).title} counts its classes and does not name them: the network's are taken in "
        f"their order, {clean_of.first_class!r} for the set's first; of other classes the figures mean nothing"
    ]


def missing_cells(measured: Iterable[Cell]) -> list[Cell]:
    """Cells of the benchmark that were not measured."""
    found = set(measured)
    return [cell for name in BENCHMARK for severity in SEVERITIES if (cell := Cell(name, severity)) not in found]


def is_divided(record: Record) -> bool:
    """Whether errors are divided by AlexNet's: they are of ImageNet-C, so of no other published set corrupted here."""
    return record.corrupted is not None and corrupted_kind(record.corrupted.origin).alexnet and _is_plain(record)


def _is_plain(record: Record) -> bool:
    """Whether the clean images may be those that ImageNet-C was made of, told apart from all classes."""
    return record.clean_of is None or record.clean_of == Clean()


def _of_benchmark(record: Record) -> Iterable[str]:
    if record.corrupted is None or not record.cells:
        return
    kind = corrupted_kind(record.corrupted.origin)
    if not kind.alexnet:
        yield f"No mCE is given for {kind.title}: {kind.mean}. The mean CE is of errors as they are."
    elif record.clean_of is not None and not _is_plain(record):
        yield (
            f"No mCE is given: the clean images are of {clean_kind(record.clean_of.clean_set).title}, and AlexNet's "
            "errors are of ImageNet's validation images. The mean CE is of errors as they are."
        )
    elif missing := missing_cells(counts.cell for counts in record.cells):
        yield (
            f"mCE and relative mCE are not given: they need the 15 types at 5 severities, and {len(missing)} of the 75 "
            f"are missing, {missing[0].corruption} {missing[0].severity} first."
        )
    else:
        yield from _of_all_types(record, record.corrupted)


def _of_all_types(record: Record, corrupted: Corrupted) -> Iterable[str]:
    if record.clean is None:
        yield "The relative mCE is not given: it needs the error on the clean images (--data)."
    elif record.settings.input.size != corrupted.size:
        yield (
            f"The relative mCE compares clean images of {record.settings.input.size} pixels with corrupted ones of "
            f"{corrupted.size}; --input-size makes them alike."
        )
    if reasons := list(_unlike_alexnet(record, corrupted)):
        yield (
            "mCE and relative mCE divide by AlexNet's errors on ImageNet's 1000 classes at 224 pixels, but "
            f"{' and '.join(reasons)}: they cannot be compared with published ones."
        )
    if corrupted.origin == "made" and not corrupted.published:
        yield (
            "The corruptions were made here, without the JPEG compression of the published files (--as-published), "
            "which weakens noise."
        )


def _uncalibrated(record: Record) -> Iterable[str]:
    """Why the cells have no mean calibration although some have theirs."""
    without = sum(counts.calibration is None for counts in record.cells)
    if 0 < without < len(record.cells):
        yield (
            f"Mean calibration errors are not given: {without} of the {len(record.cells)} cells were counted by an "
            "earlier version, which did not measure them."
        )


def _uneven(record: Record) -> Iterable[str]:
    """What a mean over cells would hide."""
    if record.corrupted is None or not record.cells:
        return
    usual = mode(counts.images for counts in record.cells)
    if other := [counts for counts in record.cells if counts.images != usual]:
        listed = ", ".join(f"{counts.corruption} {counts.severity} ({counts.images})" for counts in other[:_SHOWN])
        more = f" and {len(other) - _SHOWN} more" if len(other) > _SHOWN else ""
        yield f"Most cells have {usual} images, but not {listed}{more}: are images missing?"
    levels = set(SEVERITIES)
    if not corrupted_kind(record.corrupted.origin).corruptions:
        levels = {counts.severity for counts in record.cells}
    if partly := [name for name, found in _severities(record.cells).items() if levels - found]:
        count = "five" if levels == set(SEVERITIES) else str(len(levels))
        yield f"Not all {count} severities were measured of {', '.join(partly)}: the means are of those that were."


def _severities(cells: Iterable[CellCounts]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for counts in cells:
        found.setdefault(counts.corruption, set()).add(counts.severity)
    return found


def _published(record: Record) -> Iterable[str]:
    """Where a set is not the one that published figures are of."""
    if record.clean is not None and record.clean_of is not None:
        kind = clean_kind(record.clean_of.clean_set)
        yield from _unlike(kind, [record.clean], record.clean_of.answers or record.settings.classes)
    if record.corrupted is not None and record.cells:
        yield from _unlike(corrupted_kind(record.corrupted.origin), record.cells, record.settings.classes)


def _unlike(kind: SetKind, measured: Sequence[Counts], classes: int) -> Iterable[str]:
    reasons = []
    other = {counts.images for counts in measured if counts.images != kind.images}
    if kind.images is not None and other:
        where = "" if len(measured) == 1 else " a cell"
        reasons.append(f"{kind.images} images{where}, and here are {min(other)}")
    if kind.classes is not None and classes != kind.classes:
        reasons.append(f"{counted(kind.classes, 'class')}, and here {counted(classes, 'class')} could be answered")
    if reasons:
        yield f"{kind.title} has {'; '.join(reasons)}: the figures cannot be compared with published ones."


def _gaps(record: Record) -> Iterable[str]:
    missing: dict[Cell | None, Sequence[str]] = {counts.cell: counts.missing for counts in record.cells}
    if record.clean is not None:
        missing = {None: record.clean.missing, **missing}
    classes = (record.clean_of.answers if record.clean_of else None) or record.settings.classes
    return (f"{sentence[0].upper()}{sentence[1:]}." for sentence in gaps(missing, classes))


def _unlike_alexnet(record: Record, corrupted: Corrupted) -> Iterable[str]:
    if not record.settings.imagenet:
        yield "these images are not known to be of those classes"
    if corrupted.size != SIZE:
        yield f"these are of {corrupted.size} pixels"
    if corrupted.origin == "made" and record.settings.input.crop_pct != CROP:
        yield f"these are the middle {record.settings.input.crop_pct:.1%} of the images, not {CROP:.1%}"
