"""One run of TorchServe: its own directory, store, seats and metrics endpoint, made before and gone after."""

import functools
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from groupnl.base.cores import usable_cores, whole_cores
from groupnl.base.say import Say
from groupnl.base.seats import make_seats, plan_seats
from groupnl.errors import ConfigError, NotFoundError
from groupnl.server.comparison import comparison_of
from groupnl.server.config import ServeConfig
from groupnl.server.engines import settle_engines
from groupnl.server.examples import kept_examples
from groupnl.server.labels.serving import labels_app
from groupnl.server.management_socket import LONGEST_SOCKET_PATH
from groupnl.server.metrics_endpoint import MetricsEndpoint
from groupnl.server.observed.kept_counts import kept_counts
from groupnl.server.observed.worker_files import WorkerFiles
from groupnl.server.run_directory import run_directory
from groupnl.server.stop import Stop, Wait
from groupnl.server.store import ServedModel, fill_store
from groupnl.server.torchserve.frontend import KEY_FILE, TorchServe, properties
from groupnl.server.torchserve.java import find_java
from groupnl.server.torchserve.workers import Workers
from groupnl.server.worker_environment import METRICS_FOLDER, worker_settings

STORE = "store"  # below the run's directory


class Run:
    """A TorchServe that was started, as `groupnl serve` sees it.

    Args:
        server: the processes.
        config: of this start.
        run_dir: where TorchServe writes its keys.
        say: prints a line for the operator.
    """

    def __init__(self, server: TorchServe, config: ServeConfig, run_dir: Path, say: Say) -> None:
        self._server = server
        self._config = config
        self._keys = run_dir / KEY_FILE
        self._say = say

    def check_alive(self) -> None:
        """Raise ServerError, with the end of the log, when it has ended by itself."""
        self._server.check_alive()

    def check_workers(self, wait: Wait) -> None:
        """Raise ServerError when a worker has ended before its model was loaded."""
        self._server.check_workers(wait)

    def is_loading(self, model: str) -> bool:
        """Nobody knows: TorchServe lets requests wait until a worker is ready."""
        return False

    def progress(self, model: str) -> str:
        """Nobody knows."""
        return ""

    def tail(self) -> str:
        """The last lines of its log."""
        return self._server.console.tail()

    def key(self, stop: Stop) -> str | None:
        """The key for predictions, once TorchServe has written it; None without keys, or when the operator stops."""
        while self._config.token_auth and not stop.wait(0.1):
            self.check_alive()
            try:
                key = str(json.loads(self._keys.read_text(encoding="utf-8"))["inference"]["key"])
            except (OSError, ValueError):
                continue  # not there yet, or half written
            return key
        return None

    def announce_keys(self) -> None:
        """Say where the keys are and how one is renewed; nothing without keys."""
        if not self._config.token_auth:
            return
        config = self._config
        url = f"http://{config.management_host}:{config.torchserve_management_port}/token?type=inference"
        self._say(f"keys: {self._keys}")
        minutes = f"{config.token_expiration_min:g} minutes"
        self._say(f"the inference key is valid for {minutes}; this writes a new one into the file:")
        self._say(f"  curl -H 'Authorization: Bearer API_KEY' '{url}'")

    def give_notice(self, stop: Stop) -> None:
        """Nothing: it cannot tell balancers that it ends."""


@contextmanager
def running(config: ServeConfig, models: list[ServedModel], say: Say, wait: Wait) -> Iterator[Run]:
    """Start TorchServe with the models; at the end of the block all its processes are gone.

    Raises:
        ConfigError, ArchiveError, ServerError: it cannot be started so.
    """
    java = find_java()
    with (
        run_directory() as run_dir,
        kept_counts(WorkerFiles(run_dir / METRICS_FOLDER), config.state_dir) as kept,
        kept_examples(config, say) as examples,
    ):
        _check_length(run_dir)
        server = _prepare(config, models, java, run_dir, examples, say, wait)
        folders = {model.name: run_dir / STORE / model.name for model in models}
        kept.begin({name: comparison_of(folder) for name, folder in folders.items()}, say)
        endpoint = MetricsEndpoint(kept, config.metrics_host, config.metrics_port, detail=config.metrics_detail)
        endpoint.registry.register(Workers(folders, kept.workers))
        endpoint.also |= labels_app(config, run_dir, functools.partial(_folder_of, folders), kept.workers)
        try:
            endpoint.start()
            server.start()
            yield Run(server, config, run_dir, say)
        finally:
            server.stop()
            endpoint.close()


def _folder_of(folders: Mapping[str, Path], model: str) -> Path:
    if model not in folders:
        raise NotFoundError(f"There is no model {model[:80]!r}; served here: {', '.join(sorted(folders))}.")
    return folders[model]


def _prepare(
    config: ServeConfig,
    models: list[ServedModel],
    java: Path,
    run_dir: Path,
    examples: dict[str, str],
    say: Say,
    wait: Wait,
) -> TorchServe:
    store = run_dir / STORE
    workers, max_image_bytes = fill_store(store, models, config)
    settle_engines(run_dir, say, wait)
    text = properties(config, models, store, max_image_bytes)
    (run_dir / "config.properties").write_text(text, encoding="utf-8")
    seats = plan_seats(usable_cores(), workers)
    say(f"starting {', '.join(model.name for model in models)}: {workers} workers; logs in {config.log_dir}")
    settings = worker_settings(run_dir, whole_cores(), make_seats(run_dir, seats), config.state_dir)
    return TorchServe(java, run_dir, config.log_dir, settings | examples, say)


def _check_length(run_dir: Path) -> None:
    if len(os.fsencode(run_dir)) > LONGEST_SOCKET_PATH - len("/.ts.sock.65535"):
        raise ConfigError(f"the temporary directory {run_dir} has too long a name for sockets; set TMPDIR")
