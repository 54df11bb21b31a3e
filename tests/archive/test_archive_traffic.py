"""groupnl archive --traffic: what is known of the traffic goes in, if it is of these weights and this input."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support.tiny import tiny_checkpoint
from support.traffic import tiny_traffic

from groupnl.archive.traffic import load_traffic
from groupnl.base.files import sha256_of
from groupnl.cli import main
from groupnl.traffic.file import TRAFFIC_FILE, write_traffic

Archive = Callable[..., int]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return tiny_checkpoint(tmp_path)


@pytest.fixture
def archive(checkpoint: Path, tmp_path: Path) -> Archive:
    def pack(*words: str, handler: str | None = None, **changes: object) -> int:
        options = ["archive", str(checkpoint), "--model-name", "tiny", "--engine", "eager", "--output", str(tmp_path)]
        if handler is not None:
            (tmp_path / "handler.yaml").write_text(handler)
            options += ["--handler-config", str(tmp_path / "handler.yaml")]
        if changes.pop("known", True):
            write_traffic(tiny_traffic(**{"weights_sha256": sha256_of(checkpoint), **changes}), tmp_path / "known")
            options += ["--traffic", str(tmp_path / "known")]
        return main([*options, *words])

    return pack


def test_into_the_archive(archive: Archive, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert archive() == 0
    line = "confidence: expected calibration error 0.100 on 40 held-back images; with `calibrated: true` it would be"
    assert f"{line} 0.020 (temperature 1.50)" in capsys.readouterr().err
    with zipfile.ZipFile(tmp_path / "tiny.mar") as file:
        file.extract(TRAFFIC_FILE, tmp_path / "unpacked")
    assert (tmp_path / "unpacked" / TRAFFIC_FILE).read_bytes() == (tmp_path / "known").read_bytes()
    loaded = load_traffic(tmp_path / "unpacked")
    assert loaded is not None
    assert loaded.record.temperature == 1.5
    assert load_traffic(tmp_path / "nothing") is None


def test_calibrated(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    assert archive(handler="calibrated: true") == 0
    assert "calibration error 0.020 on 40 held-back images; without `calibrated`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"weights_sha256": "1" * 64}, "is of weights with SHA-256 1111"),
        ({"size": 64}, "is of images of 64 pixels, but the archive's are of 32"),
        ({"classes": ("red", "purple")}, "counts answers of the class 'purple', which the archive does not have"),
        ({"known": False, "handler": "calibrated: true"}, "handler.calibrated = true needs the temperature"),
    ],
)
def test_refused(
    archive: Archive, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: dict[str, object], sentence: str
) -> None:
    assert archive(**options) == 1
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "tiny.mar").exists()
