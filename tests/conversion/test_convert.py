"""`groupnl convert` from images to a checkpoint that says what it was made of."""

import json
import shutil

import pytest
import torch
from PIL import Image
from support.begun import INPUT, checkpoint
from support.training_runs import CLASSES

from groupnl import cli
from groupnl.base.files import sha256_of
from groupnl.conversion.images import Square, View, find_images, plain_batches, varied_batches
from groupnl.errors import ConfigError
from groupnl.models import TINY, load_checkpoint
from groupnl.models.trained import open_described


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    torch.manual_seed(0)
    (folder / "some" / "more").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    for number in range(40):
        pixels = torch.nn.functional.interpolate(torch.rand(1, 3, 6, 6), size=(40, 48), mode="bicubic").clamp(0, 1)
        place = folder / ("some/more", "some", ".")[number % 3]
        Image.fromarray((255 * pixels[0].permute(1, 2, 0)).byte().numpy()).save(place / f"{number}.png")
    (folder / ".hidden" / "no.png").write_bytes(b"")
    (folder / "notes.txt").write_text("none")
    return folder


def parts(found):
    return found.used, found.deciding, found.held_back


def test_images_are_found_in_any_folders_and_parts_are_kept_apart(images):
    found = find_images(images, 0.2, squares=0, seed=1)
    assert [len(part) for part in parts(found)] == [24, 8, 8]
    assert len({view.file for part in parts(found) for view in part}) == 40
    assert all(view.square is None for part in parts(found) for view in part)
    assert find_images(images, 0.2, squares=0, seed=1) == found
    assert find_images(images, 0.2, squares=0, seed=2) != found


def test_squares_follow_the_files_and_stay_in_their_part(images):
    found = find_images(images, 0.2, squares=3, seed=1)
    assert [len(part) for part in parts(found)] == [4 * 24, 4 * 8, 4 * 8]
    files = [{view.file for view in part} for part in parts(found)]
    assert [len(each) for each in files] == [24, 8, 8]
    assert len(set.union(*files)) == 40
    assert [view.square is None for view in found.held_back] == [True] * 8 + [False] * 24
    assert len({view.square for part in parts(found) for view in part}) == 1 + 3 * 40
    assert find_images(images, 0.2, squares=3, seed=1) == found


def test_a_square_is_cut_where_it_lies(tmp_path):
    """Pixels of 40 x 60 whose red is their column and whose green is their row, 4 levels each."""
    rows, columns = torch.meshgrid(torch.arange(40), torch.arange(60), indexing="ij")
    pixels = torch.stack([4 * columns, 4 * rows, torch.zeros_like(rows)], 2).byte()
    Image.fromarray(pixels.numpy()).save(tmp_path / "x.png")
    views = [View(tmp_path / "x.png", Square(0.8, left, top)) for left, top in ((0.0, 0.0), (1.0, 0.5))]
    first, second = (batch[0] for batch in plain_batches(views, INPUT, 1, 0))
    assert torch.equal(first, pixels[:32, :32].permute(2, 0, 1))
    assert torch.equal(second, pixels[4:36, 28:].permute(2, 0, 1))


def test_a_file_is_taken_once_whatever_it_is_called(images, tmp_path):
    for name in ("a", "b/again", "c"):
        shutil.copytree(images, tmp_path / name)
    Image.new("RGB", (48, 40)).save(tmp_path / "new.png")
    found = find_images(tmp_path, 0.2, squares=0, seed=0)
    names = [view.file.name for part in parts(found) for view in part]
    assert sorted(names) == sorted([f"{number}.png" for number in range(40)] + ["new.png"])


def test_files_are_told_apart_by_all_of_their_bytes(tmp_path):
    contents = [bytes([first]) + 200 * bytes([last]) for first in range(3) for last in range(2)] + [b"", b"\0"]
    for number, content in enumerate(contents + contents):
        (tmp_path / f"{number:02}.png").write_bytes(content)
    found = find_images(tmp_path, 0.25, squares=0, seed=0)
    assert sorted(view.file.read_bytes() for part in parts(found) for view in part) == sorted(contents)


def test_an_image_is_taken_once_whatever_links_lead_to_it(images, tmp_path):
    (tmp_path / "a").mkdir()
    for number in range(4):
        (tmp_path / "a" / f"{number}.png").write_bytes(bytes([number]))
    (tmp_path / "a" / "all").symlink_to(tmp_path)
    (tmp_path / "b").symlink_to(tmp_path / "a")
    (tmp_path / "other.png").symlink_to(tmp_path / "a" / "0.png")
    (tmp_path / "a" / "same.png").hardlink_to(tmp_path / "a" / "1.png")
    (tmp_path / "outside").symlink_to(images)
    found = find_images(tmp_path, 0.25, 0, 0)
    real = [view.file.resolve() for part in parts(found) for view in part]
    assert len(real) == len(set(real)) == 4 + 40
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(ConfigError, match=r"gone\.png cannot be read: .*mend it"):
        find_images(tmp_path, 0.25, 0, 0)


@pytest.mark.parametrize("share", [0.001, 0.5, 1.0])
def test_each_part_needs_an_image(images, share):
    with pytest.raises(ConfigError, match="has 40 images"):
        find_images(images, share, 0, 0)


def test_images_are_those_of_the_service_or_varied(images):
    files = find_images(images, 0.2, 0, 0).used
    (plain,) = plain_batches(files[:4], INPUT, 4, 0)
    assert (plain.shape, plain.dtype) == ((4, 3, 32, 32), torch.uint8)
    batches = []
    for _ in range(2):
        torch.manual_seed(0)
        batches.append(torch.cat(list(varied_batches(files, INPUT, 8, 0, seed=5))))
    assert batches[0].shape == (24, 3, 32, 32)
    assert torch.equal(*batches)


def test_an_image_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "x.png").write_bytes(b"no image")
    with pytest.raises(ConfigError, match=r"the image .*x\.png cannot be used"):
        next(iter(plain_batches([View(tmp_path / "x.png")], INPUT, 1, 0)))


def words(teacher, images, out, *more):
    return [
        *("convert", str(teacher), "--to", TINY.name, "--images", str(images), "--out", str(out)),
        *("--held-back", "0.2", "--batch-size", "8", "--threads", "1", "--device", "cpu", *more),
    ]


def test_a_conversion_says_what_it_was_made_of_and_can_be_repeated(images, tmp_path, capsys):
    teacher, _ = checkpoint(tmp_path, TINY.twin)
    outs = [tmp_path / name / "made.safetensors" for name in ("one", "two")]
    for out in outs:
        assert cli.main(words(teacher, images, out, "--steps", "6", "--input-size", "64")) == 0
    said = capsys.readouterr()
    assert "copied: agreement" in said.err
    assert "6 new, 2 left out" in said.err
    assert "| agreement with the teacher |" in said.out
    made, card = open_described(outs[0])
    wanted = INPUT.model_copy(update={"size": 64})
    assert (card.architecture, card.classes, card.input) == (TINY.name, CLASSES, wanted)
    (origin,) = card.training.origins
    assert (origin.role, origin.sha256) == ("converted from", sha256_of(teacher))
    figures = json.loads((tmp_path / "one" / "made.conversion.json").read_text())
    assert "24 images of the folder" in card.training.data
    assert f"then {figures['kept']} steps" in card.training.data
    assert (figures["images"], figures["deciding"], figures["steps"]) == (24, 8, 6)
    assert list(figures["phases"]) == ["copied", "least squares", "distilled"]
    assert figures["phases"]["copied"]["images"] == 8
    errors = [phase["errors"][f"blocks.{place}.0"] for phase in figures["phases"].values() for place in (0, 3)]
    assert errors[0] == pytest.approx(0, abs=1e-9)
    assert errors[3] < errors[1]
    assert sum(made.network.state_dict()[name].isnan().sum() for name in made.network.state_dict()) == 0
    first, second = (load_checkpoint(out).state_dict for out in outs)
    assert all(torch.equal(first[name], tensor) for name, tensor in second.items())


def test_without_steps_it_ends_after_the_least_squares(images, tmp_path, capsys):
    teacher, _ = checkpoint(tmp_path, TINY.twin)
    out = tmp_path / "made.safetensors"
    assert cli.main(words(teacher, images, out, "--steps", "0", "--batch-size", "64", "--squares", "2")) == 0
    figures = json.loads(out.with_suffix(".conversion.json").read_text())
    assert list(figures["phases"]) == ["copied", "least squares"]
    assert (figures["images"], figures["squares"], figures["phases"]["copied"]["images"]) == (72, 2, 24)
    shares = [phase["agreement_of_files"] * 8 for phase in figures["phases"].values()]
    assert all(share == int(share) for share in shares)
    assert "| on whole files alone |" in capsys.readouterr().out
    _, card = open_described(out)
    assert "72 images of the folder" in card.training.data
    assert "(2 squares of each beside the files)" in card.training.data


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        (("--to", "test_gnl_efficentnet"), 2, "it is no GroupNL network; did you mean test_gnl_efficientnet"),
        (("--out", "made.pt"), 2, "--out made.pt must end in .safetensors"),
        (("--to", "gnl_resnet50"), 1, "the weights are of test_efficientnet, and "),
        (("--batch-size", "64"), 1, "there are only 24 images to learn from"),
        (("--images", "/nowhere"), 1, "--images /nowhere is no folder"),
    ],
)
def test_what_cannot_be_converted_is_told(images, tmp_path, capsys, change, status, sentence):
    teacher, _ = checkpoint(tmp_path, TINY.twin)
    assert cli.main(words(teacher, images, tmp_path / "made.safetensors", *change)) == status
    assert sentence in capsys.readouterr().err


def test_the_teachers_own_file_is_not_overwritten(images, tmp_path, capsys):
    teacher, _ = checkpoint(tmp_path, TINY.twin)
    assert cli.main(words(teacher, images, tmp_path / "." / teacher.name)) == 2
    assert "is the trained network's own file: name another" in capsys.readouterr().err


def test_an_image_that_cannot_be_used_ends_no_conversion_once_the_figures_images_are_read(images, tmp_path, caplog):
    teacher, _ = checkpoint(tmp_path, TINY.twin)
    folder = shutil.copytree(images, tmp_path / "images")
    for part in parts(find_images(folder, 0.2, 0, 0))[:2]:
        file = part[-1].file
        file.write_bytes(file.read_bytes()[:200])
    out = tmp_path / "made.safetensors"
    assert cli.main(words(teacher, folder, out, "--steps", "4")) == 0
    assert caplog.text.count("; the next one is taken") > 2
    figures = json.loads(out.with_suffix(".conversion.json").read_text())
    assert (figures["images"], figures["phases"]["copied"]["images"]) == (24, 8)
    measured = find_images(folder, 0.2, 0, 0).held_back[0].file
    measured.write_bytes(measured.read_bytes()[:200])
    with pytest.raises(ConfigError, match=f"the image .*{measured.name} cannot be used"):
        list(plain_batches(find_images(folder, 0.2, 0, 0).held_back, INPUT, 8, 0))


def test_a_groupnl_network_is_not_converted_again(images, tmp_path, capsys):
    teacher, _ = checkpoint(tmp_path, TINY.name)
    assert cli.main(words(teacher, images, tmp_path / "made.safetensors")) == 1
    assert "which is a GroupNL network already" in capsys.readouterr().err


def test_a_teacher_without_class_names_needs_them(images, tmp_path, capsys):
    teacher, _ = checkpoint(tmp_path, TINY.twin, carded=False)
    more = ("--architecture", TINY.twin, "--steps", "0")
    assert cli.main(words(teacher, images, tmp_path / "made.safetensors", *more)) == 1
    assert "does not name its 3 classes: give --classes FILE" in capsys.readouterr().err
