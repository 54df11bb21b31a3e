"""What is served: each model's versions, one of which answers who asks for none."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from groupnl.archive.manifest import Manifest
from groupnl.errors import NotFoundError
from groupnl.server.pool.pool import Pool
from groupnl.server.pool.serving import Serving


class Version(NamedTuple):
    """One version of a model.

    Attributes:
        name: of the model.
        manifest: what was packed.
        archive: the file it came from.
        digest: SHA-256 of that file, hexadecimal.
        folder: where it is unpacked.
        serving: how it is served.
        pool: answers.
    """

    name: str
    manifest: Manifest
    archive: Path
    digest: str
    folder: Path
    serving: Serving
    pool: Pool

    @property
    def number(self) -> str:
        """As it stands in addresses."""
        return self.manifest.version


class Models:
    """The served models, by name, and their versions; the last one of each answers who asks for none."""

    def __init__(self) -> None:
        self._versions: dict[str, list[Version]] = {}

    def __iter__(self) -> Iterator[Version]:
        """Every version of every model."""
        return (version for versions in self._versions.values() for version in versions)

    def current(self) -> list[Version]:
        """For each model the version that answers who asks for none."""
        return [versions[-1] for versions in self._versions.values()]

    def versions(self, name: str) -> list[Version]:
        """The versions of one model, the current one last.

        Raises:
            NotFoundError: no model has this name.
        """
        try:
            return self._versions[name]
        except KeyError:
            known = ", ".join(sorted(self._versions)) or "none"
            raise NotFoundError(f"There is no model {name[:80]!r}; served here: {known}.") from None

    def find(self, name: str, number: str | None = None) -> Version:
        """One version.

        Args:
            name: of the model.
            number: of the version; None: the current one.

        Raises:
            NotFoundError: there is no such model or version.
        """
        versions = self.versions(name)
        for version in reversed(versions):
            if number is None or version.number == number:
                return version
        known = ", ".join(version.number for version in versions)
        raise NotFoundError(f"The model {name} has no version {number!r:.80}; it has {known}.")

    def add(self, version: Version) -> None:
        """Let it answer from now on who asks for no version."""
        self._versions.setdefault(version.name, []).append(version)

    def remove(self, version: Version) -> None:
        """Forget it; it must not be the only one of its model."""
        self._versions[version.name].remove(version)
