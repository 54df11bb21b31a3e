"""Checkpoint in, archive out: what `groupnl archive` does.

torch-model-archiver packs the files; its archive is rewritten so that the same input gives the same bytes, tried out
from its unpacked files as the handler loads them, and only then given its name.
"""

import importlib.util
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from model_archiver.model_archiver_config import ModelArchiverConfig
from model_archiver.model_archiver_error import ModelArchiverError
from model_archiver.model_packaging import package_model
from model_archiver.model_packaging_utils import ModelExportUtils
from pydantic import ValidationError

from groupnl.archive import probe as probe_set
from groupnl.archive.assumed_input import assumed_input
from groupnl.archive.card import class_remark, served_card
from groupnl.archive.engine import Choice, choose
from groupnl.archive.groups import GROUPS_FILE, class_groups
from groupnl.archive.handler_config import HandlerConfig
from groupnl.archive.int8 import Int8Images, int8_images
from groupnl.archive.load import handler_section
from groupnl.archive.making import add_engines
from groupnl.archive.manifest import MANIFEST_NAME, Manifest
from groupnl.archive.model_config import ServingSettings
from groupnl.archive.normalise import normalise
from groupnl.archive.offline import matching_record
from groupnl.archive.probe import ProbeSet
from groupnl.archive.read import CONFIG_FILE
from groupnl.archive.traffic import calibration_line, matching_traffic, served_temperature
from groupnl.archive.trial import try_out
from groupnl.archive.twin import missing_twin, refuse_twin
from groupnl.base.atomic_file import writing
from groupnl.base.problems import problems
from groupnl.base.say import Say
from groupnl.card import ModelCard
from groupnl.errors import ArchiveError, ConfigError
from groupnl.inference.device import precision_name
from groupnl.models.checkpoint import save_checkpoint
from groupnl.models.input_size import refuse_size
from groupnl.models.trained import Trained, open_trained
from groupnl.robustness.record import ROBUSTNESS_FILE, write_record
from groupnl.traffic.file import TRAFFIC_FILE, Traffic, write_traffic

WEIGHTS_FILE = "model.safetensors"
HANDLER_MODULE = "handlers.classifier"
_DEFAULTS = ServingSettings()
_NO_INPUT: Mapping[str, Any] = {}


def _unsaid(line: str) -> None:
    """Where nobody listens."""


def pack(
    checkpoint: Path,
    output: Path,
    model_name: str,
    *,
    version: str = "1.0",
    architecture: str | None = None,
    classes: str | Sequence[str] | None = None,
    given_input: Mapping[str, Any] = _NO_INPUT,
    settings: ServingSettings = _DEFAULTS,
    probe: Path | None = None,
    robustness: Path | None = None,
    traffic: Path | None = None,
    groups: Path | None = None,
    calibrate: Path | None = None,
    prove: Path | None = None,
    overwrite: bool = False,
    say: Say = _unsaid,
) -> Path:
    """Make `output`/`model_name`.mar.

    Args:
        checkpoint: a file or folder that `load_checkpoint` reads.
        output: folder of the archive; made if missing.
        model_name: as in ``/predictions/NAME``.
        version: of the model, as TorchServe counts it.
        architecture: timm name; None: what the checkpoint says.
        classes: names in the order of the logits, or where they stand, see `read_class_names`; None: what the
            checkpoint says, else ImageNet's for 1000 classes.
        given_input: values of `InputConfig` that come before the checkpoint's, and before timm's of the architecture.
        settings: how the model is served.
        probe: folder of labelled images that go into the archive, one folder for each class.
        robustness: the checkpoint's record of `groupnl robustness`, which goes into the archive.
        traffic: what `groupnl traffic` found with the checkpoint, which goes into the archive.
        groups: file of groups of classes, see `groupnl.archive.groups`; None: WordNet's or those that are confused.
        calibrate: for int8, folder of images that say in which steps to count; None: the probe set.
        prove: for int8, folder of labelled images that prove it; None: the probe set.
        overwrite: replace an archive of that name.
        say: is told what was assumed, and what is being done: compiling takes up to minutes.

    Returns:
        The archive's path.

    Raises:
        ArchiveError: the archive exists already, cannot be made, or its model does not run, or answers otherwise in
            int8.
        CheckpointError: the checkpoint cannot be used.
        ConfigError: the probe set, a record or the groups cannot be used, the settings' device is not there, they want
            calibrated probabilities and no temperature is known, or the network does not take images of that size.
        RewriteError: the settings' engine cannot be made of the network.
    """
    target = output / f"{model_name}.mar"
    if target.exists() and not overwrite:
        raise ArchiveError(f"the archive {target} exists already; replace it with --overwrite")
    # Refused before anything is written. What is written are the network's own tensors: dense, float32, in its order.
    trained = open_trained(checkpoint, architecture=architecture, classes=classes, given=given_input, replace=True)
    for line in filter(None, (assumed_input(trained, given_input), class_remark(trained))):
        say(line)
    refuse_size(trained.network, trained.architecture, trained.input.size, "--input-size", trained.input.channels)
    card = served_card(trained)
    handler = handler_section({"handler": settings.handler})
    refuse_twin(model_name, card, handler.shadow.twin, output)
    if missing := missing_twin(handler.shadow.twin, output):
        say(missing)
    choice = choose(handler)
    probe_images = probe_set.read_folder(probe, card) if probe else None
    int8 = _int8_images(choice, card, probe_images, calibrate, prove)
    record = matching_record(robustness, trained) if robustness else None
    known = _known_traffic(traffic, trained, card, handler, say)
    found_groups = class_groups(groups, card, trained.network, probe_images)
    output.mkdir(parents=True, exist_ok=True)
    # Beside the target, so that the last step is one rename.
    with writing(target), tempfile.TemporaryDirectory(prefix=".packing-", dir=output) as name:
        work = Path(name)
        files = work / "files"
        files.mkdir()
        digest = save_checkpoint(files / WEIGHTS_FILE, trained.network.state_dict(), card)
        manifest = _manifest(model_name, version, card, digest)
        _write_texts(files, manifest, settings)
        say(f"making {target}: {card.architecture} for the engine {choice.name} ({precision_name(choice.precision)})")
        add_engines(trained.network, manifest, choice, files, say, int8)
        if probe_images:
            probe_set.save(probe_images, files / probe_set.PROBE_FILE)
        if record:
            write_record(record, files / ROBUSTNESS_FILE)
        if known:
            write_traffic(known, files / TRAFFIC_FILE)
        if found_groups:
            (files / GROUPS_FILE).write_text(found_groups.model_dump_json(indent=2) + "\n", encoding="utf-8")
        finished = work / "finished.mar"
        normalise(_run_archiver(work, files, model_name, version), finished)
        say("trying it out")
        try_out(finished, work / "trial", choice)
        finished.replace(target)
    return target


def _int8_images(
    choice: Choice, card: ModelCard, probe: ProbeSet | None, calibrate: Path | None, prove: Path | None
) -> Int8Images | None:
    """What int8 needs; refused where nobody wants int8."""
    if choice.precision == torch.int8:
        return int8_images(card, probe, calibrate, prove)
    if calibrate or prove:
        raise ConfigError("--calibrate and --prove are for precision 'int8': add --precision int8, or leave them out")
    return None


def _known_traffic(
    file: Path | None, trained: Trained, card: ModelCard, handler: HandlerConfig, say: Say
) -> Traffic | None:
    """What is known of the traffic; refused where the settings want more than that."""
    traffic = matching_traffic(file, trained, card.classes) if file else None
    served_temperature(handler, traffic)
    if traffic:
        say(calibration_line(traffic.record, is_calibrated=handler.calibrated))
    return traffic


def _manifest(model_name: str, version: str, card: ModelCard, digest: str) -> Manifest:
    try:
        return Manifest(model_name=model_name, version=version, card=card, weights=WEIGHTS_FILE, weights_sha256=digest)
    except ValidationError as error:
        raise ArchiveError(f"the archive cannot be described: {problems(error)}") from None


def _write_texts(files: Path, manifest: Manifest, settings: ServingSettings) -> None:
    (files / MANIFEST_NAME).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    (files / CONFIG_FILE).write_text(settings.to_yaml(), encoding="utf-8")


def _run_archiver(work: Path, files: Path, model_name: str, version: str) -> Path:
    config = ModelArchiverConfig(
        model_name=model_name,
        handler=str(_handler_file()),
        version=version,
        serialized_file=str(files / WEIGHTS_FILE),
        extra_files=str(files),  # all that is in it, folders as they are
        config_file=str(files / CONFIG_FILE),
        export_path=str(work),
    )
    try:
        with _temporary_files_in(work):
            package_model(config, ModelExportUtils.generate_manifest_json(config))
    except ModelArchiverError as error:
        raise ArchiveError(f"torch-model-archiver refused {model_name}: {error}") from None
    return work / f"{model_name}.mar"


def _handler_file() -> Path:
    handler = importlib.util.find_spec(HANDLER_MODULE)
    if handler is None or handler.origin is None:
        raise ArchiveError(f"the handler {HANDLER_MODULE} is not installed: `make install`, in the source folder")
    return Path(handler.origin)


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """The archiver empties a folder named like the model in the temporary directory: make that ours."""
    before = tempfile.tempdir
    private = folder / "tmp"
    private.mkdir()
    tempfile.tempdir = str(private)
    try:
        yield
    finally:
        tempfile.tempdir = before
