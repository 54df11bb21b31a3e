"""A service's metrics without the service: two models, of which the second has shadows; they grow with every scrape."""

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily

from groupnl import metrics as m
from groupnl.corruptions import CELLS
from groupnl.corruptions.names import Cell
from groupnl.metrics import Family, Metrics
from groupnl.traffic.drift import ANSWER_STATISTICS
from groupnl.traffic.mixture import FIGURES, KINDS, LOOKS
from groupnl.traffic.statistics import STATISTICS

# The twin is first in the alphabet, and has no shadows: what is chosen at first must not be it alone.
TWIN, MODEL = "a_twin", "gnl.model"
MODELS = (TWIN, MODEL)
_WORKERS = 2.0
_GAUGES_OF_VERSIONS = {
    m.WORKERS_WANTED: _WORKERS,
    m.WORKERS_READY: _WORKERS,
    m.QUEUE_LENGTH: 3.0,
    m.QUEUE_MOST: 100.0,
    m.QUEUE_BYTES: 3e5,
    m.QUEUE_MOST_BYTES: 1e8,
}
_GAUGES_OF_SERVER = {m.IN_HAND: 4.0, m.CONNECTIONS: 5.0, m.MACHINE_CPU: 0.4, m.MACHINE_MEMORY: 0.5}
_OFFLINE_AGREEMENT = 0.7
CANDIDATE = "next.model"
# What a scrape's images look like: an eighth is blurred.
_LOOKS = {None: 350, Cell("motion_blur", 3): 50}
_CLASSES = {"cat": 0.5, "dog": 0.3, m.OTHER_CLASS: 0.2}
_LOSS_OF_A_SEVERITY = 0.05


class Exposition:
    """Counts as a service under load would."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        families = [family for family in (*m.FAMILIES, *m.SERVER_FAMILIES) if family.by_model]
        self._metrics = Metrics(None, self.registry, families)
        self._cells = itertools.cycle(CELLS)
        for model in MODELS:
            self._start(model)
        self._started = time.time()
        self.registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """What is of the whole server."""
        for family, value in (_GAUGES_OF_SERVER | {m.START_TIME: self._started}).items():
            yield GaugeMetricFamily(family.name, family.help, value)

    def grow(self) -> None:
        """Some requests more, and their shadows."""
        for model in MODELS:
            self._requests(model)
        for _ in CELLS:
            self._pair()
        self._traffic()
        self._candidate()
        self._late_labels()

    def _start(self, model: str) -> None:
        archive = {"version": "1", "arch": "net", "engine": "eager", "precision": "float32", "torch": "2"}
        self._metrics.set(m.BUILD_INFO, 1, model=model, archive_sha256=f"of {model}", **archive)
        for family in (m.WORKER_LOADS, m.WORKER_STARTS):
            self._metrics.inc(family, _WORKERS, model=model)
        for family, value in _GAUGES_OF_VERSIONS.items():
            self._metrics.set(family, value, model=model, version="1")
        for family in (m.ABANDONED, m.EXPIRED_REQUESTS, m.WORKER_DEATHS, m.RELOADS, m.REJECTED):
            self._metrics.start_at_zero(family, model=[model])
        self._count(m.SHADOW_SAMPLED, model)  # what the service asks itself when it starts
        if model == MODEL:
            self._start_shadows()

    def _start_shadows(self) -> None:
        self._metrics.set(m.SHADOW_QUEUE_LENGTH, 1, model=MODEL)
        self._metrics.set(m.PROBE_SET_IMAGES, 50, model=MODEL)
        for family in (m.SHADOW_DROPPED, m.SHADOW_REPEATED, m.SHADOW_THINNED, m.SHADOW_PROCESS_DEATHS):
            self._metrics.start_at_zero(family, model=[MODEL])
        for corruption in {cell.corruption for cell in CELLS}:
            self._metrics.set(m.OFFLINE_AGREEMENT, _OFFLINE_AGREEMENT, model=MODEL, corruption=corruption)
        self._start_traffic()

    def _start_traffic(self) -> None:
        """The archive's record: an image is taken for what it looks like."""
        self._metrics.set(m.EXPECTED_IMAGES, 500, model=MODEL)
        for expected, family in ((m.EXPECTED_CONFIDENCE, m.CONFIDENCE), (m.EXPECTED_ENTROPY, m.ENTROPY)):
            for bound in family.buckets:
                self._metrics.set(expected, bound, model=MODEL, le=str(bound))
        for name, share in _CLASSES.items():
            self._metrics.set(m.EXPECTED_PREDICTED, share, model=MODEL, **{"class": name})
        for kind in KINDS:
            self._metrics.set(m.TRAFFIC_SHARE_WEIGHT, 1, model=MODEL, corruption=kind, looks=kind)
        for look in LOOKS:
            accuracy = 0.8 - _LOSS_OF_A_SEVERITY * (look.severity if look else 0)
            self._metrics.set(m.OFFLINE_ACCURACY, accuracy, model=MODEL, **_labels(look))
            for figure in FIGURES:
                self._metrics.set(m.TRAFFIC_FIGURE_WEIGHT, accuracy, model=MODEL, figure=figure, **_labels(look))
            self._metrics.inc(m.TRAFFIC_LOOKS, 0, model=MODEL, **_labels(look))

    def _requests(self, model: str) -> None:
        for _ in range(20):
            self._count(m.REQUESTS, model, code="200")
            self._count(m.ANSWERS, model, protocol=m.RAW, code="200")
            self._metrics.observe(m.REQUEST_SECONDS, 0.03, model=model)
            self._metrics.observe(m.QUEUE_SECONDS, 0.01, model=model)
            self._metrics.observe(m.BATCH_SIZE, 2, model=model)
            for stage in m.STAGES:
                self._metrics.observe(m.STAGE_SECONDS, 0.02, model=model, stage=stage)

    def _pair(self) -> None:
        """Two in four change their answer, and two of the twin's; half of the probe set's answers are right."""
        cell = next(self._cells)
        labels = {"corruption": cell.corruption, "severity": str(cell.severity)}
        self._metrics.inc(m.SHADOW_SAMPLED, len(m.PAIRED_OUTCOMES), model=MODEL)
        self._metrics.observe(m.SHADOW_LAG_SECONDS, 0.2, model=MODEL)
        self._metrics.observe(m.SHADOW_PAIR_SECONDS, 0.05, model=MODEL)
        for family in (m.SHADOW_CONFIDENCE_DROP, m.SHADOW_JS_BITS):
            self._metrics.observe(family, 0.1, model=MODEL, corruption=cell.corruption)
        for outcome in m.PAIRED_OUTCOMES:
            self._count(m.SHADOW_PAIRS, MODEL, **labels)
            self._count(m.SHADOW_TOP5_KEPT, MODEL, **labels)
            self._count(m.PAIRED_OUTCOMES_TOTAL, MODEL, reference=TWIN, corruption=cell.corruption, outcome=outcome)
        self._metrics.inc(m.SHADOW_GROUP_KEPT, 3, model=MODEL, **labels)
        self._metrics.inc(m.SHADOW_NOT_FINITE, 0, model=MODEL, corruption=cell.corruption)
        self._metrics.inc(m.SHADOW_FLIPS, 2, model=MODEL, **labels)
        self._metrics.inc(m.SHADOW_GROUP_KEPT, 3, model=MODEL, **labels)
        for place, model in itertools.product((labels, m.CLEAN), MODELS):
            self._count(m.PROBE_IMAGES, model, **place)
            self._metrics.inc(m.PROBE_CORRECT, 0.5, model=model, **place)
        for place in (labels, m.CLEAN):
            self._count(m.LABELLED, MODEL, **place)
            self._count(m.LABELLED_CORRECT, MODEL, **place)
            self._metrics.inc(m.SHADOW_EXPECTED_CORRECT, 0.6 * len(m.PAIRED_OUTCOMES), model=MODEL, **place)

    def _traffic(self) -> None:
        for look, images in _LOOKS.items():
            self._metrics.inc(m.TRAFFIC_LOOKS, images, model=MODEL, **_labels(look))
        for statistic, bound in itertools.product((*STATISTICS, *ANSWER_STATISTICS), m.TRAFFIC_RANK.buckets):
            self._metrics.observe(m.TRAFFIC_RANK, bound, model=MODEL, statistic=statistic)
        for family in (m.CONFIDENCE, m.ENTROPY):
            for bound in family.buckets:
                self._metrics.observe(family, bound, model=MODEL)
        for name, share in _CLASSES.items():
            self._metrics.inc(m.PREDICTED, 100 * share, model=MODEL, **{"class": name})
        self._metrics.inc(m.TRAFFIC_FILES, 10, model=MODEL, format="jpeg", exif="yes")
        self._metrics.observe(m.TRAFFIC_SIDE_PIXELS, 640, model=MODEL)
        self._metrics.observe(m.TRAFFIC_JPEG_QUALITY, 85, model=MODEL)

    def _candidate(self) -> None:
        """It agrees in nine of ten, and holds and is right as often as the model."""
        both = {"model": MODEL, "candidate": CANDIDATE}
        self._metrics.inc(m.CANDIDATE_IMAGES, 10, **both)
        self._metrics.inc(m.CANDIDATE_AGREES, 9, **both)
        self._metrics.inc(m.CANDIDATE_DISAGREEMENTS, **both, model_class="cat", candidate_class="dog")
        self._metrics.inc(m.CANDIDATE_FAILURES, 0, **both)
        for network in ("model", "candidate"):
            self._metrics.observe(m.CANDIDATE_SECONDS, 0.02, **both, network=network)
        for outcome in m.HOLD_OUTCOMES:
            self._metrics.inc(m.CANDIDATE_HOLDS, **both, corruption="fog", outcome=outcome)
        for outcome, family in itertools.product(m.RIGHT_OUTCOMES, (m.CANDIDATE_RIGHT, m.LATE_CANDIDATE_RIGHT)):
            self._metrics.inc(family, **both, outcome=outcome)

    def _late_labels(self) -> None:
        self._metrics.inc(m.LATE_LABELS, 2, model=MODEL, outcome=m.JOINED)
        for look in LOOKS:
            self._metrics.inc(m.LATE_LABELLED, 2, model=MODEL, **_labels(look))
            self._metrics.inc(m.LATE_LABELLED_CORRECT, model=MODEL, **_labels(look))
        self._metrics.observe(m.LABEL_DELAY_SECONDS, 60, model=MODEL)

    def _count(self, family: Family, model: str, **labels: str) -> None:
        self._metrics.inc(family, model=model, **labels)


def _labels(look: Cell | None) -> dict[str, str]:
    return m.CLEAN if look is None else {"corruption": look.corruption, "severity": str(look.severity)}


@contextmanager
def exposed(port: int) -> Iterator[None]:
    """The metrics at ``/metrics`` of a loopback port."""
    exposition = Exposition()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            exposition.grow()
            text = generate_latest(exposition.registry)
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE_LATEST)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
