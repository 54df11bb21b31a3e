"""When TorchServe was started, how many workers its models should have, and how many are ready; as our own server."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from prometheus_client.metrics_core import GaugeMetricFamily

from groupnl.archive.manifest import unpacked_manifest
from groupnl.archive.model_config import worker_count
from groupnl.archive.read import CONFIG_FILE
from groupnl.base.yaml_file import read_mapping
from groupnl.metrics import START_TIME, WORKERS_READY, WORKERS_WANTED
from groupnl.server.observed.worker_files import WorkerFiles


class Workers:
    """A collector of prometheus_client. What TorchServe's management scales meanwhile it does not know.

    Args:
        folders: model -> where it is unpacked.
        files: what the workers wrote.
    """

    def __init__(self, folders: Mapping[str, Path], files: WorkerFiles) -> None:
        self._files = files
        self._started = time.time()
        self._wanted = {
            (name, unpacked_manifest(folder).version): worker_count(read_mapping(folder / CONFIG_FILE))
            for name, folder in folders.items()
        }

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing: nobody else has these names."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The figures."""
        ready = self._files.ready()
        for family, values in (
            (START_TIME, {(): self._started}),
            (WORKERS_WANTED, self._wanted),
            (WORKERS_READY, {version: ready[version] for version in self._wanted}),
        ):
            gauge = GaugeMetricFamily(family.name, family.help, labels=family.all_labels)
            for labels, value in values.items():
                gauge.add_metric(labels, value)
            yield gauge
