"""Going on with the record of a measurement that was interrupted: only what is of the same settings is added up."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from groupnl.errors import ConfigError

RecordOf = TypeVar("RecordOf")


def resume(
    path: Path,
    fresh: RecordOf,
    *,
    read: Callable[[Path], RecordOf],
    merge: Callable[[RecordOf, RecordOf], RecordOf],
    settings: Callable[[RecordOf], Mapping[str, Any]],
) -> RecordOf:
    """The record that lies there, or the fresh one.

    Args:
        path: where it would be.
        fresh: of this measurement, empty.
        read: reads a record.
        merge: a record, with what another one says and it does not.
        settings: name -> value of all that must be the same.

    Raises:
        ConfigError: it is no record, or of other settings; each is named.
    """
    if not path.exists():
        return fresh
    found = merge(read(path), fresh)
    before, now = settings(found), settings(merge(fresh, found))
    if other := [f"{name} was {before[name]}, is {now[name]}" for name in now if before[name] != now[name]]:
        raise ConfigError(
            f"{path} was measured with other settings ({'; '.join(other)}): remove it to begin anew, or name another "
            "--output"
        )
    return found
