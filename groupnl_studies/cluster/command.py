"""`groupnl study cluster`: what a service on Ray Serve loses when parts of it die or are exchanged; its batches."""

import argparse
import importlib.util
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from groupnl.base.atomic_file import write_whole
from groupnl.base.cores import usable_cores
from groupnl.base.environment import keep_ray_on_loopback
from groupnl.base.numbers import Positive
from groupnl.base.options import Options as BaseOptions
from groupnl.base.say import Say
from groupnl.errors import ConfigError
from groupnl_studies.cluster.single import Single
from groupnl_studies.harness.options import NewFile
from groupnl_studies.harness.photographs import photograph

IMAGES = 12
_LOADS = (1, 4, 16)
_FEW, _MANY = 2, 3  # replicas
_PAUSE_S = 0.05  # so that the machine has time for what is started meanwhile


class Options(BaseOptions):
    """What `groupnl study cluster` does.

    Attributes:
        archive: that is served.
        following: the same network, packed as version 2.0; None: batches are measured.
        batching: measure batches, and nothing else.
        clients: how many ask at a time.
        seconds: of load around each change, or of each measurement.
        rounds: of measurements.
        brief: without exchanging replicas, without autoscaling, with two replicas and clients that pause.
        haproxy: program that is put before two nodes' proxies; None: none is.
        json_file: for all figures.
    """

    archive: Path
    following: Path | None = Field(alias="next")
    batching: bool
    clients: Positive
    seconds: Annotated[float, Field(gt=0)]
    rounds: Positive
    brief: bool
    haproxy: Path | None
    json_file: NewFile | None = Field(alias="json")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.following is None) != self.batching:
            raise ValueError("give --next with the archive that follows, or --batching")
        if self.haproxy is not None and shutil.which(self.haproxy) is None:
            raise ValueError(f"--haproxy {self.haproxy}: there is no such program")
        return self


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl study cluster`."""
    add = parser.add_argument
    add("archive", type=Path, metavar="FILE.mar", help="that is served")
    add("--next", type=Path, metavar="FILE.mar", help="the same network, packed as version 2.0: the candidate")
    add("--batching", action="store_true", help="our own batching against @serve.batch, and nothing else")
    add("--clients", type=int, default=6, metavar="N", help="how many ask at a time (%(default)s)")
    add("--seconds", type=float, default=20.0, metavar="S", help="of load around each change (%(default)s)")
    add("--rounds", type=int, default=5, metavar="N", help="of measurements, with --batching (%(default)s)")
    add("--brief", action="store_true", help="no exchange, no autoscaling; clients pause, 2 replicas")
    add("--haproxy", type=Path, metavar="PROGRAM", help="put it before two nodes' proxies, and kill one of them")
    add("--json", type=Path, metavar="FILE", help="write all figures")


def run(options: Options) -> int:
    """Start Ray's nodes, kill and exchange or measure, print what was found; 1 where an answer was lost or wrong.

    Raises:
        ConfigError: Ray is not installed.
        ServerError: a service does not start, or does not become what it should.
    """
    if importlib.util.find_spec("ray") is None:
        raise ConfigError("Ray is not installed; install it with pip install 'groupnl-serve[serve,ray]'")
    keep_ray_on_loopback()
    say = _timed()
    with tempfile.TemporaryDirectory() as name:
        if options.following is None:
            found = _measured(options, Path(name), say)
        else:
            found = _proven(options, options.following.resolve(), Path(name), say)
    text = json.dumps(found, indent=2)
    print(text)
    if options.json_file:
        write_whole(options.json_file, text + "\n")
    return int(any(_is_bad(phase) for phase in found.values()))


def _proven(options: Options, following: Path, folder: Path, say: Say) -> dict[str, Any]:
    archive = options.archive.resolve()
    with Single(archive, folder / "single") as server:
        from groupnl_studies.cluster.load import Load
        from groupnl_studies.cluster.nodes import cluster  # imports Ray, which takes seconds
        from groupnl_studies.cluster.proof import UNCOVERED, Proof

        images = [photograph(seed) for seed in range(2 * IMAGES)]
        with cluster(3, room=2) as nodes:  # two of three can do it
            say("three nodes run")
            expected = server.expected(images)
            server.close()
            say("a single server has said what the answers must be")
            path = f"/predictions/{archive.stem}"
            pause_s = _PAUSE_S if options.brief else 0.0
            halves = slice(IMAGES), slice(IMAGES, None)
            load, others = (Load(path, images[half], expected[half], pause_s) for half in halves)
            replicas = _FEW if options.brief else _MANY
            proof = Proof(
                nodes, replicas, archive, following, folder, load, others, options.clients, options.haproxy, say
            )
            found = proof.run(options.seconds, brief=options.brief)
    if UNCOVERED in found:
        found["lost without a balancer"] = found.pop(UNCOVERED)["lost"]
    return found


def _measured(options: Options, folder: Path, say: Say) -> dict[str, Any]:
    from groupnl_studies.cluster.batching import Duel, Plan
    from groupnl_studies.cluster.nodes import cluster
    from groupnl_studies.harness.ports import free_ports

    images = [photograph(seed) for seed in range(IMAGES)]
    (metrics_port,) = free_ports(1)
    cores = usable_cores()
    with cluster(1, room=2 * cores) as nodes:
        duel = Duel(options.archive.resolve(), nodes.ports[0], metrics_port, folder, cores)
        say("both are ready")
        return duel.measure(images, Plan(_LOADS, options.rounds, options.seconds), say)


def _is_bad(phase: Any) -> bool:
    return isinstance(phase, dict) and bool(phase.get("lost") or phase.get("wrong"))


def _timed() -> Say:
    """Prints lines with the seconds that have passed."""
    began = time.monotonic()
    return lambda line: print(f"{time.monotonic() - began:6.1f} s  {line}", flush=True)
