"""The part `handler`: images a second from encoded bytes to answers, as a worker gives them."""

import itertools
from pathlib import Path
from typing import Any

import torch

from groupnl.archive.read import CONFIG_FILE, unpack
from groupnl.base.cores import usable_cores
from groupnl.base.yaml_file import read_mapping
from groupnl.errors import ServerError
from groupnl.inference.device import choose_device
from groupnl.inference.device_names import Device
from groupnl.inference.engine_names import EngineName
from groupnl.service.items import Item
from groupnl.service.loading import load_service
from groupnl.service.service import Service
from groupnl_studies.gpu.findings import Findings
from groupnl_studies.gpu.plan import Plan, make_plan
from groupnl_studies.gpu.ways import obstacles
from groupnl_studies.harness.photographs import jpeg_files
from groupnl_studies.models.pair import take_turn
from groupnl_studies.serving.archive import random_archive
from groupnl_studies.serving.offline import Mode, Offline

_ENGINES: tuple[EngineName, ...] = ("eager", "aot")
_PACKING_S = {"eager": 5.0, "aot": 40.0}
_PROCESSES = (1, 2, 4)
_STARTING_S = 15.0


def run(device: Device, work: Path, findings: Findings) -> None:
    """Ask the whole handler with each engine; then, with the last one, several processes without the replies."""
    plan, hindered = make_plan(device), obstacles(choose_device(device))
    files = jpeg_files(None)
    images = work / "images"
    images.mkdir()
    for number, file in enumerate(files):
        (images / f"{number}.jpg").write_bytes(file)
    served: list[tuple[EngineName, Path]] = []
    for engine in _ENGINES:
        if engine in hindered:
            findings.left_out(f"the engine {engine}: {hindered[engine]}")
        elif findings.left_s < _PACKING_S[engine]:
            findings.not_reached(f"the engine {engine}")
        else:
            with findings.trying(f"the engine {engine}"):
                unpacked = _unpacked(plan.served, engine, work)
                _ask(_service(unpacked, plan, device), engine, files, plan, findings)
                served.append((engine, unpacked))
    for engine, unpacked in served[-1:]:
        with findings.trying(f"several processes with the engine {engine}"):
            _several(unpacked, images, engine, plan, findings)


def _unpacked(architecture: str, engine: EngineName, work: Path) -> Path:
    folder = work / f"served-{engine}"
    unpack(random_archive(architecture, engine, work / f"store-{engine}"), folder)
    return folder


def _service(unpacked: Path, plan: Plan, device: Device) -> Service:
    settings = read_mapping(unpacked / CONFIG_FILE)
    handler = {**settings["handler"], "device": device, "shadow": {"share": 0.0}}
    return load_service(unpacked, plan.served, settings | {"handler": handler}, batch_size=max(plan.served_batches))


def _ask(service: Service, engine: str, files: list[bytes], plan: Plan, findings: Findings) -> None:
    supply = itertools.cycle([Item({"body": file}, {}) for file in files])

    def answer(batch: int) -> None:
        replies = service.answer(list(itertools.islice(supply, batch)))
        if bad := [reply.status for reply in replies if reply.status != 200]:
            raise ServerError(f"an image is answered with status {bad[0]}; the log has the reason")

    for batch in plan.served_batches:
        turn = take_turn(lambda: answer(batch), batch, plan.served_s)  # noqa: B023 (called at once)
        times = service.times
        row = {
            "engine": engine,
            "batch": batch,
            "images_s": 1e3 / turn.median_ms,
            "batch_ms": turn.median_ms * batch,
            "preparing_ms": (times.prepared - times.begun) * 1e3,
            "computing_ms": (times.computed - times.prepared) * 1e3,
        }
        findings.add("rows", row)
        findings.say(f"{engine}, {batch} at once: {row['images_s']:.0f} images a second")


def _several(unpacked: Path, images: Path, engine: str, plan: Plan, findings: Findings) -> None:
    """Processes side by side share the cores and the device."""
    batch = plan.served_batches[-1]
    for processes in _PROCESSES:
        if findings.left_s < _STARTING_S or processes > usable_cores():
            findings.not_reached(f"{engine}, {processes} processes")
            continue
        mode = Mode(processes, max(1, torch.get_num_threads() // processes), brief=True)
        with Offline(mode, unpacked, images, batch) as offline:
            throughput = offline.run(batch, plan.served_s).throughput
        row: dict[str, Any] = {"engine": engine, "processes": processes, "threads": mode.threads, "batch": batch}
        findings.add("processes", row | {"images_s": throughput})
        findings.say(f"{engine}, {processes} processes: {throughput:.0f} images a second, without the replies")
