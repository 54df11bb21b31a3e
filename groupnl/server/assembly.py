"""A run of our own server put together, but for its clients' sockets: store, workers' settings, counts, logs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from groupnl.base import environment
from groupnl.base.cores import usable_cores, whole_cores
from groupnl.base.open_files import raise_limit
from groupnl.base.say import Say
from groupnl.base.seats import make_seats, plan_seats
from groupnl.server.access import read_access
from groupnl.server.backend import Backend
from groupnl.server.comparison import comparison_of
from groupnl.server.config import ServeConfig
from groupnl.server.engines import settle_engines
from groupnl.server.examples import kept_examples
from groupnl.server.labels.labels import Labels
from groupnl.server.labels.serving import labels_at, labels_of
from groupnl.server.logs import logging_to
from groupnl.server.metrics_endpoint import MetricsEndpoint
from groupnl.server.observed.access_log import access_log
from groupnl.server.observed.counts import Counts
from groupnl.server.observed.kept_counts import KeptCounts, kept_counts
from groupnl.server.observed.tracing import tracing
from groupnl.server.observed.watch import Watch
from groupnl.server.observed.worker_files import WorkerFiles
from groupnl.server.pool.loading import Loader
from groupnl.server.run_directory import run_directory
from groupnl.server.stop import Wait
from groupnl.server.store import ServedModel, fill_store
from groupnl.server.worker_environment import METRICS_FOLDER, worker_settings


class Place(NamedTuple):
    """Where a run is, as far as its settings do not say.

    Attributes:
        cores: that are its own; None: all that this process may use.
        memories: folder in which runs of one machine share what they remember; None: the state folder, or none.
        metrics_port: 0: any that is free; None: as the settings say.
    """

    cores: int | None = None
    memories: Path | None = None
    metrics_port: int | None = None


class Assembly(NamedTuple):
    """The parts of a run.

    Attributes:
        backend: answers; its models are not loaded yet.
        kept: what is counted.
        endpoint: of the metrics, which listens.
        labels: joins those that come later.
        log: file of the server's log.
    """

    backend: Backend
    kept: KeptCounts
    endpoint: MetricsEndpoint
    labels: Labels
    log: Path


@contextmanager
def assembled(
    config: ServeConfig,
    models: Sequence[ServedModel],
    say: Say,
    wait: Wait,
    place: Place = Place(),  # noqa: B008 (immutable)
) -> Iterator[Assembly]:
    """The parts of a run that serves the models; at the end of the block metrics and directory are gone.

    Args:
        config: of this start.
        models: to be served.
        say: prints a line for the operator.
        wait: tells when the operator wants to stop.
        place: where it is.

    Raises:
        ConfigError, ArchiveError: it cannot be started so.
        OSError: the port of the metrics is taken.
    """
    logs = config.log_dir
    raise_limit()  # each connection is an open file, and systems begin with 1024
    with (
        run_directory() as run_dir,
        logging_to(logs, say) as log,
        access_log(logs) as answers,
        tracing() as tracer,
        kept_counts(WorkerFiles(run_dir / METRICS_FOLDER), config.state_dir) as kept,
        kept_examples(config, say) as examples,
    ):
        access = read_access(config)
        store = run_dir / "store"
        workers = fill_store(store, models, config).workers
        settle_engines(run_dir, say, wait)
        cores = min(usable_cores(), place.cores or usable_cores())
        seats = make_seats(run_dir, plan_seats(cores, workers))
        memories = place.memories or config.state_dir
        settings = worker_settings(run_dir, min(cores, whole_cores()), seats, memories) | examples
        say(f"starting {', '.join(model.name for model in models)}: {workers} workers; logs in {config.log_dir}")
        kept.begin({model.name: comparison_of(store / model.name) for model in models}, say)
        port = config.metrics_port if place.metrics_port is None else place.metrics_port
        endpoint = MetricsEndpoint(kept, config.metrics_host, port, access.metrics_keys, config.metrics_detail)
        counts = Counts([model.name for model in models], endpoint.registry, kept)
        watch = Watch(endpoint.registry, counts, answers, tracer)
        loader = Loader(config, run_dir / "reloads", environment.child_environment(settings), counts, wait)
        backend = Backend(config, access, loader.versions(models, store), loader, watch)
        remembering = config.model_copy(update={"state_dir": memories})
        labels = labels_of(remembering, run_dir, backend.folder_of, kept.workers)
        endpoint.also |= labels_at(config.metrics_host, labels, access.metrics_keys)
        try:
            endpoint.start()
            yield Assembly(backend, kept, endpoint, labels, log)
        finally:
            endpoint.close()
