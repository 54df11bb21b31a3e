"""groupnl.inference.engines.on_device with a recorder that is played on a CPU: it plays back what it has recorded."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from groupnl.inference.engines.engine import HALVINGS
from groupnl.inference.engines.fixed_sizes import FAILURES
from groupnl.inference.engines.on_device import OnDevice

CPU = torch.device("cpu")


class Tape:
    """Records a run, and computes it again when it is played; notes which sizes are played."""

    def __init__(self) -> None:
        self.played: list[int] = []

    def record(self, compute: Callable[[Tensor], Tensor], images: Tensor) -> Callable[[], Tensor]:
        logits = compute(images)

        def play() -> Tensor:
            self.played.append(len(images))
            return logits.copy_(compute(images))

        return play


class Deaf(Tape):
    """Always plays what it has recorded."""

    def record(self, compute: Callable[[Tensor], Tensor], images: Tensor) -> Callable[[], Tensor]:
        logits = compute(images)
        return lambda: logits


class Network:
    """Has memory for so many images at once."""

    def __init__(self, memory: int = 64) -> None:
        self.memory = memory

    def __call__(self, images: Tensor) -> Tensor:
        assert images.is_contiguous(memory_format=torch.channels_last)
        if len(images) > self.memory:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return images.float().std(dim=(2, 3))


@pytest.fixture(scope="module")
def pixels() -> Tensor:
    return torch.randint(0, 256, (9, 3, 8, 8), dtype=torch.uint8, generator=torch.manual_seed(3))


def test_answers_are_the_same_whatever_is_padded(pixels: Tensor) -> None:
    tape = Tape()
    usual, recorded = OnDevice(Network(), 8, CPU), OnDevice(Network(), 8, CPU, recorder=tape)
    recorded.warm_up(8, "here")
    tape.played.clear()
    order = [8, 3, 1, 5, 2, 7, 4, 6]
    for images in order:
        assert torch.equal(recorded(pixels[:images]), usual(pixels[:images]))
    assert tape.played == [8, 4, 1, 8, 2, 8, 4, 8]
    assert torch.equal(recorded(pixels), usual(pixels))
    assert len(tape.played) == len(order)  # nine are more than any size holds


def test_an_answer_stays_as_it_is_when_the_next_one_is_computed(pixels: Tensor) -> None:
    engine = OnDevice(Network(), 8, CPU, recorder=Tape())
    engine.warm_up(2, "here")
    first = engine(pixels[:2])
    kept = first.clone()
    engine(pixels[2:4])
    assert torch.equal(first, kept)


def test_warming_up_again_records_nothing_again() -> None:
    tape = Tape()
    engine = OnDevice(Network(), 8, CPU, recorder=tape)
    engine.warm_up(4, "here")
    tape.played.clear()
    engine.warm_up(4, "here")
    assert tape.played == [1, 4]


def test_a_recording_that_does_not_see_new_images_is_not_used(pixels: Tensor) -> None:
    engine, before = OnDevice(Network(), 8, CPU, recorder=Deaf()), FAILURES.count
    engine.warm_up(4, "here")
    assert FAILURES.count - before == 1
    assert torch.equal(engine(pixels[:3]), OnDevice(Network(), 8, CPU)(pixels[:3]))


def test_a_batch_that_does_not_fit_is_halved_until_it_was_recorded(pixels: Tensor) -> None:
    tape, network = Tape(), Network(memory=4)
    engine, halvings, failures = OnDevice(network, 8, CPU, recorder=tape), HALVINGS.count, FAILURES.count
    engine.warm_up(8, "here")
    assert (HALVINGS.count - halvings, FAILURES.count - failures) == (1, 1)
    tape.played.clear()
    logits = engine(pixels[:7])
    assert tape.played == [4, 4]
    assert HALVINGS.count - halvings == 2
    assert torch.equal(logits, OnDevice(Network(), 8, CPU)(pixels[:7]))
    tape.played.clear()
    engine(pixels[:4])
    assert tape.played == [4]
