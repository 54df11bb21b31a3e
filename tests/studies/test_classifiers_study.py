"""`groupnl study classifiers`: what is packed and served answers as timm does, and what does not is told."""

from collections.abc import Iterator

import pytest
import torch

from groupnl.cli import main
from groupnl.errors import ArchiveError
from groupnl.inference.engine_names import EngineName
from groupnl_studies.classifiers import command
from groupnl_studies.classifiers.case import QUICK, Case
from groupnl_studies.classifiers.trial import Row, tried


@pytest.fixture(autouse=True)
def own_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("case", QUICK, ids=lambda case: f"{case.architecture}, {case.form}")
def test_answers_are_timms(case: Case) -> None:
    row = tried(case, "eager")
    assert row.error < 1e-4
    assert row.resized < 0.2


def test_another_answer_and_a_refusal_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {"good": (1e-6, 0.01), "other": (0.5, 0.01), "cropped": (1e-6, 0.5)}

    def answered(case: Case, engine: EngineName) -> Row:
        if case.architecture not in found:
            raise ArchiveError("it cannot be made")
        return Row(case, engine, *found[case.architecture])

    monkeypatch.setattr(command, "tried", answered)
    monkeypatch.setattr(command, "CASES", [Case(name) for name in (*found, "refused")])
    words = ["study", "classifiers", "--engines", "eager", "--architectures"]
    assert [main([*words, name]) for name in (*found, "refused")] == [0, 1, 1, 1]
    told = capsys.readouterr()
    assert "| `good` | 10 | 3 | 64 | safetensors | 1e-06, 1.0% |" in told.out
    assert "| `refused` | 10 | 3 | 64 | safetensors | refused |" in told.out
    assert "refused, eager: it cannot be made" in told.err
