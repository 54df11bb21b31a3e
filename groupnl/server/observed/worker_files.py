"""What worker processes have counted: prometheus_client's files, some for each process, added up.

A worker that has ended leaves its counts behind, so that totals never fall: they are added to one file of all that are
gone, so that a sum costs the same after a hundred restarts. Its gauges are taken out.
"""

import functools
import json
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from prometheus_client import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

from groupnl.metrics import BUILD_INFO
from groupnl.server.observed.pairs import has_pairs, with_frequent_pairs

# prometheus_client's names: counter_PID.db, histogram_PID.db, gauge_livesum_PID.db, ...
_OF_PROCESS = re.compile(r"(?P<kind>counter|histogram|gauge_[a-z]+)_(?P<pid>\d+)\.db")
_GONE = "gone"  # in the place of a process's number
_COUNTS = ("counter", "histogram")
Sums = dict[str, dict[str, float]]  # counter or histogram -> the library's key of a series -> what was counted


class Series(NamedTuple):
    """What the library's key of a series says.

    Attributes:
        metric: its name; a counter's without the ending.
        name: of the series, as it is scraped.
        labels: of the series.
        help: what is counted.
    """

    metric: str
    name: str
    labels: Mapping[str, str]
    help: str


@functools.cache  # a service has some thousand keys, and they are read again and again
def series_of(key: str) -> Series:
    """The series of a key."""
    return Series(*json.loads(key))


class WorkerFiles:
    """Adds up what the workers wrote; a collector of prometheus_client.

    Args:
        folder: the workers' `PROMETHEUS_MULTIPROC_DIR`; made if missing.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder.resolve()
        self._changing = threading.Lock()  # whoever reads, or moves counts from one file to another
        self._writers: dict[int, psutil.Process] = {}

    def collect(self) -> Iterator[Metric]:
        """The metrics at this moment."""
        self.sweep()
        with self._changing:
            # A worker that begins has made its file before it gives it a size.
            files = [str(file) for file in self._folder.glob("*.db") if file.stat().st_size]
            metrics = list(MultiProcessCollector.merge(files))  # type: ignore[no-untyped-call]
        yield from metrics

    def retire(self, *pids: int) -> None:
        """Keep the counts of processes that have ended, and forget their gauges; takes some milliseconds for each."""
        with self._changing:
            ended: defaultdict[str, list[Path]] = defaultdict(list)
            for pid, files in self._files().items():
                if pid in pids:
                    self._writers.pop(pid, None)
                    for kind, file in files.items():
                        ended[kind].append(file)
            for kind, sources in ended.items():
                if not kind.startswith("gauge"):
                    self._add_to_gone(kind, _sums(sources))
                for source in sources:
                    source.unlink()

    def sweep(self) -> None:
        """Look for processes that have ended though nobody told, and retire them."""
        if gone := [pid for pid, files in self._files().items() if not self._is_alive(pid, files.values())]:
            self.retire(*gone)

    def sums(self) -> Sums:
        """What has been counted until now, by living workers and by those that are gone; a bucket's own, each."""
        with self._changing:
            return {kind: _sums(self._folder.glob(f"{kind}_*.db")) for kind in _COUNTS}

    def add(self, sums: Sums) -> None:
        """Go on from these counts."""
        with self._changing:
            for kind, counts in sums.items():
                self._add_to_gone(kind, counts)

    def forget(self, what: Callable[[Series], bool]) -> None:
        """Leave such series of the workers out that are gone."""
        self.sweep()
        with self._changing:
            for kind in _COUNTS:
                file = self._folder / f"{kind}_{_GONE}.db"
                if file.exists():
                    kept = {key: value for key, value in _sums([file]).items() if not what(series_of(key))}
                    file.unlink()
                    _write(kept, file)

    def ready(self) -> Counter[tuple[str, str]]:
        """How many living workers have loaded a version, by model and version: they tell what they serve."""
        self.sweep()
        with self._changing:
            told = [series_of(key) for file in self._folder.glob("gauge_livemax_*.db") for key in _sums([file])]
        served = [series.labels for series in told if series.name == BUILD_INFO.name]
        return Counter((labels["model"], labels["version"]) for labels in served)

    def _add_to_gone(self, kind: str, counts: Mapping[str, float]) -> None:
        file = self._folder / f"{kind}_{_GONE}.db"
        _write(counts, file)
        if has_pairs(counts) and (kept := with_frequent_pairs(before := _sums([file]))) != before:
            file.unlink()
            _write(kept, file)

    def _files(self) -> dict[int, dict[str, Path]]:
        """The files of each process, by what is in them."""
        found: defaultdict[int, dict[str, Path]] = defaultdict(dict)
        for file in self._folder.iterdir():
            if match := _OF_PROCESS.fullmatch(file.name):
                found[int(match["pid"])][match["kind"]] = file
        return found

    def _is_alive(self, pid: int, files: Collection[Path]) -> bool:
        """Whether the process that writes the files lives; another one that got its number has not opened them."""
        with suppress(psutil.Error):
            writer = self._writers.get(pid) or psutil.Process(pid)
            if pid not in self._writers and not any(Path(each.path) in files for each in writer.open_files()):
                return False
            self._writers[pid] = writer
            return writer.is_running() and writer.status() != psutil.STATUS_ZOMBIE
        return False


def _sums(sources: Iterable[Path]) -> dict[str, float]:
    sums: defaultdict[str, float] = defaultdict(float)
    for source in sources:
        if source.stat().st_size:  # a worker that begins has made its file before it gives it a size
            values: Any = MmapedDict.read_all_values_from_file(str(source))  # type: ignore[no-untyped-call]
            for key, value, _, _ in values:
                sums[key] += value
    return sums


def _write(counts: Mapping[str, float], target: Path) -> None:
    """Add counts to those in a file, which is made if missing."""
    if not counts:
        return
    file: Any = MmapedDict(str(target))  # type: ignore[no-untyped-call]
    try:
        for key, value in counts.items():
            before, _ = file.read_value(key)
            file.write_value(key, before + value, 0.0)
    finally:
        file.close()
