"""groupnl.archive.speed: which engine is taken, on which machine figures hold, and when they are measured again."""

import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import yaml
from support.tiny import tiny_checkpoint
from torch import Tensor

from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack
from groupnl.archive.read import CONFIG_FILE, unpack
from groupnl.archive.speed import contest
from groupnl.archive.speed import measure as measuring
from groupnl.archive.speed import settle as settling
from groupnl.archive.speed.machine import Machine
from groupnl.archive.speed.process import Contestants
from groupnl.archive.speed.settle import settle
from groupnl.archive.speed.speeds import Plan, Speed, Speeds, read_speeds, write_speeds
from groupnl.archive.speed.table import speed_table
from groupnl.errors import ConfigError, ServerError
from groupnl.inference.device_names import PrecisionName, ServedPrecision
from groupnl.inference.engine_names import EngineName

CPUINFO = """processor	: 0
model name	: Some CPU @ 2.00GHz
flags		: fpu sse2 avx avx2 fma avx512_bf16

processor	: 1
model name	: Some CPU @ 2.00GHz
"""
PLAN = Plan(workers=2, batch_size=8, threads=None)


def machine(cpu: str = "Some CPU") -> Machine:
    return Machine(cpu=cpu, instructions=("avx2",), cores=2, gpus=(), packages={"torch": "2.14.1"})


def speed(engine: EngineName, full: float, beside: float = 50.0, alone: float = 20.0) -> Speed:
    return Speed(engine=engine, precision="float32", full=full, beside=beside, alone=alone)


def speeds(*each: Speed, on: Machine | None = None, others: float = 0.0) -> Speeds:
    return Speeds(machine=on or machine(), plan=PLAN, speeds=each, left_out={"onnx": "it is not there"}, others=others)


@pytest.mark.parametrize(
    ("each", "expected"),
    [
        ([speed("aot", 100), speed("openvino", 106)], ["openvino", "aot"]),
        ([speed("aot", 100), speed("openvino", 104, beside=40)], ["aot", "openvino"]),  # as fast, and better beside
        ([speed("aot", 100, alone=30), speed("openvino", 104)], ["aot", "openvino"]),  # ... or alone
        ([speed("eager", 10), speed("aot", 94, 90, 90), speed("openvino", 100)], ["openvino", "aot", "eager"]),
        ([], []),
    ],
)
def test_of_those_that_are_as_fast_the_one_that_is_fastest_in_all_is_first(
    each: list[Speed], expected: list[EngineName]
) -> None:
    found = speeds(*each)
    assert found.ranking() == expected
    assert list(found.ordered()) == expected


def test_a_machine_is_read_from_what_linux_tells(tmp_path: Path) -> None:
    (tmp_path / "proc/driver/nvidia/gpus/0000:01:00.0").mkdir(parents=True)
    (tmp_path / "proc/driver/nvidia/gpus/0000:01:00.0/information").write_text("Model: \t NVIDIA H200\nIRQ: 1\n")
    (tmp_path / "proc/cpuinfo").write_text(CPUINFO)
    found = Machine.here(tmp_path)
    assert (found.cpu, found.gpus) == ("Some CPU @ 2.00GHz", ("NVIDIA H200",))
    assert found.instructions == ("avx", "avx2", "avx512_bf16", "fma")
    assert found.packages["torch"].startswith("2.")


def test_a_machine_that_is_told_to_do_without_instructions_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    before = Machine.here()
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert before.difference(Machine.here()) == "limits none, here ONEDNN_MAX_CPU_ISA AVX2"


def test_a_machine_that_tells_nothing_has_a_name_all_the_same(tmp_path: Path) -> None:
    found = Machine.here(tmp_path)
    assert found.cpu
    assert (found.instructions, found.gpus) == ((), ())


def test_what_is_another_is_told_in_a_few_words() -> None:
    assert machine().difference(machine()) is None
    assert machine().difference(machine("Another")) == "cpu Some CPU, here Another"
    newer = machine().model_copy(update={"packages": {"torch": "3.0"}, "cores": 2})
    assert machine().difference(newer) == "packages torch 2.14.1, here torch 3.0"
    without = machine().model_copy(update={"instructions": ()})
    assert machine().difference(without) == "instructions avx2, here none"


def test_the_table_says_what_was_measured_where() -> None:
    text = speed_table(speeds(speed("aot", 100.0), speed("openvino", 200.0, 90.0, 40.0)))
    assert text.splitlines() == [
        "engine    precision  images/s  beside a busy program  one image, ms",
        "openvino  float32       200.0             90.0 (45%)           25.0",
        "aot       float32       100.0             50.0 (50%)           50.0",
        "left out: onnx: it is not there",
        "Some CPU, 2 cores: 2 workers, batches of up to 8",
    ]
    assert "measure again when the machine is quiet" in speed_table(speeds(speed("aot", 1.0), others=0.7))
    assert speeds(speed("aot", 100.0), speed("eager", 20.0)).in_a_line() == "aot 100 images/s, eager 20 images/s"


def going_on() -> bool:
    return False


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packed")
    archive = pack(tiny_checkpoint(folder), folder, "tiny", settings=ServingSettings(handler={"engine": "eager"}))
    unpack(archive, folder / "unpacked")
    return folder / "unpacked"


@pytest.fixture
def open_engine(packed: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Makes copies of the archive whose settings leave the engine open."""

    def copy(name: str) -> Path:
        folder = shutil.copytree(packed, tmp_path / name)
        settings = yaml.safe_load((folder / CONFIG_FILE).read_text())
        settings["handler"]["engine"] = "auto"
        (folder / CONFIG_FILE).write_text(yaml.safe_dump(settings))
        return folder

    return copy


def test_engines_are_measured_where_the_machine_is_another_and_only_once_for_an_archive(
    open_engine: Callable[[str], Path], packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[Path] = []
    here = Machine.here()

    def measure(folder: Path, _: Callable[[], bool]) -> Speeds:
        measured.append(folder)
        return speeds(speed("openvino", 7.0), on=here)

    monkeypatch.setattr(settling, "measure", measure)
    model, twin, known = (open_engine(name) for name in ("model", "twin", "known"))
    write_speeds(speeds(speed("aot", 5.0)), model)
    write_speeds(speeds(speed("aot", 5.0), on=here), known)
    said: list[str] = []
    settle([model, twin, known, packed], said.append, going_on)
    assert measured == [model]
    found = [read_speeds(folder) for folder in (model, twin, known)]
    assert [each.ranking() for each in found if each] == [["openvino"], ["openvino"], ["aot"]]
    assert read_speeds(packed) is None  # its engine is not open
    assert "tiny: measuring which engine is the fastest here (cpu Some CPU, here " in said[0]
    assert said[1] == "tiny: openvino 7 images/s"
    settle([model, twin, known], said.append, going_on)
    assert len(measured) == 1


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        (PLAN, None),
        (
            PLAN.model_copy(update={"workers": 4}),
            "its engines were measured with workers 4, now 2; groupnl engines "
            "FILE --write --workers 2 --batch-size 8 measures",
        ),
        (PLAN.model_copy(update={"batch_size": 1}), "measured with batch size 1, now 8"),
        (
            PLAN.model_copy(update={"threads": 1}),
            "measuring which engine is the fastest here (threads 1, now not given)",
        ),
        (PLAN.model_copy(update={"precision": "float32"}), "fastest here (precision float32, now auto)"),
    ],
)
def test_what_was_measured_for_other_settings_is_told_or_measured_again(
    open_engine: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, plan: Plan, told: str | None
) -> None:
    folder, said = open_engine("model"), list[str]()
    known = speeds(speed("aot", 5.0), on=Machine.here()).model_copy(update={"plan": plan})
    write_speeds(known, folder)
    monkeypatch.setattr(settling, "measure", lambda *_: known)
    settle([folder], said.append, going_on)
    assert said == [] if told is None else told in said[0]


@pytest.mark.parametrize(
    ("asked", "taken", "now", "holds"),
    [
        ("auto", ["float32", "float32"], "float32", True),
        ("auto", ["float32", "bfloat16"], "float32", False),
        ("auto", ["bfloat16"], "bfloat16", True),
        ("float32", ["float32"], "auto", False),  # which may be another
        ("int8", ["int8"], "int8", True),
    ],
)
def test_a_precision_that_was_taken_anyway_is_not_measured_again(
    asked: ServedPrecision, taken: list[PrecisionName], now: ServedPrecision, holds: bool
) -> None:
    each = [speed("aot", 5.0).model_copy(update={"precision": precision}) for precision in taken]
    known = speeds(*each).model_copy(update={"plan": PLAN.model_copy(update={"precision": asked})})
    assert known.holds_in(now) is holds


def test_who_wants_to_stop_is_not_kept_by_measuring(
    open_engine: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "measure", lambda *_: pytest.fail("it is measured"))
    said: list[str] = []
    settle([open_engine("model")], said.append, lambda: True)
    assert said == []


@pytest.mark.parametrize("error", [ServerError("a process ended"), OSError("a process ended")])
def test_where_measuring_fails_the_order_stays(
    open_engine: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def measure(*_: object) -> Speeds:
        raise error

    monkeypatch.setattr(settling, "measure", measure)
    folder = open_engine("model")
    before = speeds(speed("aot", 5.0))
    write_speeds(before, folder)
    said: list[str] = []
    settle([folder], said.append, going_on)
    assert said[-1] == "tiny: not measured, a process ended"
    assert read_speeds(folder) == before


class Measured:
    """Processes on a machine where each run says the next lower rate, beside other programs that use so much."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, others: float) -> None:
        self.batches: list[int] = []
        monkeypatch.setattr(measuring, "contest", lambda *_: nullcontext(self))
        monkeypatch.setattr(measuring, "busy_program", nullcontext)
        monkeypatch.setattr(measuring, "Others", lambda: SimpleNamespace(cores=lambda: others))
        monkeypatch.setattr(measuring, "_ENOUGH_S", -1.0)

    def open_all(self) -> tuple[dict[str, str], dict[str, str]]:
        return {"eager": "float32"}, {}

    def run(self, _: EngineName, batch: int, seconds: float, processes: int | None = None) -> contest.Run:
        self.batches.append(batch)
        return contest.Run(float(10 - len(self.batches)), per_cpu_s=20.0)


def test_where_a_turn_takes_long_one_round_is_enough(
    open_engine: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Measured(monkeypatch, others=0.0)
    assert measuring.measure(open_engine("model")).speeds == (speed("eager", 9.0, 8.0, 7.0),)
    assert here.batches == [8, 8, 1]


def test_beside_other_programs_the_processor_time_of_an_image_counts(
    open_engine: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    Measured(monkeypatch, others=1.0)
    monkeypatch.setattr(measuring, "paid_cores", lambda: 1.5)
    monkeypatch.setattr(measuring, "whole_cores", lambda: 1)
    found = measuring.measure(open_engine("model"))
    expected = 9.0 if found.machine.gpus else min(1.5, found.plan.workers) * 20.0
    assert found.speeds == (speed("eager", expected, 8.0, 7.0),)
    assert found.others == 1.0


@pytest.mark.parametrize(
    ("paid", "whole", "workers", "threads", "expected"),
    [(2.0, 2, 2, None, 2), (2.0, 2, 1, 1, 1), (1.5, 1, 2, None, 1.5), (1.5, 1, 1, None, 1), (0.5, 1, 2, 4, 0.5)],
)
def test_no_more_cores_count_than_workers_can_use(
    monkeypatch: pytest.MonkeyPatch, paid: float, whole: int, workers: int, threads: int | None, expected: float
) -> None:
    monkeypatch.setattr(measuring, "paid_cores", lambda: paid)
    monkeypatch.setattr(measuring, "whole_cores", lambda: whole)
    assert measuring._cores(Plan(workers=workers, batch_size=8, threads=threads)) == expected


def test_settings_that_cannot_be_used_are_told_in_a_sentence(open_engine: Callable[[str], Path]) -> None:
    folder = open_engine("model")
    settings = yaml.safe_load((folder / CONFIG_FILE).read_text())
    settings["handler"]["threads"] = 0
    (folder / CONFIG_FILE).write_text(yaml.safe_dump(settings))
    with pytest.raises(ConfigError, match="threads"):
        measuring.measure(folder)


def test_an_engine_that_fails_in_its_own_way_is_left_out(
    open_engine: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def load_engine(*_: object) -> None:
        raise RuntimeError("no driver")

    monkeypatch.setattr("groupnl.archive.speed.process.load_engine", load_engine)
    assert Contestants(open_engine("model"), 1).open("eager") == {"reason": "RuntimeError: no driver"}


@pytest.mark.slow
@pytest.mark.parametrize(("is_stopped", "limit_s"), [(True, 600.0), (False, 0.0)])
def test_measuring_ends_with_all_its_processes_when_it_is_stopped_or_takes_too_long(
    open_engine: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, is_stopped: bool, limit_s: float
) -> None:
    monkeypatch.setattr(contest, "_ANSWER_S", limit_s)
    before = set(psutil.Process().children(recursive=True))
    with pytest.raises(ServerError, match="the service is stopped" if is_stopped else "gave no answer for 0 s"):
        measuring.measure(open_engine("model"), lambda: is_stopped)
    assert set(psutil.Process().children(recursive=True)) <= before


@pytest.mark.slow
def test_engines_are_timed_in_processes_of_their_own(
    open_engine: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "_ROUNDS", 1)
    monkeypatch.setattr(measuring, "_SECONDS", 0.05)
    found = measuring.measure(open_engine("model"))
    assert [each.engine for each in found.speeds] == ["eager"]
    assert found.plan == PLAN
    assert found.machine == Machine.here()


@pytest.mark.slow
def test_a_process_that_ends_is_told(
    open_engine: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = open_engine("model")
    (folder / "model.json").unlink()
    with pytest.raises(ServerError, match="a process that times engines ended with code 1; it says why above"):
        measuring.measure(folder)
    assert "model.json" in capfd.readouterr().err


@pytest.mark.parametrize("batch", [1, 2])
def test_the_first_batch_of_a_turn_is_not_counted(open_engine: Callable[[str], Path], batch: int) -> None:
    here = Contestants(open_engine("model"), 2)
    here.open("eager")
    loaded, answered = here._opened["eager"], list[int]()

    def engine(pixels: Tensor) -> Tensor:
        answered.append(len(pixels))
        return loaded.engine(pixels)

    here._opened["eager"] = loaded._replace(engine=engine)
    counted = here.run("eager", batch, 0.01, threads=1)["images"]
    assert sum(answered) == counted + batch
