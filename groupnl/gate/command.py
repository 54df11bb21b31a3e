"""`groupnl gate`: may a candidate take its model's place? The exit status tells: 0 promote, 1 reject, 2 not enough yet.

Whatever keeps it from a verdict (a mistyped option, a service that does not answer, an unknown name) ends it with
another status, `groupnl.cli.NO_VERDICT`.
"""

import argparse
import json
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from groupnl.base.addresses import Url
from groupnl.base.numbers import Count
from groupnl.base.options import Options as BaseOptions
from groupnl.gate.counts import counts_of
from groupnl.gate.verdict import Rules, verdict
from groupnl.gate.words import headline, in_json, reasons
from groupnl.report.key_file import read_key
from groupnl.report.samples import Samples, read_endpoint, read_prometheus

Percent = Annotated[float, Field(ge=0, le=100)]
_DEFAULT = Rules()


class Options(BaseOptions):
    """What `groupnl gate` is asked.

    Attributes:
        prometheus: URL of a Prometheus that scrapes the service; None: `endpoint` is given.
        endpoint: URL of the service's own metrics; None: `prometheus` is given.
        key_file: holds the endpoint's key; None: it needs none.
        model: name of the served model.
        candidate: name of its candidate.
        min_pairs: see `Rules`.
        max_loss: see `Rules`; points.
        max_loss_corrupted: the same under corruption, points; None: as `max_loss`.
        min_agreement: see `Rules`, percent; None: the usual one, and nothing is rejected for it.
        max_failures: see `Rules`; percent.
        max_slowdown: see `Rules`.
        as_json: print JSON.
    """

    prometheus: Url | None
    endpoint: Url | None
    key_file: Path | None
    model: str
    candidate: str
    min_pairs: Count
    max_loss: Percent
    max_loss_corrupted: Percent | None
    min_agreement: Percent | None
    max_failures: Annotated[float, Field(gt=0, le=100)]
    max_slowdown: Annotated[float, Field(gt=0)] | None
    as_json: bool

    @model_validator(mode="after")
    def _key_of_an_endpoint(self) -> Self:
        if self.key_file and not self.endpoint:
            raise ValueError("--key-file needs --endpoint: the key is that of the service's own metrics")
        return self

    def rules(self) -> Rules:
        """What is asked of the candidate."""
        corrupted = self.max_loss if self.max_loss_corrupted is None else self.max_loss_corrupted
        agreement = _DEFAULT.min_agreement if self.min_agreement is None else self.min_agreement / 100
        return Rules(
            min_pairs=self.min_pairs,
            max_loss=self.max_loss / 100,
            max_loss_corrupted=corrupted / 100,
            min_agreement=agreement,
            refuses_below=self.min_agreement is not None,
            max_failures=self.max_failures / 100,
            max_slowdown=self.max_slowdown,
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl gate`."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--prometheus", metavar="URL", help="a Prometheus that scrapes the service")
    source.add_argument("--endpoint", metavar="URL", help="the service's own metrics: http://127.0.0.1:8083")
    add = parser.add_argument
    add("--key-file", type=Path, metavar="FILE", help="holds the endpoint's key, where it needs one")
    add("--model", required=True, metavar="NAME", help="the served model")
    add("--candidate", required=True, metavar="NAME", help="its candidate: groupnl serve --candidate")
    add("--min-pairs", type=int, default=_DEFAULT.min_pairs, metavar="N", help="images to promote on (%(default)s)")
    add("--max-loss", type=float, default=1.0, metavar="P", help="of accuracy, points (%(default)s)")
    add("--max-loss-corrupted", type=float, metavar="P", help="of answers kept, points (as --max-loss)")
    add("--min-agreement", type=float, metavar="P", help="reject below so many %% same answers; without labels (90)")
    add("--max-failures", type=float, default=1.0, metavar="P", help="%% of images without answer (%(default)s)")
    add("--max-slowdown", type=float, metavar="X", help="times as many seconds as the model (any)")
    add("--json", action="store_true", dest="as_json", help="for programs")


def run(options: Options) -> int:
    """Read, judge and print.

    Returns:
        0 promote, 1 reject, 2 not enough yet.

    Raises:
        ConfigError: an unknown model or candidate, or a file without a key.
        ServerError: nobody answers, or not with metrics of this service.
    """
    rules = options.rules()
    counts = counts_of(_read(options), options.model, options.candidate)
    found = verdict(counts, rules)
    if options.as_json:
        print(json.dumps(in_json(found, counts, rules, options.model, options.candidate), indent=2))
    else:
        print(headline(found, options.model, options.candidate))
        print("\n".join(f"  {reason}" for reason in reasons(found, counts, rules)))
    return found.status


def _read(options: Options) -> Samples:
    if options.endpoint:
        return read_endpoint(options.endpoint, read_key(options.key_file) if options.key_file else None)
    return read_prometheus(str(options.prometheus), None)
