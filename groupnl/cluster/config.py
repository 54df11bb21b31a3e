"""Configuration of a service on a cluster: that of `groupnl serve`, and how many replicas of it there are."""

import re
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from groupnl.base.numbers import Positive
from groupnl.base.options import option_name
from groupnl.base.texts import form
from groupnl.server.config import ServeConfig, is_loopback
from groupnl.server.store import served_models

APPLICATION, DEPLOYMENT = "groupnl", "service"  # as Ray Serve calls them
Range = Annotated[str, form(r"[1-9][0-9]{0,5}(:[1-9][0-9]{0,5})?", "a number of replicas, or MIN:MAX, such as 1:3")]
EVERYWHERE = "0.0.0.0"  # noqa: S104 (an operator's wish, compared)
# Of `groupnl serve` alone: sockets and files that replicas, which come and go, cannot have one by one.
NOT_HERE = (
    "management_port",
    "management_socket",
    "frontend_metrics_port",
    "grpc_port",
    "notice_s",
    "keep_examples",
    "examples_dir",
    "token_auth",
    "token_expiration_min",
)


_ADDRESS = re.compile(r"(^|=)[a-z][a-z0-9+.\-]*:/", re.IGNORECASE)  # of a path, URL:// is URL:/


def _absolute(item: str) -> str:
    """``NAME`` as it is, ``NAME=FILE`` with the file's absolute path."""
    name, equals, file = item.partition("=")
    return f"{name}={Path(file).absolute()}" if equals else item


def _one_name_each(archives: tuple[Path, ...]) -> tuple[Path, ...]:
    names = [archive.stem for archive in archives]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"two archives are called {twice!r}; name them with --models NAME=FILE.mar")
    return archives


class ClusterConfig(ServeConfig):
    """What is served on a cluster, and how.

    Host and inference port are those of the proxies, which Ray starts on every node; metrics host and port those of
    the one address where all replicas' counts are added up, on the head node.

    Attributes:
        archives: to be served, each under its file's name; beside `models`. Every node must find them there.
        replicas: how many, or from how few to how many.
        cpus: cores that a replica has for itself.
        gpus: the same of GPUs.
        max_ongoing: requests that a replica has in hand; others wait at the proxies, or go to other replicas.
        target_ongoing: requests in hand of a replica, from which on others are started.
        upscale_delay_s: for which there must be more than that, until others are started.
        downscale_delay_s: for which there must be less, until some are ended.
        health_period_s: between two predictions by which a replica's health is checked.
    """

    archives: Annotated[tuple[Path, ...], AfterValidator(_one_name_each)] = ()
    replicas: Range = "1"
    cpus: Annotated[float, Field(gt=0)] = 1.0
    gpus: Annotated[float, Field(ge=0)] = 0.0
    max_ongoing: Positive = 64
    target_ongoing: Annotated[float, Field(gt=0)] = 16.0
    upscale_delay_s: Annotated[float, Field(ge=0)] = 10.0
    downscale_delay_s: Annotated[float, Field(ge=0)] = 300.0
    health_period_s: Annotated[float, Field(gt=0)] = 10.0

    @model_validator(mode="after")
    def _only_what_is_here(self) -> Self:
        if self.server != "groupnl":
            raise ValueError(f"--server {self.server} cannot be served on a cluster; leave the option out")
        for field in NOT_HERE:
            if getattr(self, field) != type(self).model_fields[field].default:
                raise ValueError(f"{option_name(field)} is for `groupnl serve` alone; leave it out on a cluster")
        return self

    @model_validator(mode="after")
    def _only_files(self) -> Self:
        items = (*map(str, self.archives), *self.models, *self.candidates)
        if any(_ADDRESS.search(item) for item in items):  # not shown: it may have a password, or a signature
            raise ValueError(
                "an archive is given by its address; a cluster fetches none: put the file on every node, and name it"
            )
        return self

    @model_validator(mode="after")
    def _a_range(self) -> Self:
        if self.least > self.most:
            raise ValueError(f"--replicas {self.replicas} has more at least than at most; write MIN:MAX")
        return self

    @property
    def least(self) -> int:
        """The fewest replicas."""
        return int(self.replicas.partition(":")[0])

    @property
    def most(self) -> int:
        """The most replicas."""
        return int(self.replicas.rpartition(":")[2])

    def served(self) -> dict[str, str]:
        """Model -> its archive's absolute path.

        Raises:
            ConfigError, ArchiveError: see `served_models`.
        """
        named = tuple(f"{archive.stem}={archive}" for archive in self.archives)
        config = self.model_copy(update={"models": (*named, *self.models)})
        return {name: str(file.resolve()) for name, file in served_models(config)}

    def absolute(self) -> Self:
        """The same settings with absolute paths: replicas and totals run in other folders."""
        files = {name: file.absolute() for name, file in self if isinstance(file, Path) and name not in NOT_HERE}
        archives = tuple(archive.absolute() for archive in self.archives)
        models, candidates = (tuple(map(_absolute, items)) for items in (self.models, self.candidates))
        return self.model_copy(update={**files, "archives": archives, "models": models, "candidates": candidates})

    def of_a_replica(self, archives: dict[str, str], log_dir: Path, node: str) -> ServeConfig:
        """The settings of one replica.

        Args:
            archives: model -> its archive.
            log_dir: of this replica.
            node: address of the node where it is.
        """
        changes: dict[str, Any] = {
            "models": tuple(f"{name}={file}" for name, file in archives.items()),
            "log_dir": log_dir,
            "metrics_host": self._metrics_host_on(node),
            "state_dir": None,  # its counts are kept where all are added up
        }
        mine = self.model_dump(include=set(ServeConfig.model_fields)) | changes
        return ServeConfig.model_validate(mine)

    def _metrics_host_on(self, node: str) -> str:
        """Where a replica's own metrics are: on a node of its own not at the head's address, which is not there."""
        if is_loopback(self.metrics_host) or self.metrics_host == EVERYWHERE or is_loopback(node):
            return self.metrics_host
        return node
