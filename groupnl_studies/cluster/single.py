"""The same archive on a single server, which says what every answer must be."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from groupnl_studies.harness.client import Request, answers
from groupnl_studies.harness.service import RunningService


class Single(RunningService):
    """A single server, without shadows; others may be started while it loads.

    Args:
        archive: that it serves.
        folder: for its configuration, output and logs.
    """

    def __init__(self, archive: Path, folder: Path) -> None:
        super().__init__(folder, [f"{archive.stem}={archive}"], {"shadow_share": 0.0, "twins": False})
        self._path = f"/predictions/{archive.stem}"

    def expected(self, images: Sequence[bytes]) -> list[Mapping[str, float]]:
        """The answers to the images, each asked alone.

        Raises:
            ServerError: it does not start.
        """
        self.wait_until_ready()
        return [*answers(self.inference_port, [Request(self._path, image) for image in images])]
