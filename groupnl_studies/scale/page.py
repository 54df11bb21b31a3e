"""The page of a service in less detail, as `groupnl serve --metrics-detail` would show it."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from groupnl.errors import ConfigError
from groupnl.metrics import SHOWN_DETAIL, Detail
from groupnl.server.observed.detail import Shown


class _Parsed:
    """A page, as a collector of prometheus_client."""

    def __init__(self, text: str) -> None:
        self._metrics = list(text_string_to_metric_families(text))

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics


def in_detail(page: bytes, detail: Detail) -> bytes:
    """What a service would show whose page this is.

    Args:
        page: in Prometheus' format, with everything.
        detail: how much of it is shown.

    Raises:
        ConfigError: it does not have everything.
    """
    text = page.decode()
    if SHOWN_DETAIL.name in text:
        raise ConfigError("the service shows less than it counts: start it without --metrics-detail")
    registry = CollectorRegistry()
    registry.register(_Parsed(text))
    return page if detail == "cells" else generate_latest(Shown(registry, detail))
