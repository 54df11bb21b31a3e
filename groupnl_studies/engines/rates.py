"""What was measured of a pair of networks: images a second of every way, under every load, in every round."""

from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from groupnl.archive.speed.machine import Machine
from groupnl.inference.engine_names import EngineName

Load = Literal["alone", "beside", "lowest", "quota"]
"""Nothing else; a program of somebody else's keeps a core busy; one of ours of the lowest priority does; the processes
get half a core less than there are."""
AS_SERVED = "as served"
Rates = dict[Load, dict[str, list[float]]]
"""Load -> name of the way -> images a second in each round."""


class Way(NamedTuple):
    """How an engine is used.

    Attributes:
        engine: its name.
        processes: that compute at the same time.
        threads: of each; None: they take turns at the cores, as the service's workers do.
    """

    engine: EngineName
    processes: int
    threads: int | None

    @property
    def name(self) -> str:
        """As tables have it: `aot as served`, `onnx 2 x 1` (processes x threads)."""
        shape = AS_SERVED if self.threads is None else f"{self.processes} x {self.threads}"
        return f"{self.engine} {shape}"


class _Content(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Settings(_Content):
    """How pairs are measured.

    Attributes:
        size: side of the input, pixels.
        batch: images in a full batch.
        workers: processes.
        rounds: how often everything is measured.
        seconds: of each measurement with full batches; half of it with single images.
        loads: under which it is measured.
        quota: cores that the processes get under the load `quota`.
    """

    size: int
    batch: int
    workers: int
    rounds: int
    seconds: float
    loads: tuple[Load, ...]
    quota: float


class NetworkRates(_Content):
    """What was measured of a network.

    Attributes:
        network: timm name.
        ranking: engines as packing has ranked them: what `--engine auto` takes first.
        left_out: engine -> why it cannot run.
        full: with full batches, all processes together.
        lone: of one process, an image at a time.
    """

    network: str
    ranking: tuple[EngineName, ...]
    left_out: dict[EngineName, str]
    full: Rates
    lone: Rates


class PairRates(_Content):
    """What was measured of a network and its twin, in the same rounds.

    Attributes:
        machine: that they were measured on.
        settings: how.
        model: the GroupNL network.
        twin: the standard one.
        others: cores that other programs used meanwhile, on average.
    """

    machine: Machine
    settings: Settings
    model: NetworkRates
    twin: NetworkRates
    others: float
