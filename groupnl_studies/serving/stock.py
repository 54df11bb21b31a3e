"""TorchServe's own image classifier, as its documents say: what our service is compared with.

The published form of an archive's network is traced, packed with the handler `image_classifier`, and served by
TorchServe with its defaults. Nothing of our serving path is in it.
"""

import http.client
import importlib.util
import json
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from groupnl.archive.model_config import to_model_config
from groupnl.archive.read import CONFIG_FILE
from groupnl.base import environment
from groupnl.errors import ConfigError, ServerError, not_installed
from groupnl.server.torchserve.java import find_java
from groupnl_studies.harness.ports import HOST, free_ports
from groupnl_studies.harness.service import START_LIMIT_S, ChildProcess

MODEL = "stock"
HANDLER = "image_classifier"
INPUT_SIZE = 224  # its transforms are part of it: shorter side to 256, centre crop of 224
LEAST_CLASSES = 5  # it always answers so many
WEIGHTS_FILE, CLASSES_FILE = "traced.pt", "index_to_name.json"
_REQUIREMENT = "captum"  # the handler imports it, TorchServe does not ask for it
_PORTS = ("inference", "management", "metrics")


class StockSettings(NamedTuple):
    """What may differ from TorchServe's defaults; None leaves the default.

    Attributes:
        workers: worker processes (TorchServe: one for each core).
        batch_size: most requests in a batch (TorchServe: 1).
        max_batch_delay_ms: how long the first request of a batch may wait for others (TorchServe: 100).
    """

    workers: int | None = None
    batch_size: int | None = None
    max_batch_delay_ms: int | None = None

    def to_yaml(self) -> str:
        """The text of `model-config.yaml`, under TorchServe's names."""
        return yaml.safe_dump(to_model_config(self._asdict()))


def pack_stock(unpacked: Path, store: Path, settings: StockSettings) -> Path:
    """Make the stock archive of one of our archives' network.

    Args:
        unpacked: folder with the files of our archive.
        store: folder of the stock archive; made if missing, nothing else may be in it.
        settings: what differs from TorchServe's defaults.

    Returns:
        The archive's path.

    Raises:
        ConfigError: the stock classifier cannot do the same work, or its requirement is not installed.
    """
    if importlib.util.find_spec(_REQUIREMENT) is None:
        raise ConfigError(f"TorchServe's {HANDLER} imports a package: {not_installed(_REQUIREMENT)}")
    from groupnl.archive.load import load_unpacked  # torch takes seconds, and so the archiver

    manifest, network = load_unpacked(unpacked)
    card = manifest.card
    if card.input.size != INPUT_SIZE or len(card.classes) < LEAST_CLASSES:
        raise ConfigError(
            f"the stock classifier works at {INPUT_SIZE} pixels and answers {LEAST_CLASSES} classes, but this model "
            f"works at {card.input.size} and has {len(card.classes)}: take another archive, or --no-stock"
        )
    store.mkdir(parents=True)
    # Beside the store, because TorchServe looks at all that is in it.
    with tempfile.TemporaryDirectory(prefix="stock-", dir=store.parent) as name:
        work = Path(name)
        _trace(network, work / WEIGHTS_FILE)
        (work / CLASSES_FILE).write_text(json.dumps(dict(enumerate(card.classes))), encoding="utf-8")
        if any(value is not None for value in settings):
            (work / CONFIG_FILE).write_text(settings.to_yaml(), encoding="utf-8")
        _run_archiver(work, store)
    return store / f"{MODEL}.mar"


def _trace(network: Any, target: Path) -> None:
    import torch

    example = torch.zeros(1, 3, INPUT_SIZE, INPUT_SIZE)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter(
            "ignore", FutureWarning
        )  # torch would have us trace no more; the stock handler loads this
        torch.jit.trace(network, example).save(str(target))  # type: ignore[no-untyped-call]


def _run_archiver(work: Path, store: Path) -> None:
    """Run torch-model-archiver as its documents show it."""
    config = work / CONFIG_FILE
    command = ["--model-name", MODEL, "--version", "1.0", "--serialized-file", str(work / WEIGHTS_FILE)]
    command += ["--handler", HANDLER, "--extra-files", str(work / CLASSES_FILE), "--export-path", str(store)]
    command += ["--config-file", str(config)] if config.exists() else []
    subprocess.run(  # noqa: S603 (our own arguments)
        [sys.executable, "-W", "ignore", "-m", "model_archiver.model_packaging", *command],
        env=environment.child_environment({"TMPDIR": str(work)}),  # it empties folders there
        check=True,
    )


class StockService(ChildProcess):
    """A running TorchServe with the stock archive; used like `groupnl_studies.harness.service.RunningService`.

    Args:
        folder: its working directory, for configuration, output and logs; made if missing.
        archive: made by `pack_stock`.
    """

    title = "the stock classifier"

    def __init__(self, folder: Path, archive: Path) -> None:
        super().__init__(folder)
        self._ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
        self.inference_port = self._ports["inference"]
        self._archive = archive

    def start(self) -> None:
        """Start it; `wait_until_ready` says when every worker has loaded the model."""
        self._folder.mkdir(parents=True, exist_ok=True)
        lines = [f"{name}_address=http://{HOST}:{port}" for name, port in self._ports.items()]
        lines += ["grpc_inference_port=0", "grpc_management_port=0"]  # any free ones
        (self._folder / "config.properties").write_text("\n".join([*lines, ""]), encoding="utf-8")
        self._launch(self._command(), environment.child_environment({}), self._folder)

    def _command(self) -> list[str]:
        """What TorchServe's launcher would start; the launcher itself keeps a pid file, one for the whole machine."""
        package = importlib.util.find_spec("ts")
        if package is None or package.origin is None:
            raise ServerError(not_installed("TorchServe", "serve"))
        home = Path(package.origin).parent
        java = [str(find_java()), f"-Dmodel_server_home={home.parent}", f"-Djava.io.tmpdir={self._folder}"]
        java += ["-cp", str(home / "frontend" / "*"), "org.pytorch.serve.ModelServer", "--python", sys.executable]
        java += ["-f", "config.properties", "-s", str(self._archive.parent), "-ncs", "--disable-token-auth"]
        return [*java, "-m", f"{MODEL}={self._archive.name}"]

    def _ready(self) -> bool:
        if "worker process died" in self._printed():
            raise ServerError(f"{self.title} does not start:\n{self._printed()}")
        connection = http.client.HTTPConnection(HOST, self._ports["management"], timeout=START_LIMIT_S)
        try:
            connection.request("GET", f"/models/{MODEL}")
            response = connection.getresponse()
            content = json.loads(response.read())
        except OSError:
            return False  # nobody listens yet
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            return False
        workers = content[0]["workers"]
        return bool(workers) and all(worker["status"] == "READY" for worker in workers)
