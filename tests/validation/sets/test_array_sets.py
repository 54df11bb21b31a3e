"""groupnl validate --set: CIFAR's arrays and records, and Icons-50's dictionary, made of solid colours."""

import os
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from support.colours import COLOURS, NAMES, colour_checkpoint, colour_network, solid
from support.tiny import INPUT
from support.validation_runs import read, validate

from groupnl.corruptions import BENCHMARK, Cell
from groupnl.errors import ConfigError
from groupnl.inference.engines.torch_engine import TorchEngine
from groupnl.validation.pixels import RawPixels
from groupnl.validation.sets.cells import ArrayCells
from groupnl.validation.sets.cifar import CIFAR_10, CIFAR_100, cifar_10, cifar_100
from groupnl.validation.sets.icons_50 import icons_50
from groupnl.validation.sets.images import by_name, by_number

PART = ["--corruptions", "fog", "snow"]
LABELS = [0, 2, 4]  # blue, green, red
# The colour of each image at each severity: none is wrong, then one, then all.
SHOWN = {
    "fog": (LABELS, LABELS, [0, 2, 5], [5, 5, 5], [0, 5, 5]),
    "snow": ([1, 2, 4], LABELS, LABELS, LABELS, [1, 3, 5]),
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its classes are called by numbers, as CIFAR's are counted."""
    return colour_checkpoint(tmp_path_factory.mktemp("checkpoint"), [str(number) for number in range(len(NAMES))])


def pictures(colours: Sequence[int]) -> NDArray[np.uint8]:
    """Solid ones, (rows, 32, 32, 3)."""
    return np.array([np.full((32, 32, 3), COLOURS[NAMES[colour]], np.uint8) for colour in colours])


def cifar_c(root: Path) -> Path:
    """Two types of CIFAR-10-C."""
    root.mkdir()
    for name, severities in SHOWN.items():
        np.save(root / f"{name}.npy", pictures([colour for shown in severities for colour in shown]))
    np.save(root / "labels.npy", np.array(LABELS * 5, np.uint8))
    return root


def test_rows_are_taken_severity_by_severity(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = cifar_c(tmp_path / "c")
    assert validate(checkpoint, tmp_path / "out", "--set", "cifar-10-c", root, *PART) == 0
    found = read(tmp_path / "out")
    third = pytest.approx(1 / 3)
    assert list(found["errors"]["fog"].values()) == [0, 0, third, 1, pytest.approx(2 / 3)]
    assert list(found["errors"]["snow"].values()) == [third, 0, 0, 0, 1]
    assert found["mean_ce"] == pytest.approx((2 / 5 + 4 / 15) / 2)
    assert (found["mce"], found["corrupted"]["size"]) == (None, 32)
    shown = capsys.readouterr().out
    assert "mean unnormalised CE of 2 types                  33.3\n" in shown
    assert "No mCE is given for CIFAR-10-C: its authors divide by no other network's errors" in shown
    assert validate(checkpoint, tmp_path / "all", "--set", "cifar-10-c", root) == 1
    missing = "; ".join(f"{name} at 1, 2, 3, 4, 5" for name in BENCHMARK if name not in ("fog", "snow"))
    assert f"lacks files <corruption>.npy of CIFAR-10-C: {missing}. Validate" in capsys.readouterr().err


def test_clean_records_and_corrupted_rows_are_measured_together(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = cifar_c(tmp_path / "c")
    records(tmp_path / "bin" / "test_batch.bin", [0, 0, 4], [0, 1, 4])
    both = ["--set", "cifar-10", tmp_path / "bin", "--set", "cifar-10-c", root]
    assert validate(checkpoint, tmp_path / "out", *both, *PART) == 0
    assert read(tmp_path / "out")["clean_top1"] == pytest.approx(2 / 3)
    assert "cifar-10: top-1 66.7 %, top-5 100.0 % of 3 images of 32 pixels" in capsys.readouterr().out
    before = (tmp_path / "out" / "counts.json").read_text()
    # One other pixel, and names, labels and lengths as they were.
    array = np.load(root / "fog.npy", mmap_mode="r+")
    array[4, 0, 0, 0] ^= 1
    array.flush()
    assert validate(checkpoint, tmp_path / "out", *both, *PART) == 1
    said = capsys.readouterr().err
    assert "fog at severity 2 were measured on 3 images that are not these 3" in said
    assert (tmp_path / "out" / "counts.json").read_text() == before


def test_calibration_is_that_of_the_answers(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records(tmp_path / "bin" / "test_batch.bin", [0, 0, 4, 2], [0, 1, 4, 2])
    assert validate(checkpoint, tmp_path / "out", "--set", "cifar-10", tmp_path / "bin") == 0
    pixels = torch.from_numpy(pictures([0, 1, 4, 2]).transpose(0, 3, 1, 2).copy())
    logits = TorchEngine(colour_network(), INPUT, torch.device("cpu"), torch.float32)(pixels)
    best, right = logits.double().softmax(1).amax(1), torch.tensor([True, False, True, True])
    order = best.argsort(descending=True)
    risks = (~right[order]).double().cumsum(0) / torch.arange(1, 5)
    clean = read(tmp_path / "out")["calibration"]["clean"]
    assert clean["aurc"] == pytest.approx(float(risks.mean()), abs=1e-6)
    assert clean["rms"] == pytest.approx(abs(float(best.mean()) - 0.75), abs=1e-6)  # four images are one bin
    line = f"cifar-10: ECE {100 * clean['ece']:.1f} %, RMS calibration error {100 * clean['rms']:.1f} %, AURC "
    assert line in capsys.readouterr().out
    head, row = (tmp_path / "out" / "cells.csv").read_text().splitlines()
    assert head.endswith(",ece,rms,aurc")
    assert row.endswith(f",{clean['aurc']:.6f}")


@pytest.mark.slow
def test_several_processes_count_alike(checkpoint: Path, tmp_path: Path) -> None:
    options = ["--set", "cifar-10-c", cifar_c(tmp_path / "c"), *PART, "--threads", "1"]
    assert validate(checkpoint, tmp_path / "one", *options) == 0
    assert validate(checkpoint, tmp_path / "two", *options, "--processes", "2") == 0
    one, two = ((tmp_path / name / "counts.json").read_text() for name in ("one", "two"))
    assert one == two


def test_clean_records_are_corrupted_here_too(checkpoint: Path, tmp_path: Path) -> None:
    records(tmp_path / "bin" / "test_batch.bin", LABELS, LABELS)
    options = ["--set", "cifar-10", tmp_path / "bin", "--corrupt", "--corruptions", "brightness", "--severities", "1"]
    assert validate(checkpoint, tmp_path / "out", *options) == 0
    assert (read(tmp_path / "out")["clean_top1"], list(read(tmp_path / "out")["ce"])) == (1, ["brightness"])


def records(path: Path, labels: Sequence[int], colours: Sequence[int], coarse: Sequence[int] | None = None) -> None:
    """The binary version of CIFAR-10; with coarse labels, of CIFAR-100."""
    path.parent.mkdir()
    heads = zip(labels, strict=True) if coarse is None else zip(coarse, labels, strict=True)
    rows = [
        bytes(head) + picture.transpose(2, 0, 1).tobytes()
        for head, picture in zip(heads, pictures(colours), strict=True)
    ]
    path.write_bytes(b"".join(rows))


def test_the_second_of_two_labels_is_the_class(tmp_path: Path) -> None:
    records(tmp_path / "bin" / "test.bin", [41, 99], [0, 5], coarse=[7, 3])
    images = cifar_100([tmp_path / "bin"], None, 100)
    found = images.find()
    assert [image.truth for image in found] == [41, 99]
    colours = [images.decode(image.extent.read()).getpixel((31, 31)) for image in found]
    assert colours == [COLOURS["blue"], COLOURS["yellow"]]


def test_records_that_are_cut_or_pickled_are_refused(tmp_path: Path) -> None:
    records(tmp_path / "bin" / "test_batch.bin", [0, 1], [0, 1])
    with pytest.raises(ConfigError, match=r"row 1 is of class 1, and the network has no such class"):
        cifar_10([tmp_path / "bin"], None, 1).find()
    file = tmp_path / "bin" / "test_batch.bin"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ConfigError, match="has 6145 bytes, which are no whole records of 3073: it is cut short"):
        cifar_10([file], None, 10)
    with pytest.raises(ConfigError, match="does not exist: name the unpacked folder of the binary version, or of Py"):
        cifar_10([tmp_path], None, 10)


_PICKLER: Any = pickle._Pickler  # in Python, so that it can be another


class _Python2(_PICKLER):  # type: ignore[misc]
    """Writes text and bytes as Python 2 does, which does not tell them apart."""

    dispatch: ClassVar[dict[type, object]] = dict(_PICKLER.dispatch)

    def _save(self, text: str | bytes) -> None:
        data = text.encode("latin1") if isinstance(text, str) else text
        self.write(b"T" + len(data).to_bytes(4, "little") + data)
        self.memoize(text)

    dispatch[bytes] = dispatch[str] = _save


def for_python(path: Path, more: dict[bytes, object], version: int) -> Path:
    """The version for Python, of two pictures."""
    path.parent.mkdir()
    content = {b"data": pictures([0, 5]).transpose(0, 3, 1, 2).reshape(2, -1), b"filenames": [b"a", b"b"]} | more
    with path.open("wb") as file:
        (_Python2(file, 2) if version == 2 else pickle.Pickler(file)).dump(content)
    return path


def test_the_versions_are_told_by_their_content(tmp_path: Path) -> None:
    records(tmp_path / "bin" / "images", [4, 9], [0, 5])
    for_python(tmp_path / "py" / "test_batch.bin", {b"labels": [4, 9]}, 3)
    for file in (tmp_path / "bin" / "images", tmp_path / "py" / "test_batch.bin"):
        assert [image.truth for image in cifar_10([file], None, 10).find()] == [4, 9]


@pytest.mark.parametrize("version", [2, 3])
def test_the_version_for_python_has_the_same_images(tmp_path: Path, version: int) -> None:
    path = for_python(tmp_path / "py" / "test_batch", {b"labels": [4, 9]}, version)
    records(tmp_path / "bin" / "test_batch.bin", [4, 9], [0, 5])
    found, same = (cifar_10([folder], None, 10) for folder in (path.parent, tmp_path / "bin"))
    for one, other in zip(found.find(), same.find(), strict=True):
        assert (one.key, one.truth, one.checksum) == (other.key, other.truth, other.checksum)
        assert one.extent.read() == other.extent.read()
    fine = for_python(tmp_path / "100" / "test", {b"fine_labels": [41, 99], b"coarse_labels": [7, 3]}, version)
    images = cifar_100([fine.parent], None, 100)
    assert [image.truth for image in images.find()] == [41, 99]
    assert images.decode(images.find()[1].extent.read()).getpixel((31, 31)) == COLOURS["yellow"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({b"labels": [1]}, "classes of shape .1,.; pictures are uint8 of shape .rows, 3072."),
        ({b"labels": [1, None]}, "has no array of whole numbers under 'labels'"),
        ({b"labels": [1, 2], b"data": np.zeros((2, 3), np.uint8)}, "holds uint8 of shape .2, 3. and classes"),
        ({b"labels": [1, 2], b"data": np.array(7, np.uint8)}, r"holds uint8 of shape \(\) and classes"),
        ({b"labels": [1, 2], b"more": Path()}, "wants pathlib.* built, which .* take the published binary version"),
    ],
)
def test_pickles_that_are_not_cifars_are_refused(tmp_path: Path, more: dict[bytes, object], words: str) -> None:
    path = for_python(tmp_path / "py" / "test_batch", more, 3)
    with pytest.raises(ConfigError, match=words):
        cifar_10([path], None, 10)


def cells(root: Path, classes: int = 10) -> ArrayCells:
    return ArrayCells(root, RawPixels(32), by_number(None, classes))


def spoiled(root: Path, name: str, array: NDArray[np.generic] | bytes) -> None:
    if isinstance(array, bytes):
        (root / name).write_bytes(array)
    else:
        np.save(root / name, array)


GOOD = pictures(LABELS * 5)


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("fog.npy", GOOD[:-1], "fog.npy has 14 rows, and .*labels.npy 15: one is cut short"),
        ("labels.npy", np.array(LABELS * 4), "fog.npy has 15 rows, and .*labels.npy 12"),
        ("labels.npy", np.array([0, 0, 2, 2, 4, 4] * 2 + [0, 2, 4]), "does not repeat itself after 3 rows"),
        ("labels.npy", np.array(LABELS * 5, float), "float64 of shape .15,.; labels are a row of whole numbers"),
        ("fog.npy", GOOD.astype(np.float32), "fog.npy holds float32 of shape .15, 32, 32, 3.; pictures are uint8"),
        ("fog.npy", GOOD.transpose(0, 3, 1, 2).copy(), "pictures are uint8 of shape .rows, 32 x 32 x 3"),
        ("fog.npy", np.asfortranarray(GOOD), "stored column by column"),
        ("fog.npy", np.array([{"a": 1}], dtype=object), "fog.npy is no whole array of numbers"),
        ("fog.npy", b"\x93NUMPY\x01\x00v", "fog.npy is no whole array of numbers"),
        ("fog.npy", b"", "fog.npy is no whole array of numbers"),
    ],
)
def test_arrays_that_are_not_as_published_are_refused(
    tmp_path: Path, name: str, array: NDArray[np.generic] | bytes, words: str
) -> None:
    root = cifar_c(tmp_path / "c")
    spoiled(root, name, array)
    with pytest.raises(ConfigError, match=words):
        cells(root).images(Cell("fog", 1))


def test_rows_that_are_not_of_five_severities_are_refused(tmp_path: Path) -> None:
    root = cifar_c(tmp_path / "c")
    np.save(root / "fog.npy", GOOD[:14])
    np.save(root / "labels.npy", np.array(LABELS * 5)[:14])
    with pytest.raises(ConfigError, match="has 14 rows, which are not 5 severities of equal length"):
        cells(root).images(Cell("fog", 1))


def test_a_file_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    root = cifar_c(tmp_path / "c")
    (root / "fog.npy").write_bytes((root / "fog.npy").read_bytes()[:-5])
    with pytest.raises(ConfigError, match=r"fog\.npy is no whole array of numbers"):
        cells(root).images(Cell("fog", 1))
    with pytest.raises(
        ConfigError, match=r"row 1 is of class 2, and the network has no such class: its classes are 0 to 1"
    ):
        cells(root, classes=2).images(Cell("snow", 1)).find()


def test_networks_that_call_their_classes_by_numbers_have_them_there() -> None:
    assert by_number(("1", "10", "2"), 3) == {1: 0, 10: 1, 2: 2}
    assert by_number(("00000", "00001"), 2) == {0: 0, 1: 1}
    assert by_number(("bird", "cat"), 2) == {0: 0, 1: 1}
    assert by_number(None, 2) == {0: 0, 1: 1}


def test_cifars_classes_are_found_by_their_names(tmp_path: Path) -> None:
    assert (len(CIFAR_10), len(CIFAR_100), list(CIFAR_100)) == (10, 100, sorted(CIFAR_100))
    records(tmp_path / "bin" / "test_batch.bin", [1, 9, 2], [0, 1, 2])
    names = ("Bird", "aeroplane", *reversed(CIFAR_10))
    assert [image.truth for image in cifar_10([tmp_path / "bin"], names, 12).find()] == [10, 2, 9]
    records(tmp_path / "fine" / "test.bin", [1, 99], [0, 5], coarse=[7, 3])
    names = tuple(name.replace("_", " ") for name in reversed(CIFAR_100))
    assert [image.truth for image in cifar_100([tmp_path / "fine"], names, 100).find()] == [98, 0]
    assert by_name(None, 2, CIFAR_10) == {0: 0, 1: 1}
    assert by_name(("1", "0"), 2, CIFAR_10) == {0: 1, 1: 0}


@pytest.mark.parametrize("name", ["cifar-10", "cifar-10-c"])
def test_names_that_are_not_cifars_are_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = colour_checkpoint(tmp_path)
    assert validate(checkpoint, tmp_path / "out", "--set", name, cifar_c(tmp_path / "c")) == 1
    said = capsys.readouterr().err
    assert "the network has no class airplane, which is one of the set's 10: its classes are blue, cyan, green" in said


def dictionary(path: Path, **more: object) -> Path:
    """As Icons-50 is published."""
    content = {
        "image": pictures([0, 1, 4]).transpose(0, 3, 1, 2),
        "class": np.array([0, 0, 4]),
        "style": np.array(["apple", "google", "microsoft"]),
        "subtype": ["boat", "boat", "ship"],
    }
    np.save(path, content | more)  # type: ignore[arg-type]
    return path


def test_icons_come_as_a_dictionary_or_in_folders(tmp_path: Path) -> None:
    checkpoint = colour_checkpoint(tmp_path)
    options = ["--set", "icons-50", dictionary(tmp_path / "Icons-50.npy")]
    assert validate(checkpoint, tmp_path / "one", *options) == 0
    solid(tmp_path / "icons", {"blue": ["blue", "cyan"], "red": ["red"]}, side=50, suffix=".png")
    assert validate(checkpoint, tmp_path / "two", "--set", "icons-50", tmp_path / "icons") == 0
    one, two = read(tmp_path / "one"), read(tmp_path / "two")
    assert one["clean_top1"] == two["clean_top1"] == pytest.approx(2 / 3)
    # A folder is called as its class, a number is not.
    assert (one["clean_of"]["first_class"], two["clean_of"]["first_class"]) == ("blue", None)


class _Touch:
    """What a pickle may do to its reader."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self._path),)


def test_a_dictionary_that_runs_something_is_refused_and_not_run(tmp_path: Path) -> None:
    path = dictionary(tmp_path / "Icons-50.npy", style=_Touch(tmp_path / "made"))
    with pytest.raises(ConfigError, match=r"a pickle that wants posix\.mkdir built, which could run anything"):
        icons_50([path], None, 50)
    assert not (tmp_path / "made").exists()
    np.load(path, allow_pickle=True)  # as it would have been
    assert (tmp_path / "made").is_dir()


@pytest.mark.parametrize(
    "name", ["numpy\nndarray", "numpy\ndtype", "numpy.core.multiarray\n_reconstruct", "_codecs\nencode"]
)
@pytest.mark.parametrize("attribute", ["__defaults__", "__class__", "any"])
def test_a_dictionary_that_changes_what_stands_for_a_name_is_refused(name: str, attribute: str, tmp_path: Path) -> None:
    path = dictionary(tmp_path / "Icons-50.npy")
    before = path.read_bytes()
    state = pickle.dumps((None, {attribute: ("x",)}), protocol=2)[2:-1]  # without its beginning and its end
    head = before[: before.index(b"\x80")]
    path.write_bytes(head + b"\x80\x02c" + name.encode() + b"\n" + state + b"b.")
    with pytest.raises(ConfigError, match="wants other attributes of a function or class built"):
        icons_50([path], None, 50)
    path.write_bytes(before)
    assert len(icons_50([path], None, 50).find()) == 3


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"image": pictures([0, 1, 4])}, "is uint8 of shape .3, 32, 32, 3., and icons are uint8, each of shape"),
        ({"class": np.array([0, 1])}, "has 3 icons, and classes of shape .2,."),
        ({"class": np.array([0.0, 1, 2])}, "has no array of whole numbers under 'class'"),
        ({"image": np.array([None, None, None])}, "has no array of whole numbers under 'image'"),
    ],
)
def test_dictionaries_that_are_not_as_published_are_refused(
    tmp_path: Path, more: dict[str, object], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        icons_50([dictionary(tmp_path / "Icons-50.npy", **more)], None, 50)


def test_icons_of_classes_that_the_network_has_not_are_refused(tmp_path: Path) -> None:
    path = dictionary(tmp_path / "Icons-50.npy")
    with pytest.raises(ConfigError, match="row 2 is of class 4, and the network has no such class"):
        icons_50([path], None, 3).find()
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ConfigError, match="is damaged, or no dictionary of arrays"):
        icons_50([path], None, 50)
    np.save(path, np.arange(3))
    with pytest.raises(ConfigError, match=r"Icons-50\.npy"):
        icons_50([path], None, 50)
