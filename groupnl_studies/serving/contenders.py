"""The services that `groupnl bench serve` asks, and how each is asked."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from groupnl.archive.model_config import read_setting
from groupnl.archive.read import CONFIG_FILE
from groupnl.base.cores import usable_cores
from groupnl.base.mapping import deep_merge
from groupnl.base.yaml_file import read_mapping
from groupnl_studies.harness.client import Request
from groupnl_studies.harness.ports import free_ports
from groupnl_studies.harness.service import QUIET, ChildProcess, RunningService
from groupnl_studies.serving.figures import OURS, STOCK, UNDER_TORCHSERVE
from groupnl_studies.serving.others.options import ProgramOptions
from groupnl_studies.serving.others.service import OTHERS, TEMPLATE, OtherService
from groupnl_studies.serving.plan import Plan
from groupnl_studies.serving.stock import MODEL as STOCK_MODEL
from groupnl_studies.serving.stock import StockService, pack_stock


class Batching(NamedTuple):
    """How our service gathers images.

    Attributes:
        size: most images in a batch.
        delay_ms: longest wait for others.
    """

    size: int
    delay_ms: int

    @classmethod
    def of(cls, unpacked: Path, settings: Mapping[str, Any]) -> "Batching":
        """As the service's settings say, or else its archive."""
        packed = read_mapping(unpacked / CONFIG_FILE)
        size = settings.get("batch_size") or read_setting(packed, "batch_size")
        return cls(int(size), int(settings.get("max_batch_delay_ms") or read_setting(packed, "max_batch_delay_ms")))


class Contender(NamedTuple):
    """One of the services.

    Attributes:
        name: in the figures.
        service: not started yet.
        template: a request to it, but for the file.
    """

    name: str
    service: ChildProcess
    template: Request


def contenders(plan: Plan, batching: Batching, folder: Path, unpacked: Path) -> Iterator[Contender]:
    """Each service of the plan, one after the other.

    Args:
        plan: what is measured.
        batching: of our service, and of the other servers.
        folder: for the services' files.
        unpacked: folder with the files of our archive.
    """
    archive, settings = plan.archive, deep_merge(dict(plan.settings), QUIET)
    for name, server in {OURS: "groupnl", UNDER_TORCHSERVE: "torchserve"}.items():
        models = [f"{archive.stem}={archive.resolve()}"]
        service = RunningService(folder / server, models, settings | {"server": server})
        yield Contender(name, service, _to_torchserve(archive.stem))
    if plan.stock is not None:
        stock = StockService(folder / "stock", pack_stock(unpacked, folder / "stock-store", plan.stock))
        yield Contender(STOCK, stock, _to_torchserve(STOCK_MODEL))
    for name in plan.others.names:
        options = _options(name, plan.others.workers, batching, unpacked)
        yield Contender(name, OtherService(name, folder / name, options), TEMPLATE)


def _to_torchserve(model: str) -> Request:
    return Request(f"/predictions/{model}", b"")


def _options(name: str, workers: int, batching: Batching, unpacked: Path) -> ProgramOptions:
    return ProgramOptions(
        unpacked=unpacked,
        our_engine=OTHERS[name].our_engine,
        port=free_ports(1)[0],
        workers=workers,
        threads=max(1, usable_cores() // workers),
        batch_size=batching.size,
        batch_delay_ms=batching.delay_ms,
    )
