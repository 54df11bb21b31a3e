"""The shadow path of a worker, put together from its configuration."""

import hashlib
import logging
from pathlib import Path

from groupnl.archive import probe
from groupnl.archive.engine import Choice
from groupnl.archive.read import archive_digest
from groupnl.archive.shadow_config import ShadowConfig
from groupnl.base.environment import examples_folder, examples_kept
from groupnl.corruptions.corrupt import check
from groupnl.errors import ConfigError
from groupnl.metrics import PROBE_SET_IMAGES, Metrics
from groupnl.robustness.seen import Seen
from groupnl.service.shadow.candidate_counts import candidate_counts
from groupnl.service.shadow.child_runner import ChildRunner
from groupnl.service.shadow.counts import ShadowCounts
from groupnl.service.shadow.examples import ExamplesPlace
from groupnl.service.shadow.local import local_runner
from groupnl.service.shadow.loop import PairListener, ShadowLoop
from groupnl.service.shadow.messages import Setup
from groupnl.service.shadow.notes import open_notes
from groupnl.service.shadow.runner import Runner
from groupnl.service.shadow.sampler import Sampler
from groupnl.service.shadow.traffic_counts import TrafficCounts
from groupnl.traffic.record import TrafficRecord

logger = logging.getLogger(__name__)


def start_shadows(
    model_dir: Path,
    name: str,
    config: ShadowConfig,
    metrics: Metrics,
    choice: Choice,
    seen_folder: Path | None = None,
    answers_folder: Path | None = None,
    held_back: TrafficRecord | None = None,
) -> Sampler:
    """Start the shadow path, or what counts and remembers answers only where no shadows are wanted.

    Args:
        model_dir: the model's unpacked archive.
        name: of the model.
        config: which images, which cells, which twin.
        metrics: of the worker.
        choice: how the live network runs, and so its shadows.
        seen_folder: where workers share what images they have seen; made if missing. None: each for itself.
        answers_folder: where answers are remembered for their labels; made if missing. None: they are not.
        held_back: what the archive says of held-back images; None: nothing.

    Raises:
        ConfigError: a twin or candidate without its archive, or a corruption that cannot be made here.
        ArchiveError: the probe set cannot be read.
    """
    images = probe.load(model_dir)
    counts = ShadowCounts(metrics, config.twin, config.cells())
    if images is not None:
        metrics.set(PROBE_SET_IMAGES, len(images.labels))
    notes = open_notes(model_dir, name, config, metrics, answers_folder)
    if config.share == 0 and (images is None or config.probe_time_share == 0):
        return Sampler(counts, None, listeners=notes)
    _check(config)
    listeners: list[PairListener] = [
        *notes,
        *([] if config.share == 0 else [TrafficCounts(metrics, config.cells(), held_back)]),
        *candidate_counts(model_dir, config, metrics),
    ]
    runner, needs_files = _runner(model_dir, name, config, choice, counts), config.candidate is not None
    shadow = ShadowLoop(runner, config, counts, images, listeners, needs_files=needs_files)
    shadow.start()
    if config.share == 0:
        return Sampler(counts, None, listeners=notes)  # it replays the probe set only
    return Sampler(counts, shadow, _seen(model_dir, name, config, seen_folder), notes)


def _check(config: ShadowConfig) -> None:
    if config.twin is not None and config.twin_dir is None:
        raise ConfigError(
            f"shadow.twin = {config.twin!r} needs shadow.twin_dir, the twin's unpacked archive: `groupnl serve` sets it"
        )
    if config.candidate is not None and config.candidate_dir is None:
        raise ConfigError(
            f"shadow.candidate = {config.candidate!r} needs shadow.candidate_dir, its unpacked archive: name its file, "
            "`groupnl serve --candidate MODEL=FILE.mar`"
        )
    check(config.corruptions)


def _seen(model_dir: Path, name: str, config: ShadowConfig, folder: Path | None) -> Seen | None:
    """What the workers of one comparison have seen; other networks or cells may have an image again."""
    sizes = config.remembered, config.remembered_similar
    if not any(sizes):
        return None
    if folder is None:
        return Seen(*sizes)
    archives = [archive_digest(unpacked) for unpacked in (model_dir, config.twin_dir) if unpacked is not None]
    compared = hashlib.sha256(str((archives, config.corruptions, config.severities, sizes)).encode()).hexdigest()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return Seen(*sizes, folder / f"{name}-{compared[:16]}")
    except OSError as error:  # the disk is full: nobody is refused an answer for that
        logger.warning("each worker knows only by itself what images came lately: %s", error)
        return Seen(*sizes)


def _runner(model_dir: Path, name: str, config: ShadowConfig, choice: Choice, counts: ShadowCounts) -> Runner:
    """On a CPU a process of the lowest priority; on CUDA the worker's own thread, on a stream that gives way.

    A second process on CUDA would need a context of its own, and streams' priorities do not count between processes.
    """
    folder = examples_folder()
    examples = None if folder is None else ExamplesPlace(folder, examples_kept(), name)
    setup = Setup(model_dir, config.twin_dir, choice, config.threads, config.candidate_dir, examples, config.niceness)
    if choice.device.type == "cpu":
        return ChildRunner(setup, counts.process_died)
    return local_runner(setup)  # on the usual stream: the live engine's goes before it
