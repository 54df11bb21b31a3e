"""The sets that are known, a row each; another one of the same layout needs only its row.

Sources: ImageNet-C and CIFAR-C, Hendrycks and Dietterich, ICLR 2019 (arXiv 1903.12261). ImageNet-C-bar and
CIFAR-10-C-bar, Mintun et al., NeurIPS 2021 (2102.11273). 3DCC, Kar et al., CVPR 2022 (2203.01441). ImageNet-R,
Hendrycks et al., ICCV 2021 (2006.16241). ImageNet-A, Hendrycks et al., CVPR 2021 (1907.07174). ImageNet-V2, Recht et
al., ICML 2019 (1902.10811). ImageNet-Sketch, Wang et al., NeurIPS 2019 (1905.13549). The others: see their modules.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from groupnl.corruptions.names import BENCHMARK, VALIDATION
from groupnl.errors import ConfigError
from groupnl.validation.pixels import RawPixels
from groupnl.validation.sets.cells import ArrayCells, Cells, FolderCells, StrengthCells
from groupnl.validation.sets.cifar import CIFAR_10, CIFAR_100, cifar_10, cifar_100
from groupnl.validation.sets.cifar import SIDE as CIFAR_SIDE
from groupnl.validation.sets.icon_parts import RENDITION, STYLE, SUBTYPE, icon_part
from groupnl.validation.sets.icons_50 import SIDE as ICON_SIDE
from groupnl.validation.sets.icons_50 import icons_50
from groupnl.validation.sets.images import ClassFolders, Names, NumberedFolders, by_name, only
from groupnl.validation.sets.kinds import CleanKind, CorruptedKind
from groupnl.validation.sets.reassessed import Reassessed
from groupnl.validation.sets.signs import signs

C_BAR = (
    *("blue_noise_sample", "brownish_noise", "caustic_refraction", "checkerboard_cutout", "cocentric_sine_waves"),
    *("inverse_sparkles", "perlin_noise", "plasma_noise", "single_frequency_greyscale", "sparkles"),
)
CIFAR_C_BAR = (
    *("blue_noise_sample", "brownish_noise", "checkerboard_cutout", "circular_motion_blur", "inverse_sparkles"),
    *("lines", "pinch_and_twirl", "ripple", "sparkles", "transverse_chromatic_abberation"),
)
THREE_D = (
    *("near_focus", "far_focus", "fog_3d", "flash", "color_quant", "low_light", "xy_motion_blur", "z_motion_blur"),
    *("iso_noise", "bit_error", "h265_abr", "h265_crf"),
)
_OF_FIFTEEN = "its authors divide by no other network's errors, and AugMix's call the mean unnormalised CE of 15 so"


def _class_folders(paths: Sequence[Path], _: Names, __: int) -> ClassFolders:
    return ClassFolders(tuple(paths))


def _numbered_folders(paths: Sequence[Path], _: Names, __: int) -> NumberedFolders:
    return NumberedFolders(only(paths))


def _reassessed(paths: Sequence[Path], _: Names, __: int) -> Reassessed:
    *folders, labels = paths
    if not folders or labels.suffix != ".json":
        raise ConfigError("imagenet-real takes the validation images and then the labels: VAL real.json")
    return Reassessed(tuple(folders), labels)


def _folders(root: Path, _: Names, __: int) -> Cells:
    return FolderCells(root)


def _strengths(root: Path, _: Names, __: int) -> Cells:
    return StrengthCells(root)


def _cifar_10_rows(root: Path, names: Names, count: int) -> Cells:
    return ArrayCells(root, RawPixels(CIFAR_SIDE), by_name(names, count, CIFAR_10))


def _cifar_100_rows(root: Path, names: Names, count: int) -> Cells:
    return ArrayCells(root, RawPixels(CIFAR_SIDE), by_name(names, count, CIFAR_100))


def _icon_part(name: str, words: tuple[str, ...]) -> CleanKind:
    return CleanKind(
        name=f"icons-50-{name}",
        title=f"Icons-50, the {name} held back",
        side=ICON_SIDE,
        open=partial(icon_part, words=words),
    )


_CLEAN = (
    CleanKind(name="images", title="images in class folders", open=_class_folders),
    CleanKind(
        name="imagenet-r",
        title="ImageNet-R",
        images=30_000,
        classes=200,
        open=_class_folders,
        restricted=True,
    ),
    CleanKind(
        name="imagenet-a",
        title="ImageNet-A",
        images=7_500,
        classes=200,
        open=_class_folders,
        restricted=True,
    ),
    CleanKind(
        name="imagenet-v2",
        title="ImageNet-V2",
        images=10_000,
        classes=1000,
        open=_numbered_folders,
    ),
    CleanKind(
        name="imagenet-sketch",
        title="ImageNet-Sketch",
        images=50_889,
        classes=1000,
        open=_class_folders,
    ),
    CleanKind(
        name="imagenet-real",
        title="ImageNet with ReaL labels",
        images=46_837,
        classes=1000,
        open=_reassessed,
    ),
    CleanKind(name="cifar-10", title="CIFAR-10", images=10_000, classes=10, side=CIFAR_SIDE, open=cifar_10),
    CleanKind(name="cifar-100", title="CIFAR-100", images=10_000, classes=100, side=CIFAR_SIDE, open=cifar_100),
    CleanKind(name="gtsrb", title="GTSRB", images=12_630, classes=43, open=signs, counted=True),
    CleanKind(
        name="icons-50",
        title="Icons-50",
        images=10_000,
        classes=50,
        side=ICON_SIDE,
        open=icons_50,
        counted=True,
    ),
    _icon_part("style", STYLE),
    _icon_part("subtype", SUBTYPE),
    _icon_part("rendition", RENDITION),
)
_CORRUPTED = (
    CorruptedKind(
        name="imagenet-c",
        title="ImageNet-C",
        corruptions=BENCHMARK + VALIDATION,
        crop=224,
        alexnet=True,
        stored="files",
        open=_folders,
    ),
    CorruptedKind(
        name="imagenet-c-bar",
        title="ImageNet-C-bar",
        images=50_000,
        classes=1000,
        corruptions=C_BAR,
        crop=224,
        open=_strengths,
        mean="the mean of its ten types' is what its authors report as the average error",
    ),
    CorruptedKind(
        name="tiny-imagenet-c",
        title="Tiny ImageNet-C",
        images=10_000,
        classes=200,
        corruptions=BENCHMARK,
        crop=64,
        open=_folders,
        mean="no other network's errors are published with it",
    ),
    CorruptedKind(
        name="imagenet-3dcc",
        title="ImageNet-3DCC",
        images=50_000,
        classes=1000,
        corruptions=THREE_D,
        crop=224,
        open=_folders,
        mean="in Shift Happens (2022) its authors average the errors as they are",
    ),
    CorruptedKind(
        name="cifar-10-c",
        title="CIFAR-10-C",
        images=10_000,
        classes=10,
        corruptions=BENCHMARK,
        clean="cifar-10",
        side=CIFAR_SIDE,
        open=_cifar_10_rows,
        mean=_OF_FIFTEEN,
    ),
    CorruptedKind(
        name="cifar-100-c",
        title="CIFAR-100-C",
        images=10_000,
        classes=100,
        corruptions=BENCHMARK,
        clean="cifar-100",
        side=CIFAR_SIDE,
        open=_cifar_100_rows,
        mean=_OF_FIFTEEN,
    ),
    CorruptedKind(
        name="cifar-10-c-bar",
        title="CIFAR-10-C-bar",
        images=10_000,
        classes=10,
        corruptions=CIFAR_C_BAR,
        clean="cifar-10",
        side=CIFAR_SIDE,
        open=_cifar_10_rows,
        mean="the mean of its ten types' is what its authors report as the average error",
    ),
    CorruptedKind(
        name="corrupted",
        title="corrupted images",
        crop=224,
        open=_folders,
        mean="nothing is published that these types' could be divided by",
    ),
)
CLEAN = {kind.name: kind for kind in _CLEAN}
CORRUPTED = {kind.name: kind for kind in _CORRUPTED}
_STORED = {kind.origin: kind for kind in _CORRUPTED} | {"made": CORRUPTED["imagenet-c"]}  # the same types and tables


def clean_kind(name: str) -> CleanKind:
    """The set of that name.

    Raises:
        ConfigError: there is none.
    """
    if name not in CLEAN:
        raise ConfigError(f"there is no set {name}: known are {', '.join(CLEAN)}")
    return CLEAN[name]


def corrupted_kind(origin: str) -> CorruptedKind:
    """The corrupted set that records call so, or whose corruptions were made here.

    Raises:
        ConfigError: there is none.
    """
    if origin not in _STORED:
        raise ConfigError(f"there is no set of corrupted images {origin}: known are {', '.join(CORRUPTED)}")
    return _STORED[origin]
