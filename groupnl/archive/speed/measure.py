"""Times the engines of an unpacked archive in processes like those that will serve, alone and beside a busy program."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from groupnl.archive.model_config import read_setting
from groupnl.archive.read import CONFIG_FILE
from groupnl.archive.speed.contest import Contest, IsStopped, busy_program, contest, never
from groupnl.archive.speed.machine import Machine
from groupnl.archive.speed.speeds import Plan, Speed, Speeds
from groupnl.base.cores import paid_cores, whole_cores
from groupnl.base.others import BUSY_CORES, Others
from groupnl.base.problems import problems
from groupnl.base.yaml_file import read_mapping
from groupnl.errors import ConfigError
from groupnl.inference.engine_names import EngineName

_ROUNDS = 4  # the best counts, since other programs only slow; engines take turns, so that these meet all of them
_SECONDS = 0.3  # of an engine's turn with full batches
_ALONE_SECONDS = 0.15
_ENOUGH_S = 60.0  # after so long no other round begins: one full batch may take seconds


def measure(folder: Path, is_stopped: IsStopped = never) -> Speeds:
    """Time every engine of an archive that can run here; takes some seconds for each.

    Where other programs use the machine meanwhile, the cores that the workers can use are multiplied by the images for
    each second of processor time, which hardly depends on them: what was seen changed by half from one time to the
    next.

    Args:
        folder: the unpacked archive, with the settings that it is to be served with.
        is_stopped: whether the operator does not want it any more.

    Raises:
        ConfigError: the settings cannot be used.
        ServerError: a process that measures ended (its words are on the standard error) or does not answer; or the
            operator has stopped it.
    """
    plan = plan_of(folder)
    with contest(folder, plan.workers, plan.batch_size, is_stopped) as here:
        precisions, left_out = here.open_all()
        turns: dict[EngineName, list[_Turn]] = {name: [] for name in precisions}
        others, began = Others(), time.monotonic()
        for _ in range(_ROUNDS):
            for name, so_far in turns.items():
                so_far.append(_turn(here, name, plan.batch_size))
            if time.monotonic() - began > _ENOUGH_S:
                break
        used_meanwhile = others.cores()
    machine = Machine.here()
    is_disturbed = used_meanwhile > BUSY_CORES and not machine.gpus  # what a GPU does is no processor time
    speeds = tuple(
        Speed(
            engine=name,
            precision=precisions[name],
            full=_full(so_far, _cores(plan) if is_disturbed else None),
            beside=max(turn.beside for turn in so_far),
            alone=max(turn.alone for turn in so_far),
        )
        for name, so_far in turns.items()
    )
    return Speeds(machine=machine, plan=plan, speeds=speeds, left_out=left_out, others=used_meanwhile)


def plan_of(folder: Path) -> Plan:
    """How an unpacked archive is to be served, as far as the speed of its engines depends on it.

    Raises:
        ConfigError: the settings cannot be used.
    """
    settings = read_mapping(folder / CONFIG_FILE)
    handler = settings.get("handler") or {}
    try:
        return Plan(
            workers=read_setting(settings, "workers"),
            batch_size=read_setting(settings, "batch_size"),
            threads=handler.get("threads"),
            precision=handler.get("precision", "auto"),
        )
    except ValidationError as error:
        raise ConfigError(f"{CONFIG_FILE}: {problems(error)}") from None


def _cores(plan: Plan) -> float:
    """Cores that all workers together can keep busy: parts of one that a quota pays for count as they are."""
    return min(paid_cores(), plan.workers * min(plan.threads or whole_cores(), whole_cores()))


class _Turn(NamedTuple):
    """Images a second, as in `Speed`, and with full batches for each second of processor time."""

    full: float
    beside: float
    alone: float
    per_cpu_s: float


def _turn(here: Contest, name: EngineName, batch: int) -> _Turn:
    """One turn of an engine."""
    full = here.run(name, batch, _SECONDS)
    with busy_program():
        beside = here.run(name, batch, _SECONDS)
    alone = here.run(name, 1, _ALONE_SECONDS, processes=1)
    return _Turn(full.rate, beside.rate, alone.rate, max(full.per_cpu_s, beside.per_cpu_s))


def _full(turns: Sequence[_Turn], cores: float | None) -> float:
    """Images a second of an engine with full batches.

    Args:
        turns: at least one.
        cores: that are worth a second each, where other programs disturb; None: what was seen counts.
    """
    if cores is not None:
        return cores * max(turn.per_cpu_s for turn in turns)
    return max(max(turn.full, turn.beside) for turn in turns)  # it is not slower without the busy program
