"""The run of `groupnl bench serve`: processes up, warm, then rounds in which each is asked in turn."""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import yaml

from groupnl.archive.read import CONFIG_FILE, unpack
from groupnl.archive.speed.measure import measure as engine_speeds
from groupnl.archive.speed.settle import settle
from groupnl.archive.speed.speeds import Speeds
from groupnl.base.mapping import deep_merge
from groupnl.base.others import Others
from groupnl.base.say import Say
from groupnl.base.yaml_file import read_mapping
from groupnl.metrics import BUILD_INFO
from groupnl_studies.harness.client import first_classes
from groupnl_studies.harness.load import LoadProcess
from groupnl_studies.harness.rounds import in_turns
from groupnl_studies.harness.scrape import Scrape
from groupnl_studies.harness.service import RunningService
from groupnl_studies.harness.slot import Slot, slot
from groupnl_studies.serving.contenders import Batching, Contender, contenders
from groupnl_studies.serving.figures import OURS, Limit, Round, limit
from groupnl_studies.serving.offline import Offline
from groupnl_studies.serving.plan import Plan

IDLE_S = 3.0
WARM_CLIENTS = 8


class Measured(NamedTuple):
    """What a run found.

    Attributes:
        rounds: one or more.
        idle: cores that each service kept busy while nobody asked it.
        same_answers: files for which all services named the same class first.
        engine: that ran the network without a server, the fastest of the archive's.
        served_engine: that ran it in our service.
        speeds: of all the archive's engines, by which the fastest was found.
        others: cores that other programs used in all rounds, on average.
    """

    rounds: list[Round]
    idle: dict[str, float]
    same_answers: int
    engine: str
    served_engine: str
    speeds: Speeds
    others: float


def measure(plan: Plan, say: Say) -> Measured:
    """Start everything, warm it, and measure round by round.

    Args:
        plan: what is measured.
        say: prints a line of progress.

    Raises:
        ArchiveError: the archive is missing or damaged.
        ConfigError: the stock classifier cannot do the same work.
        ServerError: a service or an offline process cannot be started, ended, or gave no answer.
    """
    with _Bench.up(plan, say) as bench:
        bench.warm()
        same, idle = bench.same_answers(), bench.idle()
        others = Others()
        rounds = [bench.round(number) for number in range(plan.rounds)]
        return Measured(rounds, idle, same, bench.engine, bench.served_engine(), bench.speeds, others.cores())


class _Bench:
    """Everything that is measured, running.

    Args:
        plan: what is measured.
        batch: images in a batch of our service at most.
        services: what is asked, by name.
        offline: by name.
        load: asks the services.
        say: prints a line of progress.
        speeds: of the archive's engines.
    """

    def __init__(
        self,
        plan: Plan,
        batch: int,
        services: Mapping[str, Contender],
        offline: Mapping[str, Offline],
        load: LoadProcess,
        say: Say,
        speeds: Speeds,
    ) -> None:
        self.speeds = speeds
        self._say = say
        self._plan = plan
        self._batch = batch
        self._services = services
        self._offline = offline
        self._load = load
        self._requests = {
            name: [each.template._replace(body=file) for file in plan.files] for name, each in services.items()
        }

    @classmethod
    @contextmanager
    def up(cls, plan: Plan, say: Say) -> Iterator["_Bench"]:
        """All of it started, and ended at the end."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="groupnl-bench-")))
            unpacked = folder / "archive"
            _unpack(plan, unpacked)
            images = _written(plan.files, folder / "images")
            batching = Batching.of(unpacked, plan.settings)
            settle([unpacked], say, lambda: False)  # as our service does: other servers around our engine run the same
            say("timing the archive's engines, of which the fastest is the limit's")
            speeds = engine_speeds(unpacked)
            fastest = speeds.ranking()[0]
            services: dict[str, Contender] = {}
            for each in contenders(plan, batching, folder, unpacked):
                services[each.name] = each
                stack.enter_context(each.service)
            for each in services.values():
                each.service.wait_until_ready()
            offline = {
                name: stack.enter_context(Offline(mode, unpacked, images, batching.size, fastest))
                for name, mode in plan.modes.items()
            }
            yield cls(plan, batching.size, services, offline, stack.enter_context(LoadProcess()), say, speeds)

    @property
    def engine(self) -> str:
        """That the offline processes use."""
        return ", ".join(sorted({processes.engine for processes in self._offline.values()}))

    def served_engine(self) -> str:
        """That our service uses."""
        service = self._services[OURS].service
        assert isinstance(service, RunningService)  # noqa: S101 (for mypy)
        return ", ".join(Scrape.of(service).by("engine", BUILD_INFO))

    def warm(self) -> None:
        """Load each with one client and with some, which is not counted."""
        for name in self._offline:
            self._limit(name)
        for name in self._services:
            for clients in (1, WARM_CLIENTS):
                self._slot(name, clients)

    def idle(self) -> dict[str, float]:
        """Cores that each service keeps busy while nobody asks it."""
        services = {name: each.service for name, each in self._services.items()}
        with ExitStack() as stack:
            for service in services.values():
                stack.enter_context(service.awake())
            before = {name: service.cpu_seconds() for name, service in services.items()}
            time.sleep(IDLE_S)
            return {
                name: service.cpu_seconds().since(before[name]).total / IDLE_S for name, service in services.items()
            }

    def same_answers(self) -> int:
        """Files for which all services name the same class first."""
        answers = []
        for name, each in self._services.items():
            with each.service.awake():
                answers.append(first_classes(each.service.inference_port, self._requests[name]))
        return sum(len(set(names)) == 1 for names in zip(*answers, strict=True))

    def round(self, number: int) -> Round:
        """Measure each of them once; every other round goes the other way, so that none is always first."""
        steps: list[tuple[str, int]] = [(mode, 0) for mode in self._offline]
        steps += [(service, clients) for clients in self._plan.clients for service in self._services]
        offline: dict[str, Limit] = {}
        served: dict[str, dict[int, Slot]] = {name: {} for name in self._services}
        for name, clients in in_turns(steps, number):
            if name in self._offline:
                offline[name] = self._limit(name)
                self._say(f"round {number + 1}, {name}: {offline[name].throughput:.1f}/s")
            else:
                found = served[name][clients] = self._slot(name, clients)
                times = f"p50 {found.p50_ms:.1f} ms, p99 {found.p99_ms:.1f} ms"
                self._say(f"round {number + 1}, {name}, {clients} clients: {found.throughput:.1f}/s, {times}")
        in_order = {name: dict(sorted(slots.items())) for name, slots in served.items()}
        return Round({mode: offline[mode] for mode in self._offline}, in_order)

    def _limit(self, name: str) -> Limit:
        processes, seconds = self._offline[name], self._plan.seconds
        alone = self._plan.modes[name].processes == 1
        return limit(processes.run(self._batch, seconds), processes.run(1, seconds / 2) if alone else None)

    def _slot(self, name: str, clients: int) -> Slot:
        service = self._services[name].service
        with service.awake():
            before, client_before = service.cpu_seconds(), self._load.cpu_s()
            port, requests = service.inference_port, self._requests[name]
            outcome = self._load.steady_loop(port, requests, clients, self._plan.seconds)
            service.check_alive()
            used, client = service.cpu_seconds().since(before), self._load.cpu_s() - client_before
        return slot(outcome, used, client)


def _unpack(plan: Plan, folder: Path) -> None:
    """Unpack our archive, with the changes that our service makes to its `handler` section."""
    unpack(plan.archive, folder)
    config = folder / CONFIG_FILE
    changed = deep_merge(read_mapping(config), {"handler": plan.settings.get("handler", {})})
    config.write_text(yaml.safe_dump(changed), encoding="utf-8")


def _written(files: Sequence[bytes], folder: Path) -> Path:
    folder.mkdir()
    for number, content in enumerate(files):
        (folder / f"{number:06d}.jpg").write_bytes(content)
    return folder
