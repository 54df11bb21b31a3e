"""Whether what is known of an archive's engines holds for this machine; measured again where it does not."""

from collections.abc import Iterable
from pathlib import Path

from groupnl.archive.manifest import unpacked_manifest
from groupnl.archive.read import CONFIG_FILE, archive_digest
from groupnl.archive.speed.machine import Machine
from groupnl.archive.speed.measure import IsStopped, measure
from groupnl.archive.speed.speeds import Speeds, read_speeds, write_speeds
from groupnl.base.say import Say
from groupnl.base.yaml_file import read_mapping
from groupnl.errors import GroupNLError
from groupnl.inference.engine_names import AUTO


def settle(folders: Iterable[Path], say: Say, is_stopped: IsStopped) -> None:
    """See to it that workers take the engines that are the fastest here.

    Where an archive's settings leave the engine open and its speeds are of another machine, they are measured, some
    seconds for each engine. Where that fails, the order of the other machine stays.

    Args:
        folders: unpacked archives, with the settings that they are to be served with.
        say: is told what is done.
        is_stopped: whether the operator wants to stop; then the order of the other machine stays.

    Raises:
        ArchiveError: an archive's speeds cannot be read.
    """
    measured: dict[str, Speeds] = {}  # the same archive may be a model and another's twin
    here = Machine.here()
    for folder in folders:
        if is_stopped():
            return
        known = read_speeds(folder)
        reason = "never measured before" if known is None else known.machine.difference(here)
        if reason is None or (read_mapping(folder / CONFIG_FILE).get("handler") or {}).get("engine") != AUTO:
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
