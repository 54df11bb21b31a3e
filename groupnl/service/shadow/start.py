"""The shadow path of a worker, put together from its configuration."""

from pathlib import Path

from groupnl.archive import probe
from groupnl.archive.engine import Choice
from groupnl.archive.shadow_config import ShadowConfig
from groupnl.corruptions.corrupt import check
from groupnl.errors import ConfigError
from groupnl.metrics import PROBE_SET_IMAGES, Metrics
from groupnl.service.shadow.child_runner import ChildRunner
from groupnl.service.shadow.counts import ShadowCounts
from groupnl.service.shadow.local import local_runner
from groupnl.service.shadow.loop import ShadowLoop
from groupnl.service.shadow.messages import Setup
from groupnl.service.shadow.runner import Runner
from groupnl.service.shadow.sampler import Sampler


def start_shadows(model_dir: Path, config: ShadowConfig, metrics: Metrics, choice: Choice) -> Sampler:
    """Start the shadow path, or what counts labelled answers only where no shadows are wanted.

    Args:
        model_dir: the model's unpacked archive.
        config: which images, which cells, which twin.
        metrics: of the worker.
        choice: how the live network runs, and so its shadows.

    Raises:
        ConfigError: a twin without its archive, or a corruption that cannot be made here.
        ArchiveError: the probe set cannot be read.
    """
    images = probe.load(model_dir)
    counts = ShadowCounts(metrics, config.twin, config.cells())
    if images is not None:
        metrics.set(PROBE_SET_IMAGES, len(images.labels))
    if config.share == 0 and (images is None or config.probe_time_share == 0):
        return Sampler(counts, None)
    _check(config)
    shadow = ShadowLoop(_runner(model_dir, config, choice), config, counts, images)
    shadow.start()
    return Sampler(counts, shadow if config.share > 0 else None)  # else it replays the probe set only


def _check(config: ShadowConfig) -> None:
    if config.twin is not None and config.twin_dir is None:
        raise ConfigError(
            f"shadow.twin = {config.twin!r} needs shadow.twin_dir, the twin's unpacked archive: `groupnl serve` sets it"
        )
    check(config.corruptions)


def _runner(model_dir: Path, config: ShadowConfig, choice: Choice) -> Runner:
    """On a CPU a process of the lowest priority; on CUDA the worker's own thread, on a stream that gives way.

    A second process on CUDA would need a context of its own, and streams' priorities do not count between processes.
    """
    setup = Setup(model_dir, config.twin_dir, choice, config.threads)
    if choice.device.type == "cpu":
        return ChildRunner(setup)
    return local_runner(setup)  # on the usual stream: the live engine's goes before it
