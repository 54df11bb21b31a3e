"""A model that answers, and what takes the labels that come later."""

from pathlib import Path

import yaml
from prometheus_client.samples import Sample
from support.tiny import CLASSES, tiny_card

from groupnl.archive.manifest import MANIFEST_NAME, Manifest
from groupnl.archive.read import CONFIG_FILE, DIGEST_FILE
from groupnl.errors import NotFoundError
from groupnl.robustness.recent_answers import RecentAnswers, answers_file
from groupnl.server.labels.labels import Labels, Taken
from groupnl.server.observed.worker_files import WorkerFiles

COUNT = 100
DIGEST = "a" * 64


class Service:
    """A model that answers, and what takes its labels.

    Attributes:
        answers: as its workers remember them.
        folder: where it is unpacked.
        workers: what is counted.
    """

    def __init__(
        self, folder: Path, digest: str = DIGEST, classes: tuple[str, ...] = CLASSES, **shadow: object
    ) -> None:
        self.folder = folder / digest[:4]
        self.memory = folder / "memory"
        self.workers = WorkerFiles(folder / "metrics")
        self.unpack(digest, classes, **shadow)
        self.memory.mkdir()
        self.answers = RecentAnswers(COUNT, answers_file(self.memory, "tiny", digest, COUNT))
        self.labels = Labels(self._folder_of, self.memory, self.workers)

    def unpack(self, digest: str, classes: tuple[str, ...] = CLASSES, **shadow: object) -> None:
        """Let an archive be served."""
        self.folder = self.folder.with_name(digest[:4])
        self.folder.mkdir(parents=True)
        manifest = Manifest(
            model_name="tiny", version="1", card=tiny_card(classes), weights="w", weights_sha256="b" * 64
        )
        (self.folder / MANIFEST_NAME).write_text(manifest.model_dump_json())
        settings = {"handler": {"shadow": {"answers_remembered": COUNT, **shadow}}}
        (self.folder / CONFIG_FILE).write_text(yaml.safe_dump(settings))
        (self.folder / DIGEST_FILE).write_text(digest)

    def take(self, *labels: tuple[str, object]) -> Taken:
        """Labels of keys."""
        return self.labels.take([{"model": "tiny", "key": key, "label": label} for key, label in labels])

    def count(self, name: str, **labels: str) -> float:
        """What is shown of a series; 0 where it is not shown."""
        found: list[Sample] = [sample for metric in self.workers.collect() for sample in metric.samples]
        wanted = {"model": "tiny", **labels}
        return sum(s.value for s in found if s.name == f"groupnl_{name}" and wanted.items() <= s.labels.items())

    def _folder_of(self, model: str) -> Path:
        if model != "tiny":
            raise NotFoundError(f"There is no model {model!r}.")
        return self.folder
