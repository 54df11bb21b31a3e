"""The metrics endpoint of a service with a candidate, whose counts tests play."""

from prometheus_client import CollectorRegistry, start_http_server

from groupnl.metrics import (
    CANDIDATE_AGREES,
    CANDIDATE_DISAGREEMENTS,
    CANDIDATE_FAILURES,
    CANDIDATE_HOLDS,
    CANDIDATE_IMAGES,
    CANDIDATE_RIGHT,
    CANDIDATE_SECONDS,
    LATE_CANDIDATE_RIGHT,
    REQUESTS,
    Metrics,
)
from groupnl_studies.harness.ports import free_ports


class PlayedService:
    """The counters of a service with a model `m` and its candidate `c`."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._metrics = Metrics("m", registry)
        self._metrics.inc(REQUESTS, 100_000, code="200")
        for family in (CANDIDATE_IMAGES, CANDIDATE_AGREES, CANDIDATE_FAILURES):
            self._metrics.start_at_zero(family, candidate=["c"])
        (self.port,) = free_ports(1)
        self._http, self._thread = start_http_server(self.port, "127.0.0.1", registry)

    def count(self, images: int, right: tuple[int, int, int, int], late: tuple[int, int, int, int]) -> None:
        """So many images; who was right: both, only the model, only the candidate, neither."""
        inc = self._metrics.inc
        inc(CANDIDATE_IMAGES, images, candidate="c")
        inc(CANDIDATE_AGREES, 0.95 * images, candidate="c")
        inc(CANDIDATE_DISAGREEMENTS, 0.03 * images, candidate="c", model_class="cat", candidate_class="dog")
        inc(CANDIDATE_DISAGREEMENTS, 0.02 * images, candidate="c", model_class="other", candidate_class="other")
        for corruption in ("fog", "snow"):
            inc(CANDIDATE_HOLDS, images / 2, candidate="c", corruption=corruption, outcome="both_hold")
        names = ("both_right", "model_only", "candidate_only", "both_wrong")
        for name, live, later in zip(names, right, late, strict=True):
            inc(CANDIDATE_RIGHT, live, candidate="c", outcome=name)
            inc(LATE_CANDIDATE_RIGHT, later, candidate="c", outcome=name)
        self._metrics.observe(CANDIDATE_SECONDS, 0.01, candidate="c", network="model")
        self._metrics.observe(CANDIDATE_SECONDS, 0.02, candidate="c", network="candidate")

    def disagree(self, images: int, model_class: str = "other") -> None:
        """So many more images that the two call differently, by the model's class."""
        self._metrics.inc(CANDIDATE_IMAGES, images, candidate="c")
        labels = {"candidate": "c", "model_class": model_class, "candidate_class": "other"}
        self._metrics.inc(CANDIDATE_DISAGREEMENTS, images, **labels)

    def close(self) -> None:
        """Stop answering."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
