"""An unpacked archive to a `Service` that has run once: what a worker does before it reports ready."""

import logging
from pathlib import Path

import torch

from groupnl.archive.engine import choose, load_engine
from groupnl.archive.load import checked_manifest, handler_section
from groupnl.base.environment import seats_folder
from groupnl.engine_names import ENGINES_OF_FIXED_THREADS
from handlers import chatter
from handlers.context import Context
from handlers.counting import count_start, set_offline_agreement, worker_metrics
from handlers.service import Service
from handlers.shadow import start_shadows
from handlers.turns import Turns

logger = logging.getLogger(__name__)


def load_service(context: Context) -> Service:
    """Load the model of an unpacked archive and warm it up.

    Raises:
        ConfigError: the configuration cannot be used, or asks for a device that is not there.
        ArchiveError: a file is missing, unreadable or not what was packed.
        CheckpointError: the weights do not fit the architecture.
    """
    config = handler_section(context.model_yaml_config or {})
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    metrics = worker_metrics(context.model_name)
    model_dir = Path(context.system_properties["model_dir"])
    manifest = checked_manifest(model_dir)
    choice = choose(config, context.system_properties.get("gpu_id"))
    engine, name = load_engine(model_dir, manifest, choice._replace(urgent=True))
    turns = Turns(seats_folder(), torch.get_num_threads(), all_or_none=name in ENGINES_OF_FIXED_THREADS)
    for threads in turns.threads:  # kernels are prepared for each number of threads
        torch.set_num_threads(threads)
        engine.warm_up(context.system_properties.get("batch_size") or 1)
    facts = manifest.card.architecture, name, choice.device, choice.precision
    chatter.silence()
    logger.info("groupnl: model %s is ready: %s, %s, %s, %s", context.model_name, *facts)
    count_start(metrics, model_dir, manifest, name, choice.precision)
    set_offline_agreement(metrics, model_dir, config.shadow.cells())
    shadows = start_shadows(model_dir, config.shadow, metrics, choice._replace(name=name))
    return Service(manifest.card, engine, config, metrics, shadows, turns, on_cpu=choice.device.type == "cpu")
