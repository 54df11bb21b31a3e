"""The whole of `groupnl data icons` on tiny packages: what is written, and what is refused."""

import argparse
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from support.icon_packages import NEW, SURFER, make_packages

from groupnl.datasets.icons.build import build, plan
from groupnl.datasets.icons.command import add_arguments
from groupnl.datasets.icons.dataset import IconSet
from groupnl.datasets.icons.emoji import base_of
from groupnl.datasets.icons.sources import Package, fetch
from groupnl.errors import ConfigError

pytestmark = pytest.mark.slow

CLASSES = ("animal-mammal", "face-smiling", "person-sport")
SEEN = {"noto", "twemoji", "fluent-flat", "fluent-modern"}


@dataclass(frozen=True)
class Built:
    out: Path
    cache: Path
    packages: tuple[Package, ...]
    icons: IconSet

    def again(self, out: Path, **options: object) -> IconSet:
        return build(out, self.cache, packages=self.packages, classes=3, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    root = tmp_path_factory.mktemp("icons")
    packages = make_packages(root)
    out = root / "set"
    return Built(out, root, packages, build(out, root, packages=packages, classes=3))


def images(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.png")}


def parts(split: Path) -> set[tuple[str, str]]:
    """(base, style) of every image of a split."""
    stems = [path.stem.split("_") for path in split.rglob("*.png")]
    return {(base_of(stem[0].upper()), stem[-1]) for stem in stems}


def test_no_emoji_is_on_both_sides(built: Built) -> None:
    train = {base for base, _ in parts(built.out / "train")}
    unseen = {base for base, _ in parts(built.out / "test_emoji")}
    assert train
    assert len(unseen) == 3 * 3  # 20 % of five is one; three is the least
    assert train.isdisjoint(unseen)


@pytest.mark.parametrize("seed", range(5))
def test_variants_of_an_emoji_stay_together(built: Built, seed: int) -> None:
    tarballs = {package.name: fetch(package, built.cache) for package in built.packages}
    _, items = plan(tarballs, seed=seed, skin_tones="all", classes=3)
    sides = {item.split for item in items if item.drawing.key.startswith(SURFER)}
    assert sides in ({"test_emoji"}, {"train", "test_style"})


def test_one_style_is_held_out(built: Built) -> None:
    train, style = parts(built.out / "train"), parts(built.out / "test_style")
    assert {name for _, name in train | parts(built.out / "test_emoji")} == SEEN
    assert {name for _, name in style} == {"openmoji"}
    assert {base for base, _ in style} == {base for base, _ in train}
    assert NEW not in {base for base, _ in style}


def test_every_split_has_every_class(built: Built) -> None:
    for split in ("train", "test_emoji", "test_style"):
        assert tuple(sorted(path.name for path in (built.out / split).iterdir())) == CLASSES


def test_images_are_square_rgb_of_the_size(built: Built) -> None:
    for path in built.out.rglob("*.png"):
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "RGB", (64, 64))


def test_another_vendors_picture_is_not_used(built: Built) -> None:
    names = {path.stem for path in built.out.rglob("1f600_*.png")}
    assert not names & {"1f600_noto", "1f600_twemoji"}
    assert names & {"1f600_fluent-flat", "1f600_openmoji"}


def test_the_record_counts_what_is_there(built: Built) -> None:
    icons = IconSet.read(built.out)
    assert icons == built.icons
    assert icons.classes == CLASSES
    for split, classes in icons.images.items():
        on_disk = {folder.name: len(list(folder.iterdir())) for folder in (built.out / split).iterdir()}
        assert classes == on_disk
        assert sum(icons.styles[split].values()) == icons.count(split) == sum(on_disk.values())


def test_the_licences_are_named(built: Built) -> None:
    text = (built.out / "LICENCES.md").read_text()
    for package in built.packages:
        for fact in (package.name, package.version, package.licence, package.attribution, *package.styles):
            assert fact in text
    assert built.icons.licences["openmoji@17.0.0"] == "CC-BY-SA-4.0"
    assert str(built.icons.count("train")) in built.icons.sentence


def test_same_seed_same_bytes(built: Built, tmp_path: Path) -> None:
    built.again(tmp_path / "again")
    assert images(tmp_path / "again") == images(built.out)


def test_another_seed_another_split_and_size(built: Built, tmp_path: Path) -> None:
    built.again(tmp_path / "other", seed=1, size=96)
    assert set(images(tmp_path / "other")) != set(images(built.out))
    with Image.open(next((tmp_path / "other").rglob("*.png"))) as image:
        assert image.size == (96, 96)


@pytest.mark.parametrize(("skin_tones", "tones"), [("none", 0), ("one", 1), ("all", 2)])
def test_skin_tones_are_limited(built: Built, tmp_path: Path, skin_tones: str, tones: int) -> None:
    built.again(tmp_path / "set", skin_tones=skin_tones)
    surfers = [path.stem for path in tmp_path.rglob("1f3c4_*noto.png")]
    assert "1f3c4_noto" in surfers
    assert len(surfers) == 1 + tones


def test_a_taken_folder_is_refused(built: Built) -> None:
    before = images(built.out)
    with pytest.raises(ConfigError, match="--overwrite"):
        built.again(built.out)
    assert images(built.out) == before


def test_overwrite_replaces_an_icon_set(built: Built, tmp_path: Path) -> None:
    out = tmp_path / "set"
    built.again(out)
    (out / "train" / "stray.txt").write_text("left over")
    built.again(out, overwrite=True, skin_tones="none")
    assert IconSet.read(out).skin_tones == "none"
    assert not (out / "train" / "stray.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_overwrite_spares_other_folders(built: Built, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="no icon set"):
        built.again(tmp_path, overwrite=True)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_too_few_subgroups_leave_nothing_behind(built: Built, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="4 subgroups of more than 3 emoji"):
        build(tmp_path / "set", built.cache, packages=built.packages, classes=4)
    assert not list(tmp_path.iterdir())


def test_a_folder_without_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="groupnl data icons"):
        IconSet.read(tmp_path)
    (tmp_path / "dataset.json").write_text("{}")
    with pytest.raises(ConfigError, match="not the record"):
        IconSet.read(tmp_path)


@pytest.mark.parametrize("size", ["63", "129", "big"])
def test_sizes_beyond_the_range_are_refused(size: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert parser.parse_args([]).size == 64
    with pytest.raises(SystemExit):
        parser.parse_args(["--size", size])
    assert size in capsys.readouterr().err
