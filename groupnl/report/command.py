"""`groupnl report`: one page about the robustness of the served models."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from pydantic import model_validator

from groupnl.base.addresses import Url
from groupnl.base.atomic_file import write_whole
from groupnl.base.options import Options as BaseOptions
from groupnl.errors import ConfigError
from groupnl.report.figures import figures_of, model_names
from groupnl.report.key_file import read_key
from groupnl.report.page import page
from groupnl.report.samples import Duration, Replicas, Samples, read_endpoint, read_prometheus, read_replicas
from groupnl.robustness.examples import read_examples


class Options(BaseOptions):
    """What `groupnl report` is about.

    Attributes:
        prometheus: URL of a Prometheus that scrapes the service; None: `endpoint` is given.
        endpoint: URL of the service's own metrics; None: `prometheus` is given.
        key_file: holds the endpoint's key; None: it needs none.
        model: names, in the page's order; None: all.
        since: duration as Prometheus writes it; None: since the service's counts began.
        examples: folder of `groupnl serve --examples-dir`, whose flips are shown; None: none are.
        output: the page.
    """

    prometheus: Url | None
    endpoint: Url | None
    key_file: Path | None
    model: tuple[str, ...] | None
    since: Duration | None
    examples: Path | None
    output: Path

    @model_validator(mode="after")
    def _since_when_prometheus_knows(self) -> Self:
        if self.endpoint and self.since:
            raise ValueError("--since needs --prometheus: an endpoint knows only all that the service has counted")
        return self

    @model_validator(mode="after")
    def _key_of_an_endpoint(self) -> Self:
        if self.key_file and not self.endpoint:
            raise ValueError("--key-file needs --endpoint: the key is that of the service's own metrics")
        return self


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl report`."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--prometheus", metavar="URL", help="a Prometheus that scrapes the service")
    source.add_argument("--endpoint", metavar="URL", help="the service's own metrics: http://127.0.0.1:8083")
    parser.add_argument("--key-file", type=Path, metavar="FILE", help="holds the endpoint's key, where it needs one")
    parser.add_argument("--model", nargs="+", metavar="NAME", help="which models, in this order (all)")
    parser.add_argument(
        "--since", metavar="TIME", help="only the last 24h, 7d, ...; with --prometheus (since the start)"
    )
    parser.add_argument(
        "--examples",
        type=Path,
        metavar="DIR",
        help="show answers that changed, with the pictures that groupnl serve --keep-examples has kept there",
    )
    parser.add_argument("--output", type=Path, default=Path("report.html"), metavar="FILE", help="(%(default)s)")


def run(options: Options) -> int:
    """Read, and write the page.

    Raises:
        ConfigError: an unknown model, a file without a key, or a folder without examples.
        ServerError: nobody answers, or not with metrics of this service.
    """
    address = options.endpoint or str(options.prometheus)
    if options.endpoint:
        samples = read_endpoint(address, read_key(options.key_file) if options.key_file else None)
    else:
        samples = read_prometheus(address, options.since)
    names = _chosen(samples, options.model)
    period = _period(options)
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    examples = read_examples(options.examples) if options.examples else []
    models = [figures_of(samples, name, since=options.since) for name in names]
    content = page(models, address, period, made, examples)
    write_whole(options.output, content)
    if examples and options.output.is_file():  # clients' pictures: for the owner alone, as where they were kept
        options.output.chmod(0o600)
    print(options.output)
    return 0


def _period(options: Options) -> str:
    if options.since:
        return f"over the last {options.since}"
    if options.endpoint:
        return "since the service's counts began"
    return replicas_in_words(read_replicas(str(options.prometheus)))


def replicas_in_words(replicas: Replicas) -> str:
    """Whose counts they are, where no time is given."""
    silent = replicas.last_hour - replicas.now
    if silent > 0:
        others = "the other one does" if silent == 1 else "the others do"
        return (
            f"by {replicas.now} of the {replicas.last_hour} replicas of the last hour, each since its counts began: "
            f"{others} not answer Prometheus now (--since counts all of them)"
        )
    if replicas.now == 1:
        return "by the only replica of the last hour, since its counts began"
    return f"by all {replicas.now} replicas of the last hour, each since its counts began"


def _chosen(samples: Samples, wanted: Sequence[str] | None) -> list[str]:
    known = model_names(samples)
    for name in wanted or []:
        if name not in known:
            raise ConfigError(f"there are no metrics of the model {name!r}; there are of {', '.join(known)}")
    return list(wanted or known)
