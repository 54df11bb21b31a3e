"""Every metric of the service, declared once: who counts, and rules, dashboards and reports use the same names.

Ratios are never stored: each is formed by the reader from two counters, summed before they are divided, so that
workers and replicas add up. Labels are few and known from the start: no request id, address or exception text.
"""

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from groupnl.errors import GroupNLError, input_errors, refused_errors

# The clean answer's place among the corruptions and severities.
NONE = "none"
CLEAN = {"corruption": NONE, "severity": "0"}
STAGES = ("wait", "decode", "preprocess", "infer", "respond", "total")
WAIT, DECODE, PREPROCESS, INFER, RESPOND, TOTAL = STAGES
PAIRED_OUTCOMES = ("both_hold", "model_only", "reference_only", "both_flip")
BOTH_HOLD, MODEL_ONLY, REFERENCE_ONLY, BOTH_FLIP = PAIRED_OUTCOMES
DROP_REASONS = ("queue_full", "expired", "fault")
QUEUE_FULL, EXPIRED, FAULT = DROP_REASONS
# How a client asked; OTHER is everything but a question about images: health, descriptions, what is no HTTP.
PROTOCOLS = ("raw", "v1", "v2", "grpc", "invocations", "trial", "other")
RAW, V1, V2, GRPC, INVOCATIONS, TRIAL, OTHER = PROTOCOLS
REPEAT_KINDS = ("same", "similar")
SAME, SIMILAR = REPEAT_KINDS
DEATH_REASONS = ("loading", "died", "timeout")
LOADING, DIED, TIMEOUT = DEATH_REASONS
RELOAD_OUTCOMES = ("done", "refused")
RELOADED, NOT_RELOADED = RELOAD_OUTCOMES
OTHER_CLASS = "other"  # in place of a class that is not counted by itself
RIGHT_OUTCOMES = ("both_right", "model_only", "candidate_only", "both_wrong")
BOTH_RIGHT, ONLY_MODEL_RIGHT, ONLY_CANDIDATE_RIGHT, BOTH_WRONG = RIGHT_OUTCOMES
HOLD_OUTCOMES = ("both_hold", "model_only", "candidate_only", "both_flip")
Detail = Literal["cells", "corruptions", "answers"]
"""How much of what is counted is shown; see `groupnl.server.observed.detail`."""
DETAILS: tuple[Detail, ...] = get_args(Detail)
LABEL_OUTCOMES = ("joined", "unknown", "refused")
JOINED, UNKNOWN, NOT_TAKEN = LABEL_OUTCOMES

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LAG_SECONDS = (0.01, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_BATCH_SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
_LABEL_SECONDS = (1.0, 10.0, 60.0, 600.0, 3600.0, 6 * 3600.0, 86400.0, 7 * 86400.0)
_TENTHS = tuple(tenth / 10 for tenth in range(1, 11))
_TWENTIETHS = tuple(twentieth / 20 for twentieth in range(1, 21))
_SIDES = (32.0, 64.0, 128.0, 224.0, 320.0, 480.0, 640.0, 1024.0, 2048.0, 4096.0, 8192.0)
_QUALITIES = (10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 85.0, 90.0, 95.0, 100.0)
# Most drops are near 0, and the difference between 0.01 and 0.1 matters.
_SHARES = (0.001, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9, 1.0)


@dataclass(frozen=True)
class Family:
    """One metric.

    Attributes:
        name: as scraped; a counter's ends in ``_total``, a histogram's series add ``_bucket``, ``_sum``, ``_count``.
        kind: of the value. Gauges are summed over living workers ("sum") or are the same in all ("same").
        help: what it counts, with the unit.
        labels: beside ``model``.
        buckets: upper bounds of a histogram, in its unit.
        known: label -> its values, where they are the same in every service; such series begin at 0.
        by_model: whether it has the label ``model``; else it is of the whole server.
    """

    name: str
    kind: Literal["counter", "histogram", "sum", "same"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    known: Mapping[str, Sequence[str]] = field(default_factory=dict, compare=False)
    by_model: bool = True

    @property
    def all_labels(self) -> tuple[str, ...]:
        """Every label, ``model`` first where it has one."""
        return ("model", *self.labels) if self.by_model else self.labels


_CELL = ("corruption", "severity")
_REFUSALS = input_errors()
_STATUSES = sorted({HTTPStatus.OK, GroupNLError.status, *(error.status for error in _REFUSALS)})

REQUESTS = Family(
    "groupnl_requests_total",
    "counter",
    "Requests that the handler answered, by HTTP status.",
    ("code",),
    known={"code": [str(int(status)) for status in _STATUSES]},
)
REJECTED = Family(
    "groupnl_rejected_inputs_total",
    "counter",
    "Requests refused for their input, by the error's code.",
    ("reason",),
    known={"reason": [error.code for error in _REFUSALS]},
)
STAGE_SECONDS = Family(
    "groupnl_stage_seconds",
    "histogram",
    "Seconds in a stage: decode and preprocess of one image; wait (for cores), infer, respond and total of one batch.",
    ("stage",),
    _SECONDS,
    {"stage": STAGES},
)
BATCH_SIZE = Family("groupnl_batch_size", "histogram", "Requests in a batch.", (), _BATCH_SIZES)
BUILD_INFO = Family(
    "groupnl_build_info",
    "same",
    "1; the labels say what is served.",
    ("version", "arch", "engine", "precision", "torch", "archive_sha256"),
)
ENGINE_SPEED = Family(
    "groupnl_engine_images_per_second",
    "same",
    "Images a second that each engine of the archive did when it was measured, on this machine or where it was packed: "
    "all workers with full batches, the same beside another program that keeps a core busy, one worker alone.",
    ("engine", "load"),
)
WORKER_LOADS = Family("groupnl_worker_loads_total", "counter", "Worker processes that began to load their model.")
WORKER_STARTS = Family("groupnl_worker_starts_total", "counter", "Worker processes that became ready.")
GPU_MEMORY = Family(
    "groupnl_gpu_memory_bytes",
    "sum",
    "Bytes of a GPU's memory that workers hold: of tensors (allocated), with what torch keeps for more (reserved).",
    ("device", "kind"),
)
GPU_MEMORY_USED = Family(
    "groupnl_gpu_memory_used_bytes", "same", "Bytes of a GPU's memory that all programs hold.", ("device",)
)
GPU_MEMORY_TOTAL = Family("groupnl_gpu_memory_total_bytes", "same", "Bytes of a GPU's memory.", ("device",))
GPU_HALVINGS = Family(
    "groupnl_gpu_halvings_total",
    "counter",
    "Batches that a GPU's memory did not hold and that were halved.",
    ("device",),
)
GPU_UNRECORDED = Family(
    "groupnl_gpu_unrecorded_total",
    "counter",
    "Batch sizes for which a GPU's work could not be recorded as a CUDA graph; they run without, as the log says.",
    ("device",),
)
# What is counted of the service, whichever archive a model comes from. Whatever else is counted says something of the
# archive's networks, and nothing of another archive's.
OF_THE_SERVICE = (REQUESTS, REJECTED, STAGE_SECONDS, BATCH_SIZE, WORKER_LOADS, WORKER_STARTS)

SHADOW_SAMPLED = Family("groupnl_shadow_sampled_total", "counter", "Live images chosen for a shadow request.")
SHADOW_THINNED = Family(
    "groupnl_shadow_thinned_total",
    "counter",
    "Live images among the share that were not chosen, because shadows lately had no time for all of it.",
)
SHADOW_REPEATED = Family(
    "groupnl_shadow_repeated_total",
    "counter",
    "Live images that were not chosen because the same one, or one that looks like it, was seen lately.",
    ("kind",),
    known={"kind": REPEAT_KINDS},
)
SHADOW_DROPPED = Family(
    "groupnl_shadow_dropped_total",
    "counter",
    "Chosen images that were not answered again, by reason.",
    ("reason",),
    known={"reason": DROP_REASONS},
)
SHADOW_PROCESS_DEATHS = Family(
    "groupnl_shadow_process_deaths_total",
    "counter",
    "Shadow processes that ended, by reason: while loading, by themselves, or because a batch hung.",
    ("reason",),
    known={"reason": DEATH_REASONS},
)
SHADOW_QUEUE_LENGTH = Family("groupnl_shadow_queue_length", "sum", "Chosen images that wait.")
SHADOW_LAG_SECONDS = Family(
    "groupnl_shadow_lag_seconds", "histogram", "Seconds from the live answer to its shadow's.", (), _LAG_SECONDS
)
SHADOW_PAIR_SECONDS = Family(
    "groupnl_shadow_pair_seconds",
    "histogram",
    "Seconds of a worker's shadows that a pair took, with the rest that the time share demands.",
    (),
    _SECONDS,
)
SHADOW_PAIRS = Family("groupnl_shadow_pairs_total", "counter", "Live images answered clean and corrupted.", _CELL)
SHADOW_FLIPS = Family("groupnl_shadow_flips_total", "counter", "Pairs whose best class changed.", _CELL)
SHADOW_NOT_FINITE = Family(
    "groupnl_shadow_not_finite_total",
    "counter",
    "Pairs whose corrupted answer was no answer: its numbers were not finite. They are among the flips.",
    ("corruption",),
)
SHADOW_TOP5_KEPT = Family(
    "groupnl_shadow_top5_kept_total", "counter", "Pairs whose clean best class is among the corrupted best five.", _CELL
)
SHADOW_GROUP_KEPT = Family(
    "groupnl_shadow_group_kept_total", "counter", "Pairs whose best class stayed in its group of classes.", _CELL
)
SHADOW_CONFIDENCE_DROP = Family(
    "groupnl_shadow_confidence_drop",
    "histogram",
    "Loss of probability of the clean best class, 0 to 1.",
    ("corruption",),
    _SHARES,
)
SHADOW_JS_BITS = Family(
    "groupnl_shadow_js_bits",
    "histogram",
    "Jensen-Shannon divergence between the clean and the corrupted answer, bits, 0 to 1.",
    ("corruption",),
    _SHARES,
)
PAIRED_OUTCOMES_TOTAL = Family(
    "groupnl_shadow_paired_outcomes_total",
    "counter",
    "Pairs by who kept its own clean best class on the same pixels: the model or its reference.",
    ("reference", "corruption", "outcome"),
    known={"outcome": PAIRED_OUTCOMES},
)

# What the traffic is like. Of all live answers: what the network says of them.
CONFIDENCE = Family(
    "groupnl_confidence", "histogram", "Probability of an answer's best class, 0 to 1; of live images.", (), _TENTHS
)
ENTROPY = Family(
    "groupnl_entropy_ratio", "histogram", "Entropy of an answer over the most that it can be, 0 to 1.", (), _TENTHS
)
PREDICTED = Family(
    "groupnl_predicted_total",
    "counter",
    "Live answers by their best class: those that are most frequent among held-back images, and all others.",
    ("class",),
)
# The same of held-back images, measured before packing.
EXPECTED_CONFIDENCE = Family(
    "groupnl_expected_confidence_ratio", "same", "Share of held-back images with at most this confidence.", ("le",)
)
EXPECTED_ENTROPY = Family(
    "groupnl_expected_entropy_ratio", "same", "Share of held-back images with at most this entropy.", ("le",)
)
EXPECTED_PREDICTED = Family(
    "groupnl_expected_predicted_ratio", "same", "Share of held-back images by their best class.", ("class",)
)
EXPECTED_IMAGES = Family("groupnl_expected_images", "same", "Held-back images behind what is expected of the traffic.")
CALIBRATION_ERROR = Family(
    "groupnl_calibration_error_ratio",
    "same",
    "Expected calibration error on held-back images, 0 to 1: of probabilities with and without the archive's "
    "temperature, and which of them clients get.",
    ("calibrated", "served"),
)
# Of the chosen images: what they look like.
TRAFFIC_RANK = Family(
    "groupnl_traffic_rank",
    "histogram",
    "Where a chosen image lies among the held-back ones, 0 to 1: spread evenly where the traffic is like them.",
    ("statistic",),
    _TWENTIETHS,
)
TRAFFIC_LOOKS = Family(
    "groupnl_traffic_looks_total", "counter", "Chosen images by the corruption that they look like; none: clean.", _CELL
)
TRAFFIC_SHARE_WEIGHT = Family(
    "groupnl_traffic_share_weight",
    "same",
    "What an image that looks so adds to the share of images that are so; those that are not there add nothing.",
    ("corruption", "looks"),
)
TRAFFIC_FIGURE_WEIGHT = Family(
    "groupnl_traffic_figure_weight",
    "same",
    "What an image that looks so adds to a figure that is expected of the traffic, as held-back images had it.",
    ("figure", *_CELL),
)
TRAFFIC_FILES = Family("groupnl_traffic_files_total", "counter", "Chosen images by their file.", ("format", "exif"))
TRAFFIC_SIDE_PIXELS = Family(
    "groupnl_traffic_side_pixels", "histogram", "Longer side of a chosen image, pixels.", (), _SIDES
)
TRAFFIC_JPEG_QUALITY = Family(
    "groupnl_traffic_jpeg_quality", "histogram", "Quality of a chosen JPEG by its tables, 1 to 100.", (), _QUALITIES
)
# How often answers are expected to be right, without labels.
SHADOW_EXPECTED_CORRECT = Family(
    "groupnl_shadow_expected_correct_total",
    "counter",
    "Sum of the calibrated probability, by the clean answer, that the answer to a chosen image is right.",
    _CELL,
)

# A second archive that answers chosen images, so that it can be compared before it is served.
CANDIDATE_IMAGES = Family(
    "groupnl_candidate_images_total", "counter", "Chosen images that the candidate answered, too.", ("candidate",)
)
CANDIDATE_AGREES = Family(
    "groupnl_candidate_agrees_total", "counter", "Of those, the candidate's best class is the model's.", ("candidate",)
)
CANDIDATE_DISAGREEMENTS = Family(
    "groupnl_candidate_disagreements_total",
    "counter",
    "Of those, the others by both best classes; the most frequent pairs, and all others.",
    ("candidate", "model_class", "candidate_class"),
)
CANDIDATE_FAILURES = Family(
    "groupnl_candidate_failures_total", "counter", "Chosen images without an answer of the candidate.", ("candidate",)
)
CANDIDATE_SECONDS = Family(
    "groupnl_candidate_seconds",
    "histogram",
    "Seconds of the shadow process for an image, by who answered it: the model or its candidate.",
    ("candidate", "network"),
    _SECONDS,
    {"network": ("model", "candidate")},
)
CANDIDATE_HOLDS = Family(
    "groupnl_candidate_holds_total",
    "counter",
    "Chosen images by who kept its own clean best class under the same corruption: the model or its candidate.",
    ("candidate", "corruption", "outcome"),
    known={"outcome": HOLD_OUTCOMES},
)
CANDIDATE_RIGHT = Family(
    "groupnl_candidate_right_total",
    "counter",
    "Chosen images whose class the client told by who was right without corruption: the model or its candidate.",
    ("candidate", "outcome"),
    known={"outcome": RIGHT_OUTCOMES},
)

LABELLED = Family("groupnl_labelled_total", "counter", "Answers to images whose class the client knew.", _CELL)
LABELLED_CORRECT = Family("groupnl_labelled_correct_total", "counter", "Right ones of those.", _CELL)
# Labels that come after the answers. Workers begin them at 0; who takes the labels counts them, in the same files.
LATE_LABELS = Family(
    "groupnl_late_labels_total",
    "counter",
    "Labels that came after the answers, by outcome.",
    ("outcome",),
    known={"outcome": LABEL_OUTCOMES},
)
LATE_LABELLED = Family(
    "groupnl_late_labelled_total", "counter", "Answers whose class was told later, clean and corrupted.", _CELL
)
LATE_LABELLED_CORRECT = Family("groupnl_late_labelled_correct_total", "counter", "Right ones of those.", _CELL)
LATE_CANDIDATE_RIGHT = Family(
    "groupnl_late_candidate_right_total",
    "counter",
    "Images whose class was told later by who was right without corruption: the model or its candidate.",
    ("candidate", "outcome"),
    known={"outcome": RIGHT_OUTCOMES},
)
LABEL_DELAY_SECONDS = Family(
    "groupnl_label_delay_seconds", "histogram", "Seconds from an answer to its label.", (), _LABEL_SECONDS
)
# What is counted of a candidate. The rest, beside what is of the service, says nothing of it.
OF_THE_CANDIDATE = (
    CANDIDATE_IMAGES,
    CANDIDATE_AGREES,
    CANDIDATE_DISAGREEMENTS,
    CANDIDATE_FAILURES,
    CANDIDATE_SECONDS,
    CANDIDATE_HOLDS,
    CANDIDATE_RIGHT,
    LATE_CANDIDATE_RIGHT,
)
PROBE_IMAGES = Family("groupnl_probe_images_total", "counter", "Answers to images of the archive's probe set.", _CELL)
PROBE_CORRECT = Family("groupnl_probe_correct_total", "counter", "Right ones of those.", _CELL)
PROBE_SET_IMAGES = Family("groupnl_probe_set_images", "same", "Images in the archive's probe set.")
OFFLINE_AGREEMENT = Family(
    "groupnl_offline_agreement_ratio",
    "same",
    "Share of held-back images whose best class stayed, measured before packing, 0 to 1.",
    ("corruption",),
)
OFFLINE_ACCURACY = Family(
    "groupnl_offline_accuracy_ratio",
    "same",
    "Share of held-back images that were answered right, measured before packing, 0 to 1.",
    _CELL,
)

# Whose severities are only ever added up, by rules, alerts and reports, but for the view of single cells. Of the others
# each severity has a weight: looks, what is expected of them, errors of the probe set, accuracy before packing.
ADDED_UP = (
    SHADOW_PAIRS,
    SHADOW_FLIPS,
    SHADOW_TOP5_KEPT,
    SHADOW_GROUP_KEPT,
    SHADOW_EXPECTED_CORRECT,
    LABELLED,
    LABELLED_CORRECT,
    LATE_LABELLED,
    LATE_LABELLED_CORRECT,
)
# Of which nothing but the mean is asked for.
MEANS = (SHADOW_CONFIDENCE_DROP, SHADOW_JS_BITS)
# What says nothing of chosen images, probe sets and labels, but of candidates: their images are counted apart from
# others', and the gate asks for all of them.
OF_ANSWERS = (
    *OF_THE_SERVICE,
    BUILD_INFO,
    ENGINE_SPEED,
    GPU_MEMORY,
    GPU_MEMORY_USED,
    GPU_MEMORY_TOTAL,
    GPU_HALVINGS,
    GPU_UNRECORDED,
    CONFIDENCE,
    ENTROPY,
    PREDICTED,
    EXPECTED_CONFIDENCE,
    EXPECTED_ENTROPY,
    EXPECTED_PREDICTED,
    EXPECTED_IMAGES,
    CALIBRATION_ERROR,
    *OF_THE_CANDIDATE,
)

# Every metric that is declared above, which a worker counts: one that is declared is counted.
FAMILIES = tuple(value for value in list(globals().values()) if isinstance(value, Family))

# What our own server counts, which is one process. A model that is not known by its name has an empty one. With
# TorchServe there are the start, the workers wanted and ready, and when counts were saved.
_WITHOUT_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
_ANSWER_STATUSES = sorted({*_STATUSES, *_WITHOUT_BODY, *(error.status for error in refused_errors())})
_OF_VERSION = ("version",)
REQUEST_SECONDS = Family(
    "groupnl_request_seconds",
    "histogram",
    "Seconds from a request's first byte to its whole answer, as its client sees it.",
    (),
    _SECONDS,
)
QUEUE_SECONDS = Family("groupnl_queue_seconds", "histogram", "Seconds that an image waited for a worker.", (), _SECONDS)
ANSWERS = Family(
    "groupnl_answers_total",
    "counter",
    "Answers of the server, by protocol and HTTP status; what no worker has seen is among them.",
    ("protocol", "code"),
    known={"protocol": PROTOCOLS, "code": [str(int(status)) for status in _ANSWER_STATUSES]},
)
ABANDONED = Family("groupnl_abandoned_requests_total", "counter", "Requests whose client went before the answer.")
EXPIRED_REQUESTS = Family("groupnl_expired_requests_total", "counter", "Requests without an answer in their time.")
WORKER_DEATHS = Family(
    "groupnl_worker_deaths_total",
    "counter",
    "Workers that ended, by reason: while loading, by themselves, or because a batch took too long.",
    ("reason",),
    known={"reason": DEATH_REASONS},
)
RELOADS = Family(
    "groupnl_reloads_total",
    "counter",
    "Reloads of a model, by outcome.",
    ("outcome",),
    known={"outcome": RELOAD_OUTCOMES},
)
WORKERS_WANTED = Family("groupnl_workers_wanted", "sum", "Worker processes that a version should have.", _OF_VERSION)
WORKERS_READY = Family("groupnl_workers_ready", "sum", "Worker processes of a version that can answer.", _OF_VERSION)
QUEUE_LENGTH = Family("groupnl_queue_length", "sum", "Images that wait for a worker.", _OF_VERSION)
QUEUE_MOST = Family("groupnl_queue_most", "sum", "Images that may wait for a worker.", _OF_VERSION)
QUEUE_BYTES = Family("groupnl_queue_bytes", "sum", "Bytes of the images that wait for a worker.", _OF_VERSION)
QUEUE_MOST_BYTES = Family("groupnl_queue_most_bytes", "sum", "Bytes of images that may wait.", _OF_VERSION)
START_TIME = Family(
    "groupnl_start_time_seconds", "same", "When the server was started, seconds since 1970.", by_model=False
)
IN_HAND = Family("groupnl_requests_in_hand", "sum", "Requests that wait for their answer.", by_model=False)
CONNECTIONS = Family("groupnl_open_connections", "sum", "Connections of clients.", by_model=False)
MACHINE_CPU = Family(
    "groupnl_machine_cpu_ratio", "same", "Share of the machine's processors in use, 0 to 1.", by_model=False
)
MACHINE_MEMORY = Family(
    "groupnl_machine_memory_ratio", "same", "Share of the machine's memory in use, 0 to 1.", by_model=False
)
COUNTS_SAVED = Family(
    "groupnl_counts_saved_timestamp_seconds",
    "same",
    "When the workers' counts were last written into the state folder, seconds since 1970.",
    by_model=False,
)
SHOWN_DETAIL = Family(
    "groupnl_metrics_detail",
    "same",
    "1, where not everything that is counted is shown; the label says how much is.",
    ("detail",),
    by_model=False,
)
SERVER_FAMILIES = tuple(
    value for value in list(globals().values()) if isinstance(value, Family) and value not in FAMILIES
)

# How the endpoint joins the gauges of several worker processes; those of dead ones are left out.
_GAUGE_MODES: Mapping[str, Literal["livesum", "livemax"]] = {"sum": "livesum", "same": "livemax"}


class Metrics:
    """The metrics of one process.

    Args:
        model: value of the label ``model`` in all of them; None: whoever counts says it.
        registry: where they are registered; tests read samples from it.
        families: those that are counted.

    Attributes:
        registry: the same.
    """

    def __init__(self, model: str | None, registry: CollectorRegistry, families: Sequence[Family] = FAMILIES) -> None:
        self.registry = registry
        self._common = {} if model is None else {"model": model}
        self._metrics = {family.name: _build(family, registry) for family in families}
        self._children: dict[tuple[object, ...], Counter | Gauge | Histogram] = {}

    def inc(self, family: Family, amount: float = 1.0, /, **labels: str) -> None:
        """Add to a counter."""
        metric = self._child(family, labels)
        assert isinstance(metric, Counter)  # noqa: S101 (for mypy: the declaration decides)
        metric.inc(amount)

    def observe(self, family: Family, value: float, **labels: str) -> None:
        """Add a value to a histogram, in its unit."""
        metric = self._child(family, labels)
        assert isinstance(metric, Histogram)  # noqa: S101
        metric.observe(value)

    @contextmanager
    def timed(self, family: Family, **labels: str) -> Iterator[None]:
        """Add the seconds that the block took to a histogram, also when it raises."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.observe(family, time.perf_counter() - start, **labels)

    def set(self, family: Family, value: float, **labels: str) -> None:
        """Set a gauge."""
        metric = self._child(family, labels)
        assert isinstance(metric, Gauge)  # noqa: S101
        metric.set(value)

    def start_at_zero(self, family: Family, **values: Sequence[str]) -> None:
        """Make every combination of the labels' known values appear with 0, before anything is counted.

        Args:
            family: the metric.
            values: for each of its labels whose values it does not know itself, those that are known here.
        """
        known = {**values, **family.known}
        labels = [label for label in family.all_labels if label not in self._common]
        for combination in itertools.product(*(known[label] for label in labels)):
            self._child(family, dict(zip(labels, combination, strict=True)))

    def _child(self, family: Family, labels: Mapping[str, str]) -> Counter | Gauge | Histogram:
        key = (family.name, *labels.items())
        child = self._children.get(key)
        if child is None:  # looking it up in the library each time took half of the time of counting
            child = self._children[key] = self._metrics[family.name].labels(**self._common, **labels)
        return child


def _build(family: Family, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    labels = family.all_labels
    if family.kind == "counter":
        return Counter(family.name, family.help, labels, registry=registry)
    if family.kind == "histogram":
        return Histogram(family.name, family.help, labels, registry=registry, buckets=family.buckets)
    mode = _GAUGE_MODES[family.kind]
    return Gauge(family.name, family.help, labels, registry=registry, multiprocess_mode=mode)
