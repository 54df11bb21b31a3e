"""The panels on GPUs: memory as the workers tell it, work and power as NVIDIA's own exporter (DCGM) does."""

from collections.abc import Sequence

from groupnl.metrics import GPU_MEMORY, GPU_MEMORY_TOTAL, GPU_MEMORY_USED, Family
from groupnl.monitoring.dashboards.panels import (
    BYTES,
    LINES_HEIGHT,
    SHARE,
    WATTS,
    AnyPanel,
    Query,
    Text,
    lines,
)
from groupnl.monitoring.dashboards.queries import CHOSEN

# Both are in the exporter's default set: etc/default-counters.csv of NVIDIA/dcgm-exporter.
_GPU = ("gpu", "UUID", "device", "modelName", "Hostname")
GPU_PERCENT = Family("DCGM_FI_DEV_GPU_UTIL", "same", "Time in which a kernel ran, percent.", _GPU, by_model=False)
GPU_WATTS = Family("DCGM_FI_DEV_POWER_USAGE", "same", "Power, W.", _GPU, by_model=False)
EXPORTER_FAMILIES = (GPU_PERCENT, GPU_WATTS)
ABSENT = "no exporter is asked: groupnl monitoring --gpus HOST:9400"
_NAME = "{{Hostname}} GPU {{gpu}}"


def gpu_row() -> Sequence[AnyPanel]:
    """Whether GPUs compute, and how full their memory is."""
    return [_memory(), _use(), _power()]


def _memory() -> AnyPanel:
    text = Text(
        "Memory of the GPUs",
        "What all programs hold of each GPU that a model is on, where it ends, and what the workers hold of it. Near "
        "its end a worker cannot load its model again.",
        8,
        LINES_HEIGHT,
        "no model is on a GPU",
    )
    used, total = (
        f"max by (instance, device) ({family.name}{{{CHOSEN}}})" for family in (GPU_MEMORY_USED, GPU_MEMORY_TOTAL)
    )
    queries = [
        Query("{{instance}} GPU {{device}} in use", used),
        Query("{{instance}} GPU {{device}} in all", total),
        Query("{{model}} {{kind}}", f"sum by (model, kind) ({GPU_MEMORY.name}{{{CHOSEN}}})"),
    ]
    return lines(text, queries, BYTES)


def _use() -> AnyPanel:
    text = Text(
        "GPUs at work",
        "Share of the time in which any kernel ran, of each GPU that the exporter sees; not how much of it is used. "
        "Neither server tells it: empty without an exporter.",
        8,
        LINES_HEIGHT,
        ABSENT,
    )
    return lines(text, [Query(_NAME, f"{_of(GPU_PERCENT)} / 100")], SHARE, most=1)


def _power() -> AnyPanel:
    text = Text(
        "Power of the GPUs",
        "Far below its limit though kernels run all the time: many small ones, or waiting for memory. Empty without an "
        "exporter.",
        8,
        LINES_HEIGHT,
        ABSENT,
    )
    return lines(text, [Query(_NAME, _of(GPU_WATTS))], WATTS)


def _of(family: Family) -> str:
    return f"max by (Hostname, gpu) ({family.name})"
