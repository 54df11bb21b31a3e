"""Parts of Icons-50 that its published script holds back from training: a style, a kind of each class, or a rendition.

Source: hendrycks/robustness, Icons-50/train.py (2018): the test images are those in whose path a word stands. Here a
path is CLASS/FILE, whatever folder it lies in.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from groupnl.errors import ConfigError
from groupnl.validation.found import Found
from groupnl.validation.pixels import Decode, encoded
from groupnl.validation.sets.images import ClassFolders, Names, only

STYLE = ("microsoft",)
RENDITION = ("_2",)
SUBTYPE = (
    *("small_airplane", "top_with_upwards_arrow_above", "soccer_ball", "duck", "hatching_chick", "crossed_swords"),
    *("passenger_ship", "ledger", "books", "derelict_house_building", "convenience_store", "rabbit_face"),
    *("cartwheel_type_6", "mantelpiece_clock", "watch", "sun_behind_cloud_with_rain", "wine_glass"),
    *("face_throwing_a_kiss", "e_mail_symbol", "family_man_boy", "family_man_girl", "family_man_boy_boy"),
    *("family_man_girl_boy", "family_man_girl_girl", "monorail", "leopard", "chequered_flag", "tulip"),
    *("womans_sandal", "victory_hand", "womans_hat", "broken_heart", "unified_ideograph_5408"),
    *("circled_ideograph_accept", "closed_lock_with_key", "open_mailbox_with_lowered_flag", "shark"),
    *("military_medal", "banknote_with_dollar_sign", "monkey", "crescent_moon", "mount_fuji", "mobile_phone_off"),
    *("no_smoking_symbol", "glowing_star", "evergreen_tree", "umbrella_with_rain_drops", "racing_car"),
    *("factory_worker", "pencil"),
)


def icon_part(paths: Sequence[Path], _: Names, __: int, *, words: tuple[str, ...]) -> "IconPart":
    """The icons of class folders in whose names one of the words stands.

    Raises:
        ConfigError: the dictionary is named, whose pictures have no names.
    """
    path = only(paths)
    if path.suffix == ".npy":
        raise ConfigError(f"{path}: parts of Icons-50 go by the names of its files: name its folder of class folders")
    return IconPart(path, words)


class IconPart(NamedTuple):
    """Icons of a folder.

    Attributes:
        folder: of the class folders.
        words: of which one stands in CLASS/FILE.
    """

    folder: Path
    words: tuple[str, ...]
    decode: Decode = encoded

    def find(self) -> list[Found]:
        """See `Images`."""
        found = [image for image in self._all.find() if any(word in image.key for word in self.words)]
        if not found:
            words = f"{self.words[0]!r}{' or the like' if len(self.words) > 1 else ''}"
            raise ConfigError(f"{self.folder} holds none of the part's icons, whose names have {words} in them")
        return found

    def class_folders(self) -> list[Path]:
        """See `Images`."""
        return self._all.class_folders()

    @property
    def _all(self) -> ClassFolders:
        return ClassFolders((self.folder,))
