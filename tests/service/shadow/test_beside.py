"""groupnl.service.shadow.beside: observer, candidate and examples get what is theirs, and cannot harm a pair."""

from collections.abc import Sequence

import pytest
import torch
from support.shadows import CPU, Linear
from torch import Tensor

from groupnl.corruptions import CorruptionSpec
from groupnl.inference.engines.torch_engine import TorchEngine
from groupnl.robustness.compare import NO_CLASS
from groupnl.service.shadow.batch import Batch, CandidateAnswer, Expected
from groupnl.service.shadow.runner import LocalRunner
from groupnl.traffic.onlooker import Look

SPECS = [CorruptionSpec("contrast", 5, index) for index in range(6)]


class _Observer:
    def look(self, pixels: Tensor) -> list[Look]:
        return [Look(None, (image.float().mean().item(),)) for image in pixels]

    def expect(self, clean: Tensor, best: Sequence[int]) -> list[Expected]:
        return [Expected(row.max().item(), row[answer].item()) for row, answer in zip(clean, best, strict=True)]


class _Candidate:
    def __init__(self) -> None:
        self.got: list[Batch] = []

    def answer(self, batch: Batch) -> list[CandidateAnswer | None]:
        self.got.append(batch)
        return [CandidateAnswer(bytes(file).decode(), None, 0.1) if file else None for file in batch.files or ()]


class _Examples:
    def __init__(self) -> None:
        self.kept: list[tuple[Tensor, Tensor, CorruptionSpec, Tensor, Tensor]] = []

    def keep(self, pixels: Tensor, corrupted: Tensor, spec: CorruptionSpec, clean: Tensor, answer: Tensor) -> None:
        self.kept.append((pixels, corrupted, spec, clean, answer))


class _Failing:
    """Each of them, and all fail."""

    def look(self, pixels: Tensor) -> list[Look]:
        raise RuntimeError("cannot look")

    def expect(self, clean: Tensor, best: Sequence[int]) -> list[Expected]:
        raise RuntimeError("cannot expect")

    def answer(self, batch: Batch) -> list[CandidateAnswer | None]:
        raise RuntimeError("cannot answer")

    def keep(self, pixels: Tensor, corrupted: Tensor, spec: CorruptionSpec, clean: Tensor, answer: Tensor) -> None:
        raise RuntimeError("cannot keep")


def test_each_gets_what_is_its_own(pixels: Tensor) -> None:
    engine = Linear()
    candidate, examples = _Candidate(), _Examples()
    runner = LocalRunner(engine, None, CPU, None, _Observer(), candidate, examples)
    clean = engine(pixels[:6]).softmax(dim=1)
    files = [b"a", b"", b"c", b"d", b"e", b"f"]
    results = runner.run(Batch(pixels[:6], SPECS, clean, files))
    assert candidate.got[0].specs == SPECS
    flipped = 0
    for place, result in enumerate(results):
        assert result is not None
        assert result.change is not None
        assert result.look == Look(None, (pixels[place].float().mean().item(),))
        assert result.expected == Expected(clean[place].max().item(), clean[place, result.best].item())
        assert result.candidate == (CandidateAnswer(files[place].decode(), None, 0.1) if files[place] else None)
        assert result.seconds > 0
        if result.change.flipped:
            image, corrupted, spec, before, after = examples.kept[flipped]
            assert torch.equal(image, pixels[place])
            assert spec == SPECS[place]
            assert torch.equal(before, clean[place])
            assert int(engine(corrupted[None]).argmax()) == result.best == int(after.argmax())
            flipped += 1
    assert len(examples.kept) == flipped > 0


def test_probe_images_and_batches_without_files_concern_nobody(engine: TorchEngine, pixels: Tensor) -> None:
    candidate, examples = _Candidate(), _Examples()
    runner = LocalRunner(engine, None, CPU, None, _Observer(), candidate, examples)
    for result in runner.run(Batch(pixels[:6], SPECS, None)):
        assert result is not None
        assert (result.look, result.expected, result.candidate) == (None, None, None)
    for result in runner.run(Batch(pixels[:6], [None] * 6, engine(pixels[:6]).softmax(dim=1))):
        assert result is not None
        assert result.candidate is None
    assert candidate.got == []
    assert examples.kept == []


def test_what_they_raise_is_told_once_and_the_pairs_stay(pixels: Tensor, caplog: pytest.LogCaptureFixture) -> None:
    engine = Linear()
    batch = Batch(pixels[:6], SPECS, engine(pixels[:6]).softmax(dim=1), [b"file"] * 6)
    failing = _Failing()
    alone = LocalRunner(engine, None, CPU).run(batch)
    runner = LocalRunner(engine, None, CPU, None, failing, failing, failing)
    for _ in range(2):
        for result, expected in zip(runner.run(batch), alone, strict=True):
            assert result is not None
            assert expected is not None
            assert (result.best, result.change) == (expected.best, expected.change)
            assert (result.look, result.expected, result.candidate) == (None, None, None)
    assert len(caplog.records) == 4


def test_an_image_whose_corruption_failed_is_nobodys(
    engine: TorchEngine, pixels: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = _Candidate()
    runner = LocalRunner(engine, None, CPU, None, _Observer(), candidate)
    monkeypatch.setattr(runner, "_corrupt", lambda images, specs: [images[0], None, images[2]])
    files = [b"a", b"b", b"c"]
    found = runner.run(Batch(pixels[:3], SPECS[:3], engine(pixels[:3]).softmax(dim=1), files))
    assert found[1] is None
    assert candidate.got[0].files == [b"a", b"c"]
    assert found[2] is not None
    assert found[2].candidate == CandidateAnswer("c", None, 0.1)
    assert found[2].best != NO_CLASS
