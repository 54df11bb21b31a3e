"""groupnl_studies.harness.photographs: what is sent where no data set is at hand."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from groupnl.errors import ConfigError
from groupnl_studies.harness import photographs
from groupnl_studies.harness.photographs import jpeg_files, photograph


def test_a_photograph_is_a_jpeg_of_the_usual_size_and_weight() -> None:
    content = photograph(3)
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (640, 480))
        pixels = np.asarray(image, np.float32)
    assert 60_000 < len(content) < 120_000
    assert pixels.std() > 30  # not flat
    assert np.abs(np.diff(pixels, axis=1)).max() > 60  # it has edges


def test_the_same_seed_gives_the_same_picture() -> None:
    assert photograph(1) == photograph(1) != photograph(2)


def test_generated_pictures_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photographs, "COUNT", 3)
    assert len(set(jpeg_files(None))) == 3


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name, content in (("b/2.JPEG", b"two"), ("a.jpg", b"one"), ("c.png", b"no"), ("notes.txt", b"no")):
        (tmp_path / name).write_bytes(content)
    assert jpeg_files(tmp_path) == [b"one", b"two"]


def test_a_folder_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no \.jpg or \.jpeg file"):
        jpeg_files(tmp_path)
