"""An unpacked archive to a `Service` that has run once: what a worker does before it reports ready."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from groupnl.archive.engine import choose, load_engine
from groupnl.archive.load import checked_manifest, handler_section
from groupnl.archive.traffic import load_traffic, served_temperature
from groupnl.base.environment import answers_folder, seats_folder, seen_folder
from groupnl.base.turns import Turns
from groupnl.inference.threads import warm_up_with
from groupnl.service.answer_counts import AnswerCounts
from groupnl.service.counting import count_start, set_engine_speeds, set_offline_figures, worker_metrics
from groupnl.service.expected import set_expected
from groupnl.service.gpu import watch_gpu
from groupnl.service.service import Service
from groupnl.service.shadow import start_shadows

logger = logging.getLogger(__name__)


def _tell_nobody(_: str) -> None:
    pass


def load_service(
    model_dir: Path,
    name: str,
    settings: Mapping[str, Any],
    *,
    gpu: int | None = None,
    batch_size: int = 1,
    tell: Callable[[str], None] = _tell_nobody,
) -> Service:
    """Load the model of an unpacked archive and warm it up.

    Args:
        model_dir: the unpacked archive.
        name: of the model, as the service calls it.
        settings: content of its `model-config.yaml`, with what this start changes.
        gpu: index of the CUDA device, where there are several.
        batch_size: most images in a batch.
        tell: is told what is done from now on, a word for each phase.

    Raises:
        ConfigError: the configuration cannot be used, or asks for a device that is not there.
        ArchiveError: a file is missing, unreadable or not what was packed.
        CheckpointError: the weights do not fit the architecture.
    """
    tell("archive")
    metrics = worker_metrics(name)  # first of all: who dies on the way has begun
    config = handler_section(settings)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    manifest = checked_manifest(model_dir)
    traffic = load_traffic(model_dir)
    temperature = served_temperature(config, traffic)
    held_back = None if traffic is None else traffic.record
    choice = choose(config, gpu)
    tell("engine")
    engine, used, precision = load_engine(model_dir, manifest, choice._replace(urgent=True))
    tell("warm-up")
    turns = Turns(seats_folder(), torch.get_num_threads())
    warm_up_with(engine, turns.threads, batch_size)
    tell("counts")
    set_engine_speeds(metrics, model_dir)
    set_offline_figures(metrics, model_dir, config.shadow.cells())
    if traffic is not None:
        set_expected(metrics, traffic, model_dir, is_calibrated=config.calibrated)
    answers = AnswerCounts(metrics, manifest.card.classes, None if held_back is None else [*held_back.predicted])
    if choice.device.type == "cuda":
        watch_gpu(metrics, choice.device)
    choice = choice.for_engine(used)
    shadows = start_shadows(model_dir, name, config.shadow, metrics, choice, seen_folder(), answers_folder(), held_back)
    facts = manifest.card.architecture, used, choice.device, precision
    logger.info("groupnl: model %s is ready: %s, %s, %s, %s", name, *facts)
    count_start(metrics, model_dir, manifest, used, precision)
    return Service(
        manifest.card,
        engine,
        config,
        metrics,
        shadows,
        turns,
        answers,
        temperature=temperature,
        on_cpu=choice.device.type == "cpu",
    )
