"""groupnl.service.shadow.candidate: a second archive reads, corrupts and answers by itself, and harms no pair."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from prometheus_client import CollectorRegistry
from support.pictures import encode
from support.shadows import CPU, EAGER, Count, Linear, config
from support.tiny import CLASSES, INPUT, tiny_card, tiny_network
from support.waiting import until
from torch import Tensor

from groupnl.archive.pack import pack
from groupnl.archive.read import unpack
from groupnl.card import ModelCard
from groupnl.corruptions import Cell, CorruptionSpec, corrupt_each
from groupnl.images import Limits, Reader
from groupnl.metrics import Metrics
from groupnl.models import save_checkpoint
from groupnl.robustness.compare import Change
from groupnl.service.shadow.batch import Batch, CandidateAnswer, Result
from groupnl.service.shadow.candidate import ArchiveCandidate, load_candidate
from groupnl.service.shadow.candidate_counts import CandidateCounts, FrequentPairs, candidate_counts
from groupnl.service.shadow.child_runner import ChildRunner
from groupnl.service.shadow.counts import ShadowCounts
from groupnl.service.shadow.job import Job
from groupnl.service.shadow.loop import ShadowLoop
from groupnl.service.shadow.messages import Setup
from groupnl.service.shadow.runner import LocalRunner

SIZE = 48  # of the candidate; the model's is another
REVERSED = CLASSES[::-1]
SPECS = [CorruptionSpec("contrast", 1 + index % 5, index) for index in range(8)]


def _card(size: int = SIZE, classes: tuple[str, ...] = REVERSED) -> ModelCard:
    return tiny_card(classes).model_copy(update={"input": INPUT.model_copy(update={"size": size})})


def _files(count: int, side: int = 100) -> list[bytes]:
    blotches = torch.rand(count, 3, 5, 5, generator=torch.Generator().manual_seed(2)) * 255
    images = torch.nn.functional.interpolate(blotches, (side, side), mode="bilinear").to(torch.uint8)
    return [encode(Image.fromarray(image.permute(1, 2, 0).numpy()), "PNG") for image in images]


def _network(pixels: Tensor) -> Tensor:
    """Of any size, and easily turned to another class."""
    weights = torch.randn(48, 7, generator=torch.Generator().manual_seed(3))
    small = torch.nn.functional.adaptive_avg_pool2d(pixels.float() / 255, 4)
    return small.flatten(1) @ weights


class _Network:
    def __init__(self, broken: Callable[[Tensor], Tensor] = lambda logits: logits) -> None:
        self._broken = broken

    def __call__(self, pixels: Tensor) -> Tensor:
        return self._broken(_network(pixels))

    def warm_up(self, max_batch: int) -> None:
        pass


def _candidate(broken: Callable[[Tensor], Tensor] = lambda logits: logits, size: int = SIZE) -> ArchiveCandidate:
    return ArchiveCandidate(_Network(broken), _card(size), Limits(), CPU, INPUT)


def _batch(files: list[bytes], size: int = INPUT.size) -> Batch:
    pixels = torch.full((len(files), 3, size, size), 99, dtype=torch.uint8)
    return Batch(pixels, SPECS[: len(files)], torch.zeros(len(files), 7), files)


def test_it_reads_the_file_and_meets_the_corruption_at_its_own_size() -> None:
    files = _files(8)
    own = torch.stack([Reader(_card().input, Limits())(file) for file in files])
    assert own.shape[-1] == SIZE
    clean, corrupted = (_network(images).argmax(dim=1).tolist() for images in (own, corrupt_each(own, SPECS)))
    answers = _candidate().answer(_batch(files))
    assert [answer and answer.best for answer in answers] == [REVERSED[best] for best in clean]
    holds = [answer and answer.holds for answer in answers]
    assert holds == [one == other for one, other in zip(clean, corrupted, strict=True)]
    assert {*holds} == {True, False}
    assert all(answer and 0 < answer.seconds < 60 for answer in answers)


def test_an_image_that_it_cannot_read_costs_no_other(caplog: pytest.LogCaptureFixture) -> None:
    files = _files(3)
    answers = _candidate().answer(_batch([files[0], b"no picture", files[2]]))
    assert [answer is None for answer in answers] == [False, True, False]
    assert "the candidate cannot read an image that the model has answered" in caplog.text
    assert _candidate().answer(_batch([b"nothing"])) == [None]


def test_pixels_without_a_file_are_answered_where_they_are_the_candidates_own() -> None:
    files = [*_files(1), b""]
    assert [answer is None for answer in _candidate().answer(_batch(files))] == [False, True]
    of_the_models_size = _candidate(size=INPUT.size).answer(_batch(files))
    expected = REVERSED[int(_network(torch.full((1, 3, 32, 32), 99, dtype=torch.uint8)).argmax())]
    assert of_the_models_size[1] is not None
    assert of_the_models_size[1].best == expected


def test_what_is_not_finite_is_no_answer_and_under_corruption_a_flip() -> None:
    def all_broken(logits: Tensor) -> Tensor:
        return logits * math.nan

    assert _candidate(all_broken).answer(_batch(_files(2))) == [None, None]
    calls = iter([False, True])  # clean, corrupted

    def broken_under_corruption(logits: Tensor) -> Tensor:
        return logits * math.nan if next(calls) else logits

    answers = _candidate(broken_under_corruption).answer(_batch(_files(2)))
    assert [answer and answer.holds for answer in answers] == [False, False]


def test_a_size_that_no_corruption_is_made_for() -> None:
    answers = _candidate(size=16).answer(_batch(_files(2)))
    assert [answer and answer.holds for answer in answers] == [None, None]


@pytest.fixture(scope="module")
def candidate_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("candidate")
    save_checkpoint(folder / "new.safetensors", tiny_network().state_dict(), _card())
    pack(folder / "new.safetensors", folder, "new")
    unpack(folder / "new.mar", folder / "unpacked")
    return folder / "unpacked"


def test_what_cannot_be_loaded_answers_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert load_candidate(tmp_path, CPU, INPUT) is None
    assert f"the candidate in {tmp_path} cannot be run, and answers nothing" in caplog.text


@pytest.mark.slow
def test_in_a_shadow_process(packed: Path, candidate_dir: Path, pixels: Tensor) -> None:
    loaded = load_candidate(candidate_dir, CPU, INPUT)
    assert loaded is not None
    batch = Batch(pixels[:4], SPECS[:4], torch.full((4, 7), 1 / 7), _files(4))
    runner = ChildRunner(Setup(packed, None, EAGER, 1, candidate_dir), lambda reason: None)
    try:
        runner.start()
        results = runner.run(batch)
    finally:
        runner.close()
    found = [result and result.candidate for result in results]
    assert [one and one[:2] for one in found] == [one and one[:2] for one in loaded.answer(batch)]
    assert None not in found


@pytest.fixture
def counts(registry: CollectorRegistry) -> CandidateCounts:
    return CandidateCounts(Metrics("tiny", registry), "new", CLASSES, ("fog", "snow"), takes_pixels=False)


def _pair(counts: CandidateCounts, best: str, answer: CandidateAnswer | None, **how: object) -> None:
    """One image that the model calls `best`."""
    flipped, label, file = how.get("flipped", False), how.get("label"), how.get("file", b"file")
    clean = torch.eye(7)[CLASSES.index(best)]
    job = Job("key", torch.zeros(3, 32, 32), clean, label, 0.0, file)  # type: ignore[arg-type]
    change = Change(0, bool(flipped), not flipped, True, 0.0, 0.0)
    counts.pair(job, Cell("fog", 3), Result(0, change, None, candidate=answer, seconds=0.02))


def test_counts_by_name_and_outcome(counts: CandidateCounts, count: Count) -> None:
    of = {"candidate": "new"}
    _pair(counts, "red", CandidateAnswer("red", True, 0.05), label=CLASSES.index("red"))
    _pair(counts, "red", CandidateAnswer("blue", False, 0.05), label=CLASSES.index("blue"))
    _pair(counts, "red", CandidateAnswer("unheard of", True, 0.05), label=CLASSES.index("red"), flipped=True)
    _pair(counts, "green", CandidateAnswer("red", None, 0.05), label=CLASSES.index("blue"))
    _pair(counts, "green", None)
    _pair(counts, "green", None, file=b"")  # pixels that it was not asked about
    assert count("groupnl_candidate_images_total", **of) == 4
    assert count("groupnl_candidate_agrees_total", **of) == 1
    assert count("groupnl_candidate_failures_total", **of) == 1
    assert count("groupnl_candidate_disagreements_total", **of) == 3
    right = [
        count("groupnl_candidate_right_total", outcome=outcome, **of)
        for outcome in ("both_right", "model_only", "candidate_only", "both_wrong")
    ]
    assert right == [1, 1, 1, 1]
    holds = [
        count("groupnl_candidate_holds_total", corruption="fog", outcome=outcome, **of)
        for outcome in ("both_hold", "model_only", "candidate_only", "both_flip")
    ]
    assert holds == [1, 1, 1, 0]
    assert count("groupnl_candidate_holds_total", corruption="snow", outcome="both_flip", **of) == 0
    assert count("groupnl_candidate_seconds_sum", network="model", **of) == pytest.approx(4 * 0.02)
    assert count("groupnl_candidate_seconds_sum", network="candidate", **of) == pytest.approx(4 * 0.05)


def test_every_pair_is_counted_though_the_candidate_raises(
    registry: CollectorRegistry, pixels: Tensor, count: Count
) -> None:
    def raises(_: Tensor) -> Tensor:
        raise RuntimeError("no memory")

    metrics, engine = Metrics("tiny", registry), Linear()
    listener = CandidateCounts(metrics, "new", CLASSES, ("contrast",), takes_pixels=False)
    runner = LocalRunner(engine, None, CPU, candidate=_candidate(raises))
    shadow = ShadowLoop(runner, config(), ShadowCounts(metrics, None), None, [listener], needs_files=True)
    shadow.start()
    try:
        for index, file in enumerate(_files(8)):
            clean = engine(pixels[index][None])[0].softmax(dim=0)
            shadow.offer(Job(str(index), pixels[index], clean, None, math.inf, file))
        until(lambda: count("groupnl_candidate_failures_total", candidate="new") == 8)
    finally:
        shadow.close()
    assert count("groupnl_shadow_pairs_total") == 8


def test_without_a_candidate_nothing_is_counted(packed: Path, registry: CollectorRegistry) -> None:
    metrics = Metrics("tiny", registry)
    assert candidate_counts(packed, config(), metrics) == []


def test_the_model_knows_whether_its_pixels_are_the_candidates(packed: Path, candidate_dir: Path) -> None:
    for name, folder, asked in (("other", candidate_dir, 0), ("itself", packed, 1)):
        settings = config(candidate=name, candidate_dir=folder)
        registry = CollectorRegistry()
        (counts,) = candidate_counts(packed, settings, Metrics("tiny", registry))
        _pair(counts, "red", None, file=b"")
        labels = {"model": "tiny", "candidate": name}
        assert registry.get_sample_value("groupnl_candidate_failures_total", labels) == asked


def test_the_most_frequent_pairs_are_counted_by_themselves() -> None:
    pairs = FrequentPairs(most=20, remembered=100)
    generator = torch.Generator().manual_seed(0)
    shares = 1 / torch.arange(1, 5001, dtype=torch.float64)  # a long tail
    drawn = torch.multinomial(shares, 20_000, replacement=True, generator=generator).tolist()
    named = {pairs.name((str(number), "x")) for number in drawn} - {("other", "other")}
    assert len(named) == 20
    assert {(str(number), "x") for number in range(10)} <= named
    assert len(pairs._others) <= 101


def test_a_pair_that_comes_again_is_named_for_good() -> None:
    pairs = FrequentPairs(most=1)
    assert [pairs.name(("a", "b")) for _ in range(3)] == [("other", "other"), ("a", "b"), ("a", "b")]
    assert [pairs.name(("c", "d")) for _ in range(3)] == [("other", "other")] * 3
