"""The other servers of `groupnl bench serve --others`: real ones, with a tiny network."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
import torch
from support.tiny import CLASSES, HANDLER, tiny_checkpoint

from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack
from groupnl.archive.read import unpack
from groupnl.errors import ConfigError, ServerError
from groupnl_studies.harness.client import answers
from groupnl_studies.harness.photographs import photograph
from groupnl_studies.harness.ports import free_ports
from groupnl_studies.serving.others.classifier import best
from groupnl_studies.serving.others.options import ProgramOptions
from groupnl_studies.serving.others.service import OTHERS, TEMPLATE, Other, OtherService, check_installed
from groupnl_studies.serving.pipeline import Pipeline

Children = Callable[[], list[psutil.Process]]
FILES = [photograph(seed) for seed in range(3)]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory, networks_exported_once: None) -> Path:
    folder = tmp_path_factory.mktemp("others")
    settings = ServingSettings(handler=HANDLER)
    unpack(pack(tiny_checkpoint(folder), folder, "tiny", settings=settings), folder / "unpacked")
    return folder / "unpacked"


@pytest.fixture(scope="module")
def expected(unpacked: Path) -> list[dict[str, float]]:
    """What our pipeline answers."""
    before = torch.get_num_threads()
    logits = Pipeline(unpacked, 1, max_batch=3)(FILES)
    torch.set_num_threads(before)
    return best(logits, CLASSES)


def other(name: str, folder: Path, unpacked: Path) -> OtherService:
    options = ProgramOptions(
        unpacked=unpacked,
        our_engine=OTHERS[name].our_engine,
        port=free_ports(1)[0],
        workers=1,
        threads=1,
        batch_size=2,
        batch_delay_ms=1,
    )
    return OtherService(name, folder, options)


@pytest.mark.service
def test_they_answer_as_our_pipeline_does(
    unpacked: Path,
    expected: list[dict[str, float]],
    tmp_path: Path,
    children: Children,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both programs and both ways; also when they slept before. Started together, because importing takes long."""
    monkeypatch.setenv("TORCH_COMPILE_DISABLE", "1")  # compiling takes longer than all the rest
    with ExitStack() as stack:
        names = ("litserve-engine", "mosec")
        services = {name: stack.enter_context(other(name, tmp_path / name, unpacked)) for name in names}
        for name, service in services.items():
            service.wait_until_ready()
            with service.awake():
                service.check_alive()
            with service.awake():
                found = answers(service.inference_port, [TEMPLATE._replace(body=file) for file in FILES])
            # Pillow and torchvision resize a little differently than we do.
            tolerance = 1e-5 if OTHERS[name].our_engine else 0.02
            for answer, ours in zip(found, expected, strict=True):
                assert list(answer) == list(ours)
                assert answer == pytest.approx(ours, abs=tolerance)
            before = service.cpu_seconds()
            time.sleep(0.3)
            used = service.cpu_seconds().since(before)
            assert before.workers > 0.5
            assert used.workers <= 0.02  # LitServe's workers would use a third of a core
    assert not children()


@pytest.mark.service
def test_one_that_does_not_start_is_told_with_what_it_printed(tmp_path: Path, children: Children) -> None:
    broken = other("litserve-engine", tmp_path, tmp_path)
    with pytest.raises(ServerError, match=r"(?s)litserve-engine ended:.*model-config.yaml"), broken:
        broken.wait_until_ready()
    assert not children()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    check_installed(list(OTHERS))
    monkeypatch.setitem(OTHERS, "mosec", Other("no_such_package", our_engine=False))
    with pytest.raises(ConfigError, match=r"--others mosec: no_such_package is not installed: `make install`"):
        check_installed(["litserve", "mosec"])


def test_the_best_classes_with_their_probabilities() -> None:
    logits = torch.log(
        torch.tensor([[0.5, 0.125, 0.25, 0.0625, 0.03125, 0.03125], [0.0625, 0.5, 0.25, 0.125, 0.05, 0.0125]])
    )
    first, second = best(logits, "abcdef")
    assert first == pytest.approx({"a": 0.5, "c": 0.25, "b": 0.125, "d": 0.0625, "e": 0.03125}, abs=1e-6)
    assert list(second) == ["b", "c", "d", "a", "e"]
