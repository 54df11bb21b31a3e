"""`groupnl study cluster`: whether a service on Ray Serve loses answers when its parts are killed and exchanged."""

import argparse
import functools
import importlib.util
import json
import tempfile
from pathlib import Path
from typing import Annotated

from pydantic import Field

from groupnl.base.atomic_file import write_whole
from groupnl.base.environment import keep_ray_on_loopback
from groupnl.base.numbers import Positive
from groupnl.base.options import Options as BaseOptions
from groupnl.errors import ConfigError
from groupnl_studies.harness.options import NewFile
from groupnl_studies.harness.photographs import photograph

IMAGES = 12


class Options(BaseOptions):
    """What `groupnl study cluster` does.

    Attributes:
        archive: that is served.
        following: the same network, packed as version 2.0.
        clients: how many ask at a time.
        seconds: of load around each change.
        brief: without exchanging replicas, and without autoscaling.
        json_file: for all figures.
    """

    archive: Path
    following: Path = Field(alias="next")
    clients: Positive
    seconds: Annotated[float, Field(gt=0)]
    brief: bool
    json_file: NewFile | None = Field(alias="json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl study cluster`."""
    add = parser.add_argument
    add("archive", type=Path, metavar="FILE.mar", help="that is served")
    add("--next", type=Path, required=True, metavar="FILE.mar", help="the same network, packed as version 2.0")
    add("--clients", type=int, default=6, metavar="N", help="how many ask at a time (%(default)s)")
    add("--seconds", type=float, default=20.0, metavar="S", help="of load around each change (%(default)s)")
    add("--brief", action="store_true", help="without exchanging replicas, and without autoscaling")
    add("--json", type=Path, metavar="FILE", help="write all figures")


def run(options: Options) -> int:
    """Start three nodes, kill and exchange, print what clients saw; 1 where an answer was lost or wrong.

    Raises:
        ConfigError: Ray is not installed.
        ServerError: a service does not start, or does not become what it should.
    """
    if importlib.util.find_spec("ray") is None:
        raise ConfigError("Ray is not installed; install it with pip install 'groupnl-serve[serve,ray]'")
    keep_ray_on_loopback()
    from groupnl_studies.cluster.load import Load
    from groupnl_studies.cluster.proof import Proof, cluster, expected_of  # imports Ray, which takes seconds

    say = functools.partial(print, flush=True)
    images = [photograph(seed) for seed in range(IMAGES)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archive, following = options.archive.resolve(), options.following.resolve()
        expected = expected_of(archive, images, folder / "single")
        with cluster(3) as nodes:
            load = Load(nodes.port, f"/predictions/{archive.stem}", images, expected)
            found = Proof(nodes, archive, following, folder, load, options.clients, say).run(
                options.seconds, brief=options.brief
            )
    text = json.dumps(found, indent=2)
    say(text)
    if options.json_file:
        write_whole(options.json_file, text + "\n")
    phases = [phase for phase in found.values() if isinstance(phase, dict) and "asked" in phase]
    return int(any(phase["lost"] or phase["wrong"] for phase in phases))
