"""The process environment: the only module that reads or copies `os.environ`.

What the project takes from it is listed here and nowhere else: `JAVA_HOME`, `OMP_NUM_THREADS`, `OMP_WAIT_POLICY`,
`GOMP_SPINCOUNT`, `GLIBC_TUNABLES`, `ONEDNN_MAX_CPU_ISA`, `ATEN_CPU_CAPABILITY`, `PYTHONPATH`, `XDG_RUNTIME_DIR`,
OpenTelemetry's `OTEL_EXPORTER_OTLP_ENDPOINT` and the same for
traces alone, `GROUPNL_KEYS`, and `GROUPNL_SEATS`, `GROUPNL_SEEN`, `GROUPNL_ANSWERS`,
`GROUPNL_EXAMPLES` and `GROUPNL_EXAMPLES_KEPT`, which `groupnl serve` sets for its workers. `TMPDIR` is changed for
moments.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

SEATS = "GROUPNL_SEATS"
SEEN = "GROUPNL_SEEN"
ANSWERS = "GROUPNL_ANSWERS"
EXAMPLES = "GROUPNL_EXAMPLES"
EXAMPLES_KEPT = "GROUPNL_EXAMPLES_KEPT"
OTLP_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_OTLP_TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
KEYS = "GROUPNL_KEYS"
ONEDNN_ISA = "ONEDNN_MAX_CPU_ISA"
Instructions = Literal["avx2", "avx512"]
"""Vector instructions of CPUs: without bfloat16."""
_INSTRUCTIONS: dict[Instructions, tuple[str, str]] = {"avx2": ("AVX2", "avx2"), "avx512": ("AVX512_CORE", "avx512")}


def java_home() -> Path | None:
    """The Java installation that `JAVA_HOME` names, or None when it is unset or empty."""
    return _folder("JAVA_HOME")


def omp_num_threads() -> str | None:
    """`OMP_NUM_THREADS` as the user set it, or None: torch reads it when a worker imports it."""
    return os.environ.get("OMP_NUM_THREADS") or None


def limit_openmp(threads: int) -> None:
    """Let OpenMP use so many threads in this process and in those that it starts, where the user said no number."""
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))


def cpu_limits() -> dict[str, str]:
    """Variables by which libraries are told to do without some of the CPU's instructions, as far as they are set."""
    return {name: value for name in (ONEDNN_ISA, "ATEN_CPU_CAPABILITY") if (value := os.environ.get(name))}


def play_instructions(instructions: Instructions) -> None:
    """Have PyTorch and oneDNN do with these, in this process if it has not imported torch, and in those that it starts.

    ONNX Runtime has no such variable; see `groupnl_studies.engines.narrow_onnxruntime`.
    """
    os.environ[ONEDNN_ISA], os.environ["ATEN_CPU_CAPABILITY"] = _INSTRUCTIONS[instructions]


@contextmanager
def packages_from(folder: Path) -> Iterator[None]:
    """While this is open, this process and those that it starts look for packages here first."""
    paths = (str(folder), os.environ.get("PYTHONPATH"))
    with _set("PYTHONPATH", os.pathsep.join(filter(None, paths))):
        sys.path.insert(0, str(folder))
        try:
            yield
        finally:
            sys.path.remove(str(folder))


def brief_waiting() -> dict[str, str]:
    """How OpenMP's threads wait for one another in processes that share their cores; nothing where the user said it.

    They spin for some microseconds, then sleep. Usually they spin for milliseconds and take the core that the other
    thread needs once anything else runs: on 2 busy cores a batch took four times as long. Where they sleep at once (the
    policy "passive"), waking them takes as long as the work between: on 2 idle cores a batch took twice as long.
    """
    said = any(os.environ.get(name) for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"))
    return {} if said else {"GOMP_SPINCOUNT": "5000"}


def huge_pages() -> dict[str, str]:
    """Large pages for what a network computes in, from glibc 2.35 on; nothing where the user set its tunables.

    A layer's numbers are scattered over thousands of pages of 4 KiB: with pages of 2 MiB where the system grants them
    (`transparent_hugepage` is `madvise` or `always`), the workers of a full service used 5 % less processor time.
    """
    return {} if os.environ.get("GLIBC_TUNABLES") else {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


def computing(threads: int, seats: Path) -> dict[str, str]:
    """What processes that run networks beside one another are started with.

    Args:
        threads: of a forward pass, unless OMP_NUM_THREADS says otherwise.
        seats: folder of the seats that they take in turn.
    """
    openmp = {"OMP_NUM_THREADS": omp_num_threads() or str(threads), **brief_waiting()}
    return {**openmp, **huge_pages(), SEATS: str(seats)}


def seats_folder() -> Path | None:
    """The folder of the seats that workers take in turn, or None where `groupnl serve` did not start this process."""
    return _folder(SEATS)


def seen_folder() -> Path | None:
    """The folder in which workers share what images they have seen, or None where `groupnl serve` did not start it."""
    return _folder(SEEN)


def answers_folder() -> Path | None:
    """The folder in which workers remember answers, or None where nobody takes labels for them."""
    return _folder(ANSWERS)


def examples_folder() -> Path | None:
    """The folder in which pictures of flips are kept, or None where the operator has not allowed it."""
    return _folder(EXAMPLES)


def examples_kept() -> int:
    """How many of them are kept of each model."""
    return int(os.environ.get(EXAMPLES_KEPT) or 0)


def given_keys() -> str | None:
    """Clients' keys, as the operator gave them; None where none were given."""
    return os.environ.get(KEYS) or None


def runtime_folder() -> Path:
    """Where programs of this user keep their sockets: `XDG_RUNTIME_DIR`, else /tmp, whose name is short enough."""
    return Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp")  # noqa: S108 (what is made there is its owner's alone)


def prepare_ray() -> None:
    """Have Ray, as far as this process starts it, tell its makers nothing, and its processes compute as this one may.

    By itself it makes them nice by 15: then any other program that computes gets 28 times as much of a core.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_worker_niceness", "0")


def keep_ray_on_loopback() -> None:
    """Have a Ray that this process starts listen on this machine alone; to be called before Ray is imported.

    It does so by itself on desktops' systems, whose firewalls ask otherwise.
    """
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"


def wants_traces() -> bool:
    """Whether OpenTelemetry's variables say whereto traces are sent."""
    return any(os.environ.get(name) for name in (OTLP_ENDPOINT, _OTLP_TRACES_ENDPOINT))


def child_environment(changes: dict[str, str]) -> dict[str, str]:
    """A copy of the environment for TorchServe and its workers.

    Variables that start with ``TS_`` are left out: TorchServe would let them override its configuration file. So are
    the keys, which workers do not need.

    Args:
        changes: variables to set or replace.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TS_") and name != KEYS}
    return kept | changes


@contextmanager
def temporary_files_in(folder: Path) -> Iterator[None]:
    """As long as the block lasts, libraries that ask the environment put their temporary files there."""
    with _set("TMPDIR", str(folder)):
        yield


@contextmanager
def _set(name: str, value: str) -> Iterator[None]:
    """As long as the block lasts, a variable has this value."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _folder(name: str) -> Path | None:
    """What a variable names; None where it is unset or empty."""
    value = os.environ.get(name)
    return Path(value) if value else None
