"""`groupnl study classifiers`: what is packed and served answers as timm does, and what does not is told."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch

from groupnl.cli import main
from groupnl.inference.engine_names import EngineName
from groupnl_studies.classifiers import command
from groupnl_studies.classifiers.case import CASES, QUICK, Case
from groupnl_studies.classifiers.outcome import Errors, Outcome
from groupnl_studies.classifiers.trial import _errors, tried


@pytest.mark.parametrize("case", QUICK, ids=lambda case: f"{case.architecture}, {case.form}")
def test_answers_are_timms(case: Case) -> None:
    (outcome,) = tried(case, ["eager"])
    assert outcome.errors is not None, outcome.refusal
    assert outcome.errors.same < 1e-4
    assert outcome.errors.resized < 0.2
    assert outcome.errors.levels < 0.5


def test_each_case_has_a_name_of_its_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


def test_what_cannot_be_packed_is_told_for_each_engine() -> None:
    outcomes = list(tried(Case("test_resnet", size=4), ["eager", "onnx"]))
    assert [outcome.engine for outcome in outcomes] == ["eager", "onnx"]
    assert all("the input of test_resnet cannot be made: size = 4" in (outcome.refusal or "") for outcome in outcomes)


def test_probabilities_that_vanish_are_compared_as_such() -> None:
    logits = torch.tensor([[200.0, 0.0, 1.0]] * 2)
    assert _errors(logits.softmax(1), logits) == (0, 0)
    assert min(_errors(logits.roll(1, 1).softmax(1), logits)) > 1


FOUND = {"good": (1e-6, 0.68, 0.2), "other": (0.5, 0.01, 0.2), "cropped": (1e-6, 0.01, 20.0)}


class Tried:
    """Answers made up, and which were asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, EngineName]] = []

    def __call__(self, case: Case, engines: Sequence[EngineName]) -> Iterator[Outcome]:
        for engine in engines:
            self.asked.append((case.architecture, engine))
            if case.architecture in FOUND:
                same, resized, levels = FOUND[case.architecture]
                yield Outcome(case=case, engine=engine, errors=Errors(same=same, resized=resized, levels=levels))
            else:
                yield Outcome(case=case, engine=engine, refusal="it cannot be made")


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> Tried:
    result = Tried()
    monkeypatch.setattr(command, "tried", result)
    monkeypatch.setattr(command, "CASES", [Case(name) for name in (*FOUND, "refused")])
    return result


def study(out: Path, *words: str) -> int:
    return main(["study", "classifiers", "--out", str(out), *words])


def test_another_answer_and_a_refusal_are_told(
    made_up: Tried, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--engines", "eager", "--architectures")
    assert [study(tmp_path, *words, name) for name in (*FOUND, "refused")] == [0, 1, 1, 1]
    told = capsys.readouterr()
    assert "| `good` | 10 | 3 | 64 | safetensors | 1e-06, 68.0% |" in told.out
    assert "| `other` | 10 | 3 | 64 | safetensors | differs: 5e-01, 1.0%, 0.2 levels |" in told.out
    assert "| `refused` | 10 | 3 | 64 | safetensors | refused |" in told.out
    assert "refused_10_3_64_safetensors, eager: it cannot be made" in told.err


def test_a_study_goes_on_and_tries_again_what_was_not_right(
    made_up: Tried, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert study(tmp_path, "--engines", "eager", "--architectures", "good", "refused") == 1
    made_up.asked.clear()
    assert study(tmp_path, "--engines", "onnx", "eager", "--architectures", "good", "refused") == 1
    assert made_up.asked == [("good", "onnx"), ("refused", "onnx"), ("refused", "eager")]
    made_up.asked.clear()
    capsys.readouterr()
    assert study(tmp_path, "--report") == 1
    assert made_up.asked == []
    assert capsys.readouterr().out.splitlines()[2:] == [
        "| `good` | 10 | 3 | 64 | safetensors | 1e-06, 68.0% | 1e-06, 68.0% |  |",
        "| `refused` | 10 | 3 | 64 | safetensors | refused | refused |  |",
    ]


def test_what_the_study_does_not_know_is_refused(
    made_up: Tried, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert study(tmp_path, "--architectures", "good", "gone") == 1
    assert "--architectures gone: the study has none of that name: cropped, good" in capsys.readouterr().err
    assert made_up.asked == []
    file = tmp_path / Case("good").name / "eager.json"
    file.parent.mkdir()
    file.write_text('{"case": {"architecture": "good"}}')
    assert study(tmp_path, "--report") == 1
    assert f"{file} is no result of this study" in capsys.readouterr().err
