"""What workers have counted, kept in a folder from one start of the service to the next.

A counter that begins below what a scrape has shown is taken for one that began at 0, and all of it for counted at
once. So what a scrape shows is on the disk before it is sent, and a service that was killed goes on from there.
"""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.mmap_dict import mmap_key
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from groupnl.base.atomic_file import write_whole
from groupnl.base.folder_lock import locked
from groupnl.base.problems import phrase
from groupnl.base.say import Say
from groupnl.errors import ConfigError, GroupNLError
from groupnl.metrics import COUNTS_SAVED, FAMILIES, OF_THE_CANDIDATE, OF_THE_SERVICE, Family
from groupnl.server.comparison import Comparison
from groupnl.server.observed.worker_files import Sums, WorkerFiles, series_of
from groupnl.server.worker_environment import SEEN_FOLDER

logger = logging.getLogger(__name__)
FILE = "counts.json"
SAVE_S = 30.0  # at least so often, also where nobody asks for the metrics
_MODEL = "model"
_CHANGED = "archive, twin or corruptions have"
_BOUND = "le"  # the label of a bucket
_Row = tuple[str, dict[str, str], Annotated[float, Field(ge=0, allow_inf_nan=False)]]


class _Kept(BaseModel):
    """The counts of one model.

    Attributes:
        archive: see `Comparison`.
        twin: see `Comparison`.
        cells: see `Comparison`.
        candidate: see `Comparison`.
        counts: a series' name, its labels beside the model, what was counted; of a histogram's buckets each one's own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    archive: str
    twin: str | None
    cells: str
    candidate: str | None = None
    counts: tuple[_Row, ...]

    @property
    def comparison(self) -> Comparison:
        return Comparison(self.archive, self.twin, self.cells, self.candidate)


class _File(BaseModel):
    """What is written.

    Attributes:
        content: tells the file from others.
        form: of the file.
        saved: when, UTC.
        models: by name; those among them that are not served now are for a later start.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    content: Literal["counts of groupnl serve"]
    form: Literal[1]
    saved: datetime
    models: dict[str, _Kept]


class KeptCounts:
    """The counts of one start, and those that it found; a collector of prometheus_client.

    Args:
        workers: what those of this start write.
        file: where the counts are kept; None: nowhere.
        found: those of earlier starts.

    Attributes:
        workers: the same.
    """

    def __init__(
        self, workers: WorkerFiles, file: Path | None = None, found: Mapping[str, _Kept] = MappingProxyType({})
    ) -> None:
        self.workers = workers
        self._file = file
        self._models = dict(found)
        self._comparisons: dict[str, Comparison] = {}
        self._saving = threading.Lock()
        self._saved = 0.0
        self._tried = time.monotonic()
        self._is_failing = False

    def begin(self, comparisons: Mapping[str, Comparison], say: Say) -> None:
        """Let the workers' counts go on from those that were found; before the first of them counts.

        Args:
            comparisons: of each served model.
            say: prints a line for the operator.
        """
        self._comparisons = dict(comparisons)
        for model in self._models.keys() & comparisons.keys():
            if (found := self._models[model].comparison) != comparisons[model]:
                what = "candidate has" if found.differs_by_candidate(comparisons[model]) else _CHANGED
                say(f"{model}: its {what} changed; what is known of it begins anew")
            self.workers.add(_sums(model, self._models[model], comparisons[model]))

    def comparisons(self) -> dict[str, Comparison]:
        """What the verdicts of each served model are about that are counted now: after an exchange, the new ones."""
        with self._saving:
            return dict(self._comparisons)

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing: nobody else has this name."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """When they were last written, which is now: after the workers' own collector, and so what that has shown."""
        self.save()
        if self._saved:
            gauge = GaugeMetricFamily(COUNTS_SAVED.name, COUNTS_SAVED.help)
            gauge.add_metric([], self._saved)
            yield gauge

    def save_at_times(self) -> None:
        """Write them where that was not done lately."""
        if time.monotonic() - self._tried > SAVE_S:
            self.save()

    def save(self) -> None:
        """Write them. A disk that takes no more is told once, and harms nobody."""
        if self._file is None:
            return
        with self._saving:
            self._save(self._file)

    def exchange(self, model: str, comparison: Comparison) -> None:
        """A model's verdicts are about something else, and no worker of before is left: what those counted goes."""
        with self._saving:
            stays = _staying(self._comparisons.get(model), comparison)
            self.workers.forget(lambda series: series.labels[_MODEL] == model and not stays(series.name))
            self._models.pop(model, None)
            self._comparisons[model] = comparison
            if self._file is not None:
                self._save(self._file)

    def _save(self, file: Path) -> None:
        self._tried = time.monotonic()
        self._models |= self._counted()
        content = _File(content="counts of groupnl serve", form=1, saved=datetime.now(UTC), models=self._models)
        try:
            write_whole(file, content.model_dump_json() + "\n")
        except (OSError, GroupNLError) as error:
            if not self._is_failing:
                logger.warning("what is counted cannot be kept, and is lost if the service ends now: %s", error)
            self._is_failing = True
            return
        if self._is_failing:
            logger.warning("what is counted is kept again in %s", file)
        self._is_failing = False
        self._saved = time.time()

    def _counted(self) -> dict[str, _Kept]:
        """The served models' counts."""
        rows: defaultdict[str, list[_Row]] = defaultdict(list)
        news: set[str] = set()  # models of whose comparison something is known
        for counts in self.workers.sums().values():
            for key, value in counts.items():
                series = series_of(key)
                labels = dict(series.labels)
                model = labels.pop(_MODEL)
                rows[model].append((series.name, labels, value))
                if value and series.name not in _OF_THE_SERVICE:
                    news.add(model)
        kept = {}
        for model, comparison in self._comparisons.items():
            old = self._models.get(model)
            if old is not None and old.comparison != comparison and model not in news:
                # The archive was changed while the service was down. It may not load, and the old one come back.
                ours = [row for row in rows[model] if row[0] in _OF_THE_SERVICE]
                theirs = [row for row in old.counts if row[0] not in _OF_THE_SERVICE]
                kept[model] = old.model_copy(update={"counts": (*ours, *theirs)})
            else:
                kept[model] = _Kept(**comparison._asdict(), counts=tuple(rows[model]))
        return kept


@contextmanager
def kept_counts(workers: WorkerFiles, folder: Path | None) -> Iterator[KeptCounts]:
    """What earlier starts have counted, and a place for what this one counts.

    Args:
        workers: of this start.
        folder: nobody else works there meanwhile; None: nothing is kept.

    Raises:
        ConfigError: the folder is another service's or cannot be used, or what it holds is damaged.
    """
    if folder is None:
        yield KeptCounts(workers)
        return
    with ExitStack() as held:
        try:
            held.enter_context(locked(folder, "choose another --state-dir"))
            found = _read(folder / FILE)
            _forget_uncounted(folder / SEEN_FOLDER, found)
            kept = KeptCounts(workers, folder / FILE, found)
        except OSError as error:
            raise ConfigError(
                f"cannot keep counts in {folder} ({error.strerror}); choose another --state-dir"
            ) from None
        yield kept


def _read(file: Path) -> Mapping[str, _Kept]:
    if not file.exists():
        return {}
    try:
        return _File.model_validate_json(file.read_bytes(), strict=True).models
    except ValidationError as error:
        first = error.errors()[0]
        what = ": ".join(filter(None, [".".join(map(str, first["loc"])), phrase(first)]))
        raise ConfigError(
            f"{file} is damaged, or not what groupnl serve keeps ({what}): move it away, and the counts begin anew, or "
            "choose another --state-dir"
        ) from None


def _forget_uncounted(memories: Path, found: Mapping[str, _Kept]) -> None:
    """Remove what models have seen of whom no counts are left: else such images were in no count, and never chosen."""
    for file in memories.glob("*"):
        if file.name.rpartition("-")[0] not in found:
            file.unlink()


def _sums(model: str, kept: _Kept, comparison: Comparison) -> Sums:
    """What is gone on from: without series that this version does not have, or that are of another comparison."""
    sums: Sums = {"counter": {}, "histogram": {}}
    stays = _staying(kept.comparison, comparison)
    for name, labels, value in kept.counts:
        family = _FAMILIES.get(name)
        if family is None or {*family.labels} != {*labels} - {_BOUND}:
            continue
        if stays(name):
            metric = family.name.removesuffix("_total")
            names, values = zip(*{_MODEL: model, **labels}.items(), strict=True)
            sums[family.kind][mmap_key(metric, name, [*names], [*values], family.help)] = value
    return sums


def _staying(old: Comparison | None, new: Comparison) -> Callable[[str], bool]:
    """Which series are of a comparison as they were of the one before it."""
    if old == new:
        return lambda _: True
    if old is not None and old.differs_by_candidate(new):
        return lambda name: name not in _OF_THE_CANDIDATE
    return lambda name: name in _OF_THE_SERVICE


def _names(family: Family) -> tuple[str, ...]:
    return (family.name,) if family.kind == "counter" else (f"{family.name}_bucket", f"{family.name}_sum")


_FAMILIES = {name: family for family in FAMILIES if family.kind in ("counter", "histogram") for name in _names(family)}
_OF_THE_SERVICE = {name for family in OF_THE_SERVICE for name in _names(family)}
_OF_THE_CANDIDATE = {name for family in OF_THE_CANDIDATE for name in _names(family)}
