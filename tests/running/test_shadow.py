"""The shadow path of a real service: two workers, killed and stopped processes, figures against plain arithmetic."""

import os
import signal
from collections.abc import Iterator

import psutil
import pytest
import torch
from support.server import Server, living, serving
from support.tiny import ARCHITECTURE, CLASSES, HANDLER, tiny_card
from support.undecided import as_input, file_of, network, pixels_of
from support.waiting import until

from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack
from groupnl.corruptions import corrupt
from groupnl.models import save_checkpoint

QUEUE = 40
ARCHITECTURES = {"model": ARCHITECTURE, "twin": "test_resnet"}  # of another family
SHADOW = {
    "share": 1.0,
    "niceness": 0,
    "corruptions": ["contrast"],
    "severities": [5],
    "queue_length": QUEUE,
    "max_lag_s": 600.0,  # none is dropped for that, however busy the machine is
    "time_share": 1.0,
    "remembered": 0,  # tests ask about the same pictures
    "remembered_similar": 0,
    "twin": "twin",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("shadows")
    for seed, (name, architecture) in enumerate(ARCHITECTURES.items()):
        shadow = SHADOW | ({} if name == "model" else {"twin": None})
        settings = ServingSettings(workers=1, handler=HANDLER | {"shadow": shadow})
        checkpoint = folder / f"{name}.safetensors"
        card = tiny_card().model_copy(update={"architecture": architecture})
        save_checkpoint(checkpoint, network(seed, architecture).state_dict(), card)
        pack(checkpoint, folder, name, settings=settings)
    options = ("--model-store", str(folder), "--models", "model", "--workers", "2")
    with serving(folder, *options, kind="torchserve") as running:
        yield running
        for process in _shadow_processes(running):
            process.suspend()


def _at_rest(server: Server) -> bool:
    """Whether every chosen image was answered again or dropped."""
    names = ("shadow_pair_seconds_count", "shadow_dropped_total", "shadow_queue_length", "shadow_sampled_total")
    pairs, dropped, waiting, sampled = (server.count(name) for name in names)
    return waiting == 0 and sampled == pairs + dropped


def _shadow_processes(server: Server, of: int | None = None) -> list[psutil.Process]:
    children = psutil.Process(of or server.process.pid).children(recursive=True)
    return [process for process in children if "groupnl.service.shadow.child" in process.cmdline()]


def test_the_figures_equal_plain_arithmetic(server: Server) -> None:
    until(lambda: _at_rest(server))
    names = ("shadow_pairs_total", "shadow_flips_total", "shadow_top5_kept_total", "labelled_total")
    before = [server.count(name, corruption="contrast") for name in names]
    outcomes = ("both_hold", "model_only", "reference_only", "both_flip")
    paired = [server.count("shadow_paired_outcomes_total", reference="twin", outcome=name) for name in outcomes]
    for number in range(30):
        assert server.predict("model", file_of(number), {"X-Label": CLASSES[number % 7]}).status == 200
    until(lambda: _at_rest(server))

    pixels = torch.stack([pixels_of(number) for number in range(30)])
    with torch.inference_mode():
        both = (pixels, corrupt(pixels, "contrast", 5))
        networks = [network(seed, architecture) for seed, architecture in enumerate(ARCHITECTURES.values())]
        answers = [[each(as_input(images)) for images in both] for each in networks]
    (clean, corrupted), (twin_clean, twin_corrupted) = answers
    best = clean.argmax(dim=1)
    holds, twin_holds = best == corrupted.argmax(dim=1), twin_clean.argmax(dim=1) == twin_corrupted.argmax(dim=1)
    top5 = (corrupted.topk(5).indices == best[:, None]).any(dim=1)
    found = [server.count(name, corruption="contrast") - old for name, old in zip(names, before, strict=True)]
    assert found == [30, int((~holds).sum()), int(top5.sum()), 30]
    assert 0 < int((~holds).sum()) < 30
    expected = [holds & twin_holds, holds & ~twin_holds, ~holds & twin_holds, ~holds & ~twin_holds]
    now = [server.count("shadow_paired_outcomes_total", reference="twin", outcome=name) for name in outcomes]
    assert [new - old for new, old in zip(now, paired, strict=True)] == [int(part.sum()) for part in expected]
    right = sum(int(label) == number % 7 for number, label in enumerate(best))
    assert server.count("labelled_correct_total", corruption="none", severity="0") == right


def test_odd_headers_are_used_or_refused(server: Server) -> None:
    sampled = server.count("shadow_sampled_total")
    for key in ("", "k" * 6000, "\u00fc\u00ff", "a\tb"):
        assert server.predict("model", file_of(0), {"X-Request-Key": key}).status == 200
    assert server.predict("model", file_of(0), {"X-Label": "6"}).status == 200
    for label in ("7", "-1", "nothing", "9" * 5000, "\u00ff"):
        answer = server.predict("model", file_of(0), {"X-Label": label})
        assert (answer.status, answer.content["code"]) == (400, "invalid_header")
    assert server.count("shadow_sampled_total") == sampled + 5


def test_stopped_shadow_processes_hold_up_nobody(server: Server) -> None:
    until(lambda: _at_rest(server) and len(_shadow_processes(server)) == 2)
    dropped = server.count("shadow_dropped_total", reason="queue_full")
    for process in _shadow_processes(server):
        process.suspend()
    for number in range(4 * QUEUE):
        assert server.predict("model", file_of(number)).status == 200
    assert server.count("shadow_queue_length") > 0
    assert server.count("shadow_dropped_total", reason="queue_full") > dropped
    for process in _shadow_processes(server):
        process.resume()
    until(lambda: _at_rest(server))


def test_a_killed_shadow_process_comes_back(server: Server) -> None:
    killed = _shadow_processes(server)
    for process in killed:
        process.kill()
    until(lambda: not living(killed, set()))  # the worker notices, and waits for it, at the next image
    pairs = server.count("shadow_pairs_total")

    def new_pairs() -> bool:
        assert server.predict("model", file_of(0)).status == 200
        return server.count("shadow_pairs_total") > pairs

    until(new_pairs)
    assert server.count("shadow_dropped_total", reason="fault") > 0
    until(lambda: _at_rest(server))


def test_a_killed_worker_leaves_its_counts_and_no_process(server: Server) -> None:
    names = ("requests_total", "shadow_sampled_total", "shadow_pairs_total", "worker_starts_total")
    before = [server.count(name) for name in names]
    worker = server.workers("model")[0]
    orphans = _shadow_processes(server, of=worker)
    for process in orphans:
        process.suspend()  # it cannot see that its pipe is closed
    os.kill(worker, signal.SIGKILL)
    assert psutil.wait_procs(orphans, timeout=60)[1] == []
    until(lambda: server.count("worker_starts_total") == before[3] + 1)
    for name, old in zip(names[:3], before[:3], strict=True):
        assert server.count(name) >= old
    assert server.count("shadow_queue_length") == 0
    until(lambda: len(server.workers("model")) == 2)
