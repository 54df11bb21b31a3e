"""The options that say who counts, and the crew that they mean."""

import argparse
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from typing import Self

from pydantic import model_validator
from torch import distributed

from groupnl.base.numbers import Positive
from groupnl.base.options import Options
from groupnl.errors import ConfigError, OptionError, not_installed
from groupnl.validation.crew.alone import Alone
from groupnl.validation.crew.job import Crew
from groupnl.validation.crew.processes import Processes
from groupnl.validation.crew.torchrun import met


class CrewOptions(Options):
    """Who counts.

    Attributes:
        processes: so many of this machine; None: this one, or those that torchrun started.
        ray: address of a Ray cluster.
    """

    processes: Positive | None
    ray: str | None

    @model_validator(mode="after")
    def _one_crew(self) -> Self:
        if self.processes is not None and self.ray is not None:
            raise ValueError("--processes are of this machine, --ray takes those of a cluster: give one of them")
        return self


def add_crew_arguments(group: "argparse._ArgumentGroup | argparse.ArgumentParser") -> None:
    """Declare them."""
    add = group.add_argument
    add("--processes", type=int, metavar="N", help="that share the images (this one, or those of torchrun)")
    add("--ray", metavar="auto|HOST:PORT", help="share the images among the tasks of a Ray cluster")


@contextmanager
def crew_of(options: CrewOptions) -> Iterator[Crew | None]:
    """Who is to count; None: this process has counted for torchrun's first one, and there is nothing left to do.

    Raises:
        ConfigError: no such cluster, or both torchrun and an option say who counts.
    """
    if distributed.is_torchelastic_launched():
        if options.processes is not None or options.ray is not None:
            raise OptionError("torchrun has started processes: leave out --processes and --ray")
        with met() as crew:
            yield crew
    elif options.ray is not None:
        if find_spec("ray") is None:
            raise ConfigError(f"--ray {options.ray}: {not_installed('ray', 'ray')}")
        from groupnl.validation.crew.ray_tasks import RayTasks

        with closing(RayTasks(options.ray)) as tasks:
            yield tasks
    else:
        yield Alone() if options.processes in (None, 1) else Processes(options.processes)
