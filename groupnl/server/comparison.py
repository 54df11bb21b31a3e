"""What the verdicts on a model are about: two networks, and the corruptions that they meet."""

import json
from pathlib import Path
from typing import NamedTuple

from groupnl.archive.read import CONFIG_FILE, archive_digest
from groupnl.base.yaml_file import read_mapping


class Comparison(NamedTuple):
    """Counts of one say nothing of another.

    Attributes:
        archive: SHA-256 of the model's archive, hexadecimal.
        twin: of its twin's; None where it is compared with none.
        cells: the corruptions and severities, as the settings have them.
        candidate: SHA-256 of the candidate's archive; None where there is none. What is counted beside it does not
            depend on it.
    """

    archive: str
    twin: str | None
    cells: str
    candidate: str | None = None

    def differs_by_candidate(self, other: "Comparison") -> bool:
        """Whether the candidate is another one, and nothing else is."""
        return self != other and self == other._replace(candidate=self.candidate)


def comparison_of(folder: Path) -> Comparison:
    """That of an unpacked archive with the settings of this start, whose twin has been placed."""
    shadow = read_mapping(folder / CONFIG_FILE)["handler"].get("shadow")
    if not isinstance(shadow, dict):  # not given; or no mapping, which the worker refuses by name
        shadow = {}
    twin = archive_digest(Path(shadow["twin_dir"])) if shadow.get("twin") else None
    candidate = archive_digest(Path(shadow["candidate_dir"])) if shadow.get("candidate") else None
    cells = json.dumps([shadow.get("corruptions"), shadow.get("severities")])
    return Comparison(archive_digest(folder), twin, cells, candidate)
