"""An archive's `speeds.json`: how fast each of its engines was, on which machine, and which of them is the fastest."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, PositiveFloat, PositiveInt

from groupnl.archive.json_record import read_json_record
from groupnl.archive.speed.machine import Machine
from groupnl.inference.device_names import PrecisionName, ServedPrecision
from groupnl.inference.engine_names import EngineName

SPEEDS_FILE = "speeds.json"
# Engines whose images a second differ by less are as fast as each other: so much a machine wavers by itself.
AS_FAST = 0.95


class _Content(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Plan(_Content):
    """In which processes speeds were measured.

    Attributes:
        workers: worker processes of the model.
        batch_size: most images in a batch.
        threads: of a worker; None: as many as there are cores.
        precision: that was asked for.
    """

    workers: PositiveInt
    batch_size: PositiveInt
    threads: PositiveInt | None
    precision: ServedPrecision = "auto"

    def difference(self, wanted: "Plan", *names: str) -> str | None:
        """Which of these settings is another one there, in a few words; None: none of them."""
        for name in names:
            before, now = getattr(self, name), getattr(wanted, name)
            if before != now:
                return f"{name.replace('_', ' ')} {_shown(before)}, now {_shown(now)}"
        return None


class Speed(_Content):
    """What an engine did.

    Attributes:
        engine: its name.
        precision: of its products.
        full: images a second of all workers together, in full batches.
        beside: the same beside another program that keeps one core busy.
        alone: images a second of one worker, an image at a time, while the others have nothing to do.
    """

    engine: EngineName
    precision: PrecisionName
    full: PositiveFloat
    beside: PositiveFloat
    alone: PositiveFloat


class Speeds(_Content):
    """What the engines of an archive did on one machine.

    Attributes:
        machine: that they were measured on.
        plan: how it was used.
        speeds: of each engine that can run there.
        left_out: engine -> why it cannot.
        others: cores that other programs used meanwhile, on average.
    """

    machine: Machine
    plan: Plan
    speeds: tuple[Speed, ...]
    left_out: dict[EngineName, str] = {}
    others: NonNegativeFloat = 0.0

    def to_json(self) -> str:
        """The text of the file."""
        return self.model_dump_json(indent=2) + "\n"

    def ranking(self) -> list[EngineName]:
        """The engines, the one to take first: of those that are `AS_FAST` the one that is fastest in all three."""
        ordered = sorted(self.speeds, key=lambda speed: -speed.full)
        if not ordered:
            return []
        likes = [speed for speed in ordered if speed.full >= AS_FAST * ordered[0].full]
        first = max(likes, key=lambda speed: speed.full * speed.beside * speed.alone)
        return [first.engine, *(speed.engine for speed in ordered if speed is not first)]

    def ordered(self) -> dict[EngineName, Speed]:
        """In that order, by name."""
        by_name = {speed.engine: speed for speed in self.speeds}
        return {name: by_name[name] for name in self.ranking()}

    def holds_in(self, precision: ServedPrecision) -> bool:
        """Whether the engines compute no other way where this precision is asked for: it may be what "auto" took."""
        taken = {speed.precision for speed in self.speeds}
        return precision == self.plan.precision or (self.plan.precision == "auto" and taken == {precision})

    def in_a_line(self) -> str:
        """The engines in that order with images a second, for a log."""
        return ", ".join(f"{name} {speed.full:.0f} images/s" for name, speed in self.ordered().items())


def _shown(value: object) -> str:
    return "not given" if value is None else str(value)


def write_speeds(speeds: Speeds, folder: Path) -> Path:
    """Write `speeds.json`; returns its path."""
    file = folder / SPEEDS_FILE
    file.write_text(speeds.to_json(), encoding="utf-8")
    return file


def read_speeds(folder: Path) -> Speeds | None:
    """What was measured of an unpacked archive; None: nothing.

    Raises:
        ArchiveError: the file cannot be read.
    """
    file = folder / SPEEDS_FILE
    return read_json_record(file, Speeds) if file.exists() else None
