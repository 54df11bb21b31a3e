"""What `groupnl bench serve` measures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from groupnl_studies.serving.offline import Mode
from groupnl_studies.serving.stock import StockSettings


class OtherSettings(NamedTuple):
    """Which of the other servers are measured, and how they are served.

    Attributes:
        names: some of `groupnl_studies.serving.others.service.OTHERS`.
        workers: processes of each that run the network; the cores are shared among them.
    """

    names: Sequence[str]
    workers: int


@dataclass(frozen=True)
class Plan:
    """What is measured.

    Attributes:
        archive: our archive.
        files: encoded images, sent in turn.
        clients: numbers of connections.
        rounds: how many.
        seconds: of each load, and of each offline run.
        modes: ways to use the machine without a server, by name.
        stock: how the stock classifier is served; None leaves it out.
        settings: fields of `groupnl.server.config.ServeConfig` for our service.
        others: other servers with the same network.
    """

    archive: Path
    files: Sequence[bytes]
    clients: Sequence[int]
    rounds: int
    seconds: float
    modes: Mapping[str, Mode]
    stock: StockSettings | None
    settings: Mapping[str, Any]
    others: OtherSettings
