"""`groupnl study photographs`: what is sent, what is counted of it, and the answers that it is compared with."""

import io
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from timm.models import reparameterize_model
from torch import nn

from groupnl.archive.load import load_unpacked
from groupnl.archive.manifest import MANIFEST_NAME, Manifest
from groupnl.card import InputConfig, ModelCard
from groupnl.corruptions import Cell, corrupt_each
from groupnl.errors import ConfigError, ServerError
from groupnl.images.decode import decode
from groupnl.images.limits import Limits
from groupnl.models import save_checkpoint
from groupnl.robustness.replay import spec_of
from groupnl_studies.photographs.command import Answer, answer_table, pair_table, shortfalls, summary
from groupnl_studies.photographs.crops import parts, photographs
from groupnl_studies.photographs.offline import Offline
from groupnl_studies.photographs.pairs import Counted, Pair
from groupnl_studies.photographs.ties import margin

COFFEE = Path(__file__).parents[2] / "docs" / "coffee.jpg"
FOG, SNOW = Cell("fog", 3), Cell("snow", 1)


def test_parts_are_squares_of_each_photograph_in_turn(tmp_path: Path) -> None:
    Image.new("L", (90, 60)).save(tmp_path / "grey.png")
    for other in ("read me.txt", "._grey.png"):
        (tmp_path / other).touch()
    (tmp_path / "folder.png").mkdir()
    files = photographs([COFFEE, tmp_path])
    assert [file.name for file in files] == ["coffee.jpg", "grey.png"]
    sent = list(parts(files, 5, seed=3))
    sizes = [Image.open(io.BytesIO(file)).size for _, file in sent]
    assert all(width == height for width, height in sizes)
    assert [max(size) > 60 for size in sizes] == [True, False, True, False, True]
    assert len({key for key, _ in sent}) == 5
    assert len({file for _, file in sent[::2]}) == 3
    assert sent == list(parts(files, 5, seed=3))


def test_what_is_no_photograph_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.jpg does not exist"):
        photographs([tmp_path / "nowhere.jpg"])
    with pytest.raises(ConfigError, match=r"there is no \.jpg"):
        photographs([tmp_path])
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ConfigError, match=r"notes\.txt is not called an image: photographs end in \.jpg"):
        photographs([COFFEE, tmp_path / "notes.txt"])
    (tmp_path / "scan.bmp").touch()
    assert photographs([tmp_path, tmp_path / "scan.bmp"]) == [tmp_path / "scan.bmp"] * 2
    (tmp_path / "phone.heic").touch()
    with pytest.raises(ConfigError, match=r"phone\.heic is of a format that is not read"):
        photographs([COFFEE, tmp_path])
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    with pytest.raises(ConfigError, match=r"broken\.jpg cannot be read"):
        next(parts([tmp_path / "broken.jpg"], 1, seed=0))


def test_the_pair_that_came_is_told() -> None:
    before = Counted({FOG: 4}, {FOG: 1})
    assert before.since(before) is None
    assert Counted({FOG: 5}, {FOG: 1}).since(before) == (FOG, True)
    assert Counted({FOG: 5}, {FOG: 2}).since(before) == (FOG, False)
    assert Counted({FOG: 4, SNOW: 1}, {FOG: 1, SNOW: 1}).since(before) == (SNOW, False)
    with pytest.raises(ServerError, match="2 pairs came of one image"):
        Counted({FOG: 5, SNOW: 1}, {FOG: 1}).since(before)


def test_the_network_answers_as_it_was_packed(packed: Path) -> None:
    manifest, network = load_unpacked(packed)
    offline = Offline(packed)
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (73, 73, 3), np.uint8))  # of 64 / 0.875 pixels: only cropped
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    pixels = offline.pixels(buffer.getvalue())
    assert torch.equal(pixels, torch.from_numpy(np.asarray(image)[4:68, 4:68].transpose(2, 0, 1).copy()))

    spoilt = corrupt_each(pixels[None], [spec_of("key", Cell("gaussian_noise", 5), seed=0)])[0]
    assert torch.equal(offline.corrupted(pixels, "key", Cell("gaussian_noise", 5)), spoilt)
    for each in (pixels, spoilt):
        with torch.inference_mode():
            expected = network((each[None].float() / 255 - 0.5) / 0.5)[0].softmax(0)
        assert torch.allclose(offline.probabilities(each), expected, rtol=1e-4)
    assert offline.classes == manifest.card.classes


def unpacked(folder: Path, network: nn.Module, architecture: str, size: int) -> Path:
    config = InputConfig(size=size, mean=(0.5,) * 3, std=(0.5,) * 3, crop_pct=1.0, interpolation="bilinear")
    card = ModelCard(architecture=architecture, classes=("cup", "espresso"), input=config)
    digest = save_checkpoint(folder / "weights.safetensors", network.state_dict(), card)
    manifest = Manifest(
        model_name="other", version="1.0", card=card, weights="weights.safetensors", weights_sha256=digest
    )
    (folder / MANIFEST_NAME).write_text(manifest.model_dump_json(), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("architecture", "size", "joined"), [("test_vit3", 96, False), ("mobileone_s0", 64, True)], ids=("size", "form")
)
def test_networks_of_another_size_or_form_are_built(architecture: str, size: int, joined: bool, tmp_path: Path) -> None:
    network = timm.create_model(architecture, num_classes=2, **({} if joined else {"img_size": size})).eval()
    network = reparameterize_model(network) if joined else network
    offline = Offline(unpacked(tmp_path, network, architecture, size))
    pixels = offline.pixels(COFFEE.read_bytes())
    with torch.inference_mode():
        expected = network((pixels[None].float() / 255 - 0.5) / 0.5)[0].softmax(0)
    assert torch.allclose(offline.probabilities(pixels), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("mode", "orientation"), [("RGB", 6), ("RGBA", 1), ("RGBA", 8), ("LA", 1), ("P", 1)], ids=lambda value: str(value)
)
def test_photographs_are_turned_and_laid_over_white_as_the_service_does(
    mode: str, orientation: int, packed: Path
) -> None:
    bands = 4 if mode == "P" else len(mode)
    values = np.random.default_rng(0).integers(0, 256, (73, 73, bands), np.uint8)  # of 64 / 0.875 pixels: only cropped
    image = Image.fromarray(values)
    image = image.quantize(8) if mode == "P" else image
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    image.save(buffer, "PNG", exif=exif)
    expected = np.asarray(decode(buffer.getvalue(), Limits()))[4:68, 4:68].transpose(2, 0, 1)
    assert np.abs(Offline(packed).pixels(buffer.getvalue()).numpy().astype(int) - expected).max() <= 1


@pytest.mark.parametrize("see_through", [None, 700])
def test_grey_of_16_bits_keeps_its_upper_byte_in_the_study_too(see_through: int | None, packed: Path) -> None:
    levels = np.random.default_rng(0).integers(0, 65536, (73, 73), np.uint16)
    levels[20:40] = 700
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, "PNG", **({} if see_through is None else {"transparency": see_through}))
    expected = np.asarray(decode(buffer.getvalue(), Limits()))[4:68, 4:68].transpose(2, 0, 1)
    assert expected[0, 20, 0] == (2 if see_through is None else 255)
    assert np.array_equal(Offline(packed).pixels(buffer.getvalue()).numpy(), expected)


def test_parts_of_grey_of_16_bits_have_its_levels(tmp_path: Path) -> None:
    Image.fromarray(np.full((60, 60), 200 << 8, np.uint16)).save(tmp_path / "deep.png")
    (sent,) = parts([tmp_path / "deep.png"], 1, seed=0)
    assert Image.open(io.BytesIO(sent.file)).getextrema() == ((200, 200),) * 3


def test_a_margin_is_the_way_to_or_from_the_first_place() -> None:
    probabilities = torch.tensor([0.1, 0.5, 0.4])
    assert [margin(probabilities, place) for place in range(3)] == pytest.approx([0.8, 0.2, 0.2])
    assert margin(torch.tensor([1.0]), 0) == 1


def test_too_few_answers_alike_are_told() -> None:
    same, other = Answer("a.jpg", "cup", 0.5, "cup", 0.3), Answer("b.jpg", "cup", 0.2, "espresso", 0.3)
    held, broken = Pair(FOG, True, True, 0.3), Pair(FOG, True, False, 0.3)
    assert shortfalls([same] * 97 + [other] * 3, [held] * 97 + [broken] * 3) == []
    assert shortfalls([same, other], [held]) == [
        "Too few photographs are answered as by timm's network: 1 of 2, not 97%."
    ]
    assert shortfalls([same], [held] * 9 + [broken]) == [
        "Too few pairs are answered as by timm's network: 9 of 10, not 97%."
    ]


def test_one_near_tie_among_few_is_no_shortfall() -> None:
    same, tie = Answer("a.jpg", "cup", 0.5, "cup", 0.01), Answer("b.jpg", "cup", 0.2, "espresso", 0.01)
    assert shortfalls([same, tie], [Pair(FOG, True, False, 0.01), Pair(FOG, False, True, 0.19)]) == []
    assert len(shortfalls([same, tie], [Pair(FOG, True, False, 0.01), Pair(FOG, False, True, 0.21)])) == 1


def test_tables_say_what_was_found() -> None:
    answers = [Answer("a.jpg", "cup", 0.514, "cup", 0.3), Answer("b.jpg", "cup", 0.2, "espresso", 0.012)]
    assert answer_table(answers).splitlines()[2:] == [
        "| a.jpg | cup | 51% | the same |",
        "| b.jpg | cup | 20% | espresso, a near tie |",
    ]
    pairs = [Pair(FOG, True, True, 0.3), Pair(SNOW, True, False, 0.3), Pair(Cell("fog", 1), False, True, 0.02)]
    assert pair_table(pairs).splitlines()[2:] == ["| snow | 1 | 1 | 0 | 1 | 0 |", "| fog | 2 | 1 | 2 | 1 | 1 |"]
    assert summary(pairs) == (
        "3 pairs: the answer held in 66.7% live and in 66.7% with timm's network; not alike: 2 pairs, of which near "
        "ties: 1."
    )
