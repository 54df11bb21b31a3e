"""groupnl study precision: the comparison, its limits, and the command on a tiny network."""

import argparse
import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from support.pictures import scene
from support.tiny import tiny_checkpoint, tiny_network

from groupnl.base.options import read_options
from groupnl.corruptions.names import CELLS
from groupnl.errors import ConfigError, GroupNLError, RewriteError
from groupnl.inference.agreement import Agreement, answers, compare
from groupnl.inference.engines.engine import Engine
from groupnl.inference.ways import REFERENCE, Way
from groupnl.inference.workshop import Workshop
from groupnl_studies.precision import cells
from groupnl_studies.precision import command as precision_command
from groupnl_studies.precision.figures import summary, table


def agreement(images: int = 1000, same: int = 1000, correct: int = 500, reference: int = 500) -> Agreement:
    return Agreement("net", "aot-bfloat16", images, same, correct, reference, 0.25, 0.01)


def test_first_classes_right_answers_and_probabilities_are_compared() -> None:
    even = torch.log(torch.tensor([0.5, 0.5]))
    expected = torch.stack([torch.log(torch.tensor([0.9, 0.1])), torch.log(torch.tensor([0.2, 0.8])), even + 3.0])
    logits = torch.stack([torch.log(torch.tensor([0.4, 0.6])), torch.log(torch.tensor([0.1, 0.9])), even])
    found = compare("net", "way", expected, logits, torch.tensor([0, 1, 1]))
    assert found[:6] == ("net", "way", 3, 2, 1, 2)
    assert found.largest_difference == pytest.approx(0.5)
    assert found.mean_difference == pytest.approx((0.5 + 0.1 + 0.0) / 3)


def test_logits_that_are_not_finite_are_refused() -> None:
    logits = torch.tensor([[1.0, float("nan")]])
    with pytest.raises(RewriteError, match="net in the way aot-bfloat16 gives logits that are not finite"):
        compare("net", "aot-bfloat16", torch.zeros(1, 2), logits, torch.tensor([0]))


@pytest.mark.parametrize(
    ("same", "correct", "passes"),
    [(1000, 500, True), (990, 505, True), (990, 495, True), (989, 500, False), (1000, 506, False), (1000, 494, False)],
)
def test_the_limits_are_99_percent_and_half_a_point_either_way(same: int, correct: int, passes: bool) -> None:
    assert agreement(same=same, correct=correct).passes is passes


def test_table_and_summary_say_each_figure() -> None:
    found = [agreement(same=985, correct=497)]
    assert table(found).splitlines()[-1] == (
        "| net | aot-bfloat16 | 98.50% | 49.70% | 50.00% | -0.30 | 0.25 | 0.01 | no |"
    )
    (content,) = json.loads(json.dumps(summary(found)))
    assert (content["same"], content["agreement"], content["passes"]) == (985, 0.985, False)
    assert content["accuracy_shift"] == pytest.approx(-0.003)


def test_images_are_answered_batch_by_batch() -> None:
    sizes = []

    class Counting:
        def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
            sizes.append(len(pixels))
            return pixels[:, :, 0, 0].float()

        def warm_up(self, max_batch: int) -> None:
            raise AssertionError

    pixels = torch.arange(7 * 3, dtype=torch.uint8).view(7, 3, 1, 1)
    assert torch.equal(answers(Counting(), pixels, 3), pixels[:, :, 0, 0].float())
    assert sizes == [3, 3, 1]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    picture = Image.fromarray(scene())
    names = ("test_emoji/red/1", "test_emoji/red/2", "test_emoji/round/1", "test_style/blue/1", "test_style/dotted/1")
    for number, name in enumerate(names):
        path = tmp_path / "data" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.rotate(40 * number).save(path)
    return tmp_path / "data"


def study(*words: object) -> int:
    parser = argparse.ArgumentParser()
    precision_command.add_arguments(parser)
    return precision_command.run(read_options(precision_command.Options, parser.parse_args([*map(str, words)])))


@pytest.mark.slow
def test_the_command_compares_every_way_on_all_images(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = tmp_path / "precision.json"
    ways = ["eager-float32", "onnx-float32"]
    words = ["--data", data, "--engines", *ways, "--batch-size", 2, "--threads", 1, "--device", "cpu"]
    assert study(tiny_checkpoint(tmp_path), *words, "--json", figures) == 0
    content = json.loads(figures.read_text())
    assert content["settings"]["splits"] == ["test_emoji", "test_style"]
    assert [each["way"] for each in content["ways"]] == ways
    for each in content["ways"]:
        assert (each["network"], each["images"], each["same"]) == ("tiny", 5, 5)
        assert each["correct"] == each["reference_correct"]
        assert each["largest_difference"] < 1e-5
    assert capsys.readouterr().out.count("| 100.00% |") == 2


def test_images_that_are_compared_do_not_calibrate(data: Path, tmp_path: Path) -> None:
    words = ["--data", data, "--calibrate", data, "--engines", "openvino-int8", "--threads", 1, "--device", "cpu"]
    with pytest.raises(ConfigError, match="has 0 images that are not among those to compare, and at least 50"):
        study(tiny_checkpoint(tmp_path), *words)


def test_all_cells_are_counted_for_each_way(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells, "CELLS", CELLS[:3])
    figures = tmp_path / "precision.json"
    words = ["--data", data, "--engines", "eager-float32", "--threads", 1, "--device", "cpu", "--cells"]
    assert study(tiny_checkpoint(tmp_path), *words, "--json", figures) == 0
    (found,) = json.loads(figures.read_text())["cells"]["ways"]
    assert (found["network"], found["way"], found["images"]) == ("tiny", "eager-float32", 5)
    assert len(found["kept"]) == len(found["correct"]) == 3
    assert found["agreement"] == pytest.approx(sum(found["kept"]) / 15)
    assert "| tiny | eager-float32 |" in capsys.readouterr().out.split("first class kept")[1]


def test_checkpoints_of_one_name_are_told_apart(data: Path, tmp_path: Path) -> None:
    checkpoints = [tiny_checkpoint(tmp_path / name) for name in ("first", "second")]
    figures = tmp_path / "precision.json"
    words = ["--data", data, "--engines", "eager-float32", "--threads", 1, "--device", "cpu", "--json", figures]
    assert study(*checkpoints, *words) == 0
    content = json.loads(figures.read_text())
    assert list(content["weights_sha256"]) == [each["network"] for each in content["ways"]] == ["first", "second"]


def test_a_way_that_answers_otherwise_fails_the_command(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = Workshop.engine

    def reversed_but_the_reference(self: Workshop, way: Way, model: torch.nn.Module, identity: str) -> Engine:
        if way != REFERENCE:
            model.register_forward_hook(lambda module, args, logits: -logits)
        return usual(self, REFERENCE, model, identity)

    monkeypatch.setattr(Workshop, "engine", reversed_but_the_reference)
    words = ["--data", data, "--engines", "eager-float32", "--threads", 1, "--device", "cpu"]
    assert study(tiny_checkpoint(tmp_path), *words) == 1
    told = capsys.readouterr()
    assert "| no |" in told.out
    assert "tiny in the way eager-float32 agrees on 0.00% of the images (at least 99% is wanted)" in told.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--data", "nowhere"], r"build it with `groupnl data icons --out nowhere`"),
        (["--threads", "0"], "--threads 0: it must be 1 or more"),
        (["--json", "nowhere/x.json"], "there is no folder nowhere"),
        (["--engines", "aot"], "'aot' is no way to run a network"),
        (["--engines", "openvino-int8"], "openvino-int8 needs images to calibrate with: --calibrate DIR"),
        (["--engines", "eager-int8"], "the engine 'eager' has no precision 'int8'"),
    ],
)
def test_what_cannot_be_used_is_told(data: Path, tmp_path: Path, words: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        study(tiny_checkpoint(tmp_path), "--data", data, "--device", "cpu", *words)


def test_weights_without_a_card_are_told(data: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "bare.pth"
    torch.save(tiny_network().state_dict(), checkpoint)
    with pytest.raises(GroupNLError, match=r"bare\.pth has no model card"):
        study(checkpoint, "--data", data, "--device", "cpu", "--engines", "eager-float32", "--threads", 1)
