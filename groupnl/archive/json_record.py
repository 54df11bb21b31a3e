"""A record in JSON among the files of an unpacked archive."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from groupnl.base.problems import problems
from groupnl.errors import ArchiveError

Record = TypeVar("Record", bound=BaseModel)


def read_json_record(file: Path, kind: type[Record]) -> Record:
    """What a file holds.

    Raises:
        ArchiveError: it is missing or unreadable, or no such record.
    """
    try:
        return kind.model_validate_json(file.read_bytes())
    except OSError as error:
        raise ArchiveError(f"{file} cannot be read: {error.strerror}; make the archive again") from error
    except ValidationError as error:
        raise ArchiveError(f"{file} cannot be used: {problems(error)}; make the archive again") from None
