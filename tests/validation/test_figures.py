"""groupnl.validation.figures against arithmetic done by hand."""

import pytest

from groupnl.card import InputConfig
from groupnl.corruptions.names import BENCHMARK, NAMES, SEVERITIES, Cell
from groupnl.validation.alexnet import CLEAN_ERROR, CORRUPTION_ERRORS
from groupnl.validation.figures import figures
from groupnl.validation.record import Calibration, CellCounts, Clean, Corrupted, Counts, Record, Settings
from groupnl.validation.report import text

SHA = "0" * 64
# Table 1 of the paper: AlexNet's errors, percent.
PUBLISHED = (88.6, 89.4, 92.3, 82.0, 82.6, 78.6, 79.8, 86.7, 82.7, 81.9, 56.5, 85.3, 64.6, 71.8, 60.7)
RELATED = Corrupted(origin="files", size=224)


def record(
    wrong: dict[Cell, int], clean_wrong: int | None = 200, imagenet: bool = True, corrupted: Corrupted = RELATED
) -> Record:
    """A thousand images in each cell; every wrong answer's class is the second best."""
    settings = Settings(
        architecture="net",
        weights_sha256=SHA,
        averaged=True,
        classes=1000,
        imagenet=imagenet,
        input=InputConfig(size=224, mean=(0, 0, 0), std=(1, 1, 1), crop_pct=0.875, interpolation="bicubic"),
        engine="eager",
        precision="float32",
        device="cpu",
        versions={},
    )
    clean = None if clean_wrong is None else Counts(images=1000, top1=1000 - clean_wrong, top5=1000, sha256=SHA)
    cells = tuple(
        CellCounts(corruption=name, severity=severity, images=1000, top1=1000 - count, top5=1000, sha256=SHA)
        for (name, severity), count in wrong.items()
    )
    return Record(settings=settings, corrupted=corrupted, clean=clean, cells=cells)


def all_cells(counts: dict[str, int]) -> dict[Cell, int]:
    """At severity s, `counts` of its type and 50 (s - 3) more: the mean stays."""
    return {Cell(name, severity): counts[name] + 50 * (severity - 3) for name in NAMES for severity in SEVERITIES}


def test_alexnets_errors_are_those_of_the_paper() -> None:
    assert tuple(CORRUPTION_ERRORS) == BENCHMARK
    # Rounded half up, the paper rounds 60.65 to 60.7 as well.
    assert [int(1000 * error + 0.5 + 1e-9) / 10 for error in CORRUPTION_ERRORS.values()] == list(PUBLISHED)
    assert round(100 * CLEAN_ERROR, 1) == 43.5


def test_a_network_as_good_as_alexnet_has_an_mce_of_100_percent() -> None:
    wrong = {name: round(1000 * CORRUPTION_ERRORS.get(name, 0.5)) for name in NAMES}
    wrong = {name: min(count, 890) for name, count in wrong.items()}  # 1000 images do not hold more at severity 5
    found = figures(record(all_cells(wrong), clean_wrong=435))
    assert found.mce == pytest.approx(1, abs=0.004)  # shot and impulse noise were cut down to 890
    assert found.relative_mce == pytest.approx(1, abs=0.008)


def test_means_and_ratios_are_those_computed_by_hand() -> None:
    counts = dict.fromkeys(NAMES, 400) | {"gaussian_noise": 600, "fog": 300, "saturate": 200}
    found = figures(record(all_cells(counts)))
    assert found.clean_top1 == pytest.approx(0.8)
    assert found.clean_top5 == 1
    assert found.errors[Cell("fog", 1)] == pytest.approx(0.2)
    assert found.ce["fog"] == pytest.approx((0.2 + 0.25 + 0.3 + 0.35 + 0.4) / 5)
    assert found.mean_ce == pytest.approx((16 * 0.4 + 0.6 + 0.3 + 0.2) / 19)
    assert found.mean_accuracy == pytest.approx(1 - (16 * 0.4 + 0.6 + 0.3 + 0.2) / 19)
    # In percent, by the paper's rounded table: thirteen types of 40, one of 60, one of 30, clean 20 against 43.5.
    ratios = [(60 if n == 0 else 30 if n == 9 else 40) / alexnet for n, alexnet in enumerate(PUBLISHED)]
    assert found.mce == pytest.approx(sum(ratios) / 15, rel=1e-3)
    relative = [(60 if n == 0 else 30 if n == 9 else 40) - 20 for n in range(15)]
    relative_ratios = [ours / (alexnet - 43.5) for ours, alexnet in zip(relative, PUBLISHED, strict=True)]
    assert found.relative_mce == pytest.approx(sum(relative_ratios) / 15, rel=2e-3)
    assert found.notes == ()


def test_without_a_cell_of_the_benchmark_there_is_no_mce() -> None:
    wrong = all_cells(dict.fromkeys(NAMES, 400))
    del wrong[Cell("snow", 4)]
    found = figures(record(wrong))
    assert (found.mce, found.relative_mce) == (None, None)
    assert found.ce["snow"] == pytest.approx((0.3 + 0.35 + 0.4 + 0.5) / 4)
    assert "1 of the 75 are missing, snow 4 first" in found.notes[0]
    assert "Not all five severities were measured of snow" in found.notes[1]


def test_the_four_types_for_validation_are_not_needed_for_the_mce() -> None:
    wrong = {
        cell: count for cell, count in all_cells(dict.fromkeys(NAMES, 400)).items() if cell.corruption in BENCHMARK
    }
    found = figures(record(wrong))
    assert len(found.ce) == 15
    assert found.mce == figures(record(all_cells(dict.fromkeys(NAMES, 400)))).mce
    assert found.notes == ()


def test_without_clean_images_there_is_no_relative_mce() -> None:
    found = figures(record(all_cells(dict.fromkeys(NAMES, 400)), clean_wrong=None))
    assert found.mce is not None
    assert (found.clean_top1, found.clean_top5, found.relative_mce) == (None, None, None)
    assert "--data" in found.notes[0]


@pytest.mark.parametrize(
    ("imagenet", "corrupted", "words"),
    [
        (False, RELATED, ["not known to be of those classes"]),
        (True, Corrupted(origin="files", size=64), ["of 64 pixels"]),
        (True, Corrupted(origin="made", size=224, seed=0, published=False), ["--as-published"]),
        (
            False,
            Corrupted(origin="made", size=64, seed=0, published=False),
            ["not known to be of those classes", "of 64 pixels", "--as-published"],
        ),
        (True, Corrupted(origin="made", size=224, seed=0, published=True), []),
        (True, Corrupted(origin="files", size=192), ["clean images of 224 pixels with corrupted ones of 192"]),
    ],
)
def test_what_cannot_be_compared_with_published_figures_is_said(
    imagenet: bool, corrupted: Corrupted, words: list[str]
) -> None:
    found = figures(record(all_cells(dict.fromkeys(NAMES, 400)), imagenet=imagenet, corrupted=corrupted))
    assert found.mce is not None
    assert all(word in " ".join(found.notes) for word in words)
    assert bool(found.notes) is bool(words)


def test_clean_figures_alone_need_no_notes() -> None:
    found = figures(record({}))
    assert (found.clean_top1, found.errors, found.mean_ce, found.notes) == (pytest.approx(0.8), {}, None, ())


def test_a_crop_unlike_the_published_one_is_said() -> None:
    made = record(all_cells(dict.fromkeys(NAMES, 400)), corrupted=Corrupted(origin="made", size=224, published=True))
    wide = made.settings.input.model_copy(update={"crop_pct": 0.95})
    found = figures(made.model_copy(update={"settings": made.settings.model_copy(update={"input": wide})}))
    assert "these are the middle 95.0% of the images, not 87.5%" in found.notes[0]


@pytest.mark.parametrize(
    ("clean_of", "title"),
    [
        (Clean(clean_set="imagenet-r", answers=200), "ImageNet-R"),
        (Clean(clean_set="imagenet-a", answers=200), "ImageNet-A"),
        (Clean(clean_set="imagenet-v2"), "ImageNet-V2"),
        (Clean(clean_set="imagenet-sketch"), "ImageNet-Sketch"),
        (Clean(clean_set="imagenet-real"), "ImageNet with ReaL labels"),
        (Clean(), None),
        (None, None),
    ],
)
def test_other_sets_that_are_corrupted_here_are_not_divided_by_alexnets_errors(
    clean_of: Clean | None, title: str | None
) -> None:
    made = Corrupted(origin="made", size=224, seed=0, published=True)
    counted = record(all_cells(dict.fromkeys(NAMES, 400)), corrupted=made).model_copy(update={"clean_of": clean_of})
    found = figures(counted)
    assert found.mean_ce == pytest.approx(0.4)
    assert found.divided is (title is None)
    assert ("AlexNet = 100" in text(counted, found)) is (title is None)
    if title is not None:
        assert (found.mce, found.relative_mce) == (None, None)
        assert f"No mCE is given: the clean images are of {title}, and AlexNet's errors" in found.notes[0]


def test_mean_calibration_is_of_all_cells_or_absent() -> None:
    shares = (0.1, 0.3)
    cells = [
        counts.model_copy(update={"calibration": Calibration(ece=share, rms=share, aurc=share)})
        for counts, share in zip(record({Cell("fog", 1): 1, Cell("fog", 2): 2}).cells, shares, strict=True)
    ]
    whole = record({}).model_copy(update={"cells": tuple(cells)})
    assert figures(whole).mean_calibration == pytest.approx((0.2, 0.2, 0.2))
    resumed = whole.model_copy(update={"cells": (cells[0].model_copy(update={"calibration": None}), cells[1])})
    found = figures(resumed)
    assert found.mean_calibration is None
    assert "of the cells" not in text(resumed, found)
    assert "1 of the 2 cells were counted by an earlier version" in " ".join(found.notes)
