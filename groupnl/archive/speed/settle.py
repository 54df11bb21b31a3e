"""Whether what is known of an archive's engines holds for this machine; measured again where it does not."""

from collections.abc import Iterable
from pathlib import Path

from groupnl.archive.manifest import unpacked_manifest
from groupnl.archive.read import CONFIG_FILE, archive_digest
from groupnl.archive.speed.contest import IsStopped
from groupnl.archive.speed.machine import Machine
from groupnl.archive.speed.measure import measure, plan_of
from groupnl.archive.speed.speeds import Plan, Speeds, read_speeds, write_speeds
from groupnl.base.say import Say
from groupnl.base.yaml_file import read_mapping
from groupnl.errors import GroupNLError
from groupnl.inference.engine_names import AUTO


def settle(folders: Iterable[Path], say: Say, is_stopped: IsStopped) -> None:
    """See to it that workers take the engines that are the fastest here.

    Where an archive's settings leave the engine open and its speeds are of another machine, precision or number of
    threads, they are measured, some seconds for each engine. Where that fails, the known order stays. Speeds with
    another number of workers or batch size are taken as they are, and it is told: the order is seldom another one.

    Args:
        folders: unpacked archives, with the settings that they are to be served with.
        say: is told what is done.
        is_stopped: whether the operator wants to stop; then the known order stays.

    Raises:
        ArchiveError: an archive's speeds cannot be read.
    """
    measured: dict[str, Speeds] = {}  # the same archive may be a model and another's twin
    here = Machine.here()
    for folder in folders:
        if is_stopped():
            return
        if (read_mapping(folder / CONFIG_FILE).get("handler") or {}).get("engine") != AUTO:
            continue
        known, plan = read_speeds(folder), plan_of(folder)
        reason = _why_again(known, here, plan)
        if known is not None and reason is None:
            if other := known.plan.difference(plan, "workers", "batch_size"):
                say(f"{unpacked_manifest(folder).model_name}: its engines were measured with {other}; {_advice(plan)}")
            continue
        digest, name = archive_digest(folder), unpacked_manifest(folder).model_name
        if digest not in measured:
            say(f"{name}: measuring which engine is the fastest here ({reason}); groupnl engines FILE --write keeps it")
            try:
                measured[digest] = measure(folder, is_stopped)
            except (GroupNLError, OSError) as error:
                say(f"{name}: not measured, {error}")
                continue
            say(f"{name}: {measured[digest].in_a_line()}")
        write_speeds(measured[digest], folder)


def _why_again(known: Speeds | None, here: Machine, plan: Plan) -> str | None:
    """Why speeds must be measured now; None: what is known holds."""
    if known is None:
        return "never measured before"
    settings = ("threads",) if known.holds_in(plan.precision) else ("precision", "threads")
    return known.machine.difference(here) or known.plan.difference(plan, *settings)


def _advice(plan: Plan) -> str:
    options = f"--workers {plan.workers} --batch-size {plan.batch_size}"
    return f"groupnl engines FILE --write {options} measures them as they are served"
