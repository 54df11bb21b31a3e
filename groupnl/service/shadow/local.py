"""The networks of a shadow path, loaded where they are to run."""

import torch

from groupnl.archive.engine import as_packed, load_engine
from groupnl.archive.groups import load_groups
from groupnl.archive.load import checked_manifest
from groupnl.archive.traffic import load_traffic
from groupnl.card import InputConfig
from groupnl.inference.engines.engine import Engine
from groupnl.service.shadow.candidate import ArchiveCandidate, load_candidate
from groupnl.service.shadow.examples import FlipKeeper
from groupnl.service.shadow.messages import Setup
from groupnl.service.shadow.observer import TrafficObserver
from groupnl.service.shadow.runner import LocalRunner


def local_runner(setup: Setup) -> LocalRunner:
    """Load the model with the live network's engine, and the twin with that of its own archive.

    Raises:
        ArchiveError: an archive's file is missing or not what was packed.
        CheckpointError: weights that do not fit their architecture.
    """
    choice = setup.choice
    manifest = checked_manifest(setup.model_dir)
    model = load_engine(setup.model_dir, manifest, choice).engine
    found = load_groups(setup.model_dir)
    groups = None if found is None else torch.tensor(found.of_classes(manifest.card.classes))
    traffic = load_traffic(setup.model_dir)
    observer = None if traffic is None else TrafficObserver(traffic)
    candidate = _candidate(setup, manifest.card.input)
    examples = None if setup.examples is None else FlipKeeper(setup.examples, manifest.card.classes)
    return LocalRunner(model, _twin(setup), choice.device, groups, observer, candidate, examples)


def _candidate(setup: Setup, model_input: InputConfig) -> ArchiveCandidate | None:
    if setup.candidate_dir is None:
        return None
    return load_candidate(setup.candidate_dir, setup.choice.device, model_input)


def _twin(setup: Setup) -> Engine | None:
    if setup.twin_dir is None:
        return None
    manifest = checked_manifest(setup.twin_dir)
    return load_engine(setup.twin_dir, manifest, as_packed(setup.twin_dir, manifest, setup.choice)).engine
