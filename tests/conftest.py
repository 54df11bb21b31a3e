"""The order of the tests, and what those of the service and of its shells share: an unpacked archive, a registry.

torch and timm take seconds to import, and the process that hands out the tests needs neither: fixtures import them.
"""

import gc
import os
import shutil
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from support.once import Exporting, shared_folder

FAULTS = Path(__file__).parent / "support" / "faults"  # to be named by PYTHONPATH
RUNNING = Path(__file__).parent / "running"  # its tests share a server in each process
LONG = ("service", "slow")  # markers of what takes long
CLASSES = ("grey", "red", "green", "blue", "white", "black", "\u00e9clair")

if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # `nohup make test`; what we start would inherit that
    signal.signal(signal.SIGHUP, lambda *_: None)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported and collected stays: looking for garbage in it takes a fifth of the time now, and more later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first, so that no process is left alone with one at the end.

    Those that start services wait a lot, and stand among those that compute: so both cores have something to do.
    """
    kinds: dict[Path, int] = {}
    for item in items:
        if RUNNING in item.path.parents:
            item.add_marker("service")
        kind = next((place for place, name in enumerate(LONG) if item.get_closest_marker(name)), len(LONG))
        kinds[item.path] = min(kind, kinds.get(item.path, kind))
    order: dict[Path, tuple[bool, float]] = {}
    for kind in {*kinds.values()}:
        files = [path for path, its in kinds.items() if its == kind]
        order |= {path: (kind == len(LONG), number / len(files)) for number, path in enumerate(files)}
    items.sort(key=lambda item: order[item.path])


@pytest.fixture(scope="session", autouse=True)
def _faults_on_demand() -> Iterator[None]:
    """In the programs that tests start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(FAULTS), prepend=os.pathsep)
        yield


@pytest.fixture(scope="session", autouse=True)
def _interrupt() -> Iterator[None]:
    """Shells ignore Ctrl-C for what runs in the background, and its programs inherit that: some tests stop them so."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session", autouse=True)
def _kernels_compiled_once(worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    from support.kernels import built_once

    from groupnl.inference.native import build as native

    shared = shared_folder(tmp_path_factory.getbasetemp(), worker_id)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "build", built_once(shared / "kernels"))
        yield


@pytest.fixture(scope="session")
def exporting_once(worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Exporting:
    """Within it, each network that is packed is exported once for all processes of the run."""
    from support.exported import exported_once

    from groupnl.inference.engines.onnx import Onnx

    once = exported_once(shared_folder(tmp_path_factory.getbasetemp(), worker_id) / "exported")

    @contextmanager
    def exporting() -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Onnx, "make", once)
            yield

    return exporting


@pytest.fixture(scope="module")
def networks_exported_once(exporting_once: Exporting) -> Iterator[None]:
    """For a file's tests; those of exporting itself do without."""
    with exporting_once():
        yield


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unpacked archive of a tiny model."""
    import timm
    import torch

    from groupnl.archive.manifest import MANIFEST_NAME, Manifest
    from groupnl.card import InputConfig, ModelCard
    from groupnl.models import save_checkpoint  # and the tiny model

    folder = tmp_path_factory.mktemp("packed")
    torch.manual_seed(0)
    model = timm.create_model("test_gnl_efficientnet", num_classes=len(CLASSES))
    config = InputConfig(size=64, mean=(0.5,) * 3, std=(0.5,) * 3, crop_pct=0.875, interpolation="bilinear")
    card = ModelCard(architecture="test_gnl_efficientnet", classes=CLASSES, input=config)
    digest = save_checkpoint(folder / "weights.safetensors", model.state_dict(), card)
    manifest = Manifest(
        model_name="tiny", version="1.0", card=card, weights="weights.safetensors", weights_sha256=digest
    )
    (folder / MANIFEST_NAME).write_text(manifest.model_dump_json(), encoding="utf-8")
    return folder


@pytest.fixture
def own_copy(packed: Path, tmp_path: Path) -> Path:
    """The same, for a test that changes it."""
    return Path(shutil.copytree(packed, tmp_path / "packed"))


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def count(registry: CollectorRegistry) -> Callable[..., float]:
    """The sum of a metric's samples that have these labels."""

    def total(name: str, **labels: str) -> float:
        samples = [sample for family in registry.collect() for sample in family.samples if sample.name == name]
        found = [s.value for s in samples if labels.items() <= s.labels.items()]
        assert found, f"no sample {name} {labels}"
        return sum(found)

    return total
