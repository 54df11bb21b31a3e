"""Cores: what this process may run on, and what a quota of its control groups leaves of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from groupnl.base import cores

V1 = Path("/sys/fs/cgroup/cpu/groupnl-test")
SCRIPT = """
from pathlib import Path
Path("{group}/tasks").write_text("0")
from groupnl.base.cores import limit_threads, usable_cores
limit_threads()
import torch
print(usable_cores(), torch.get_num_threads())
"""


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "_allowed", lambda: 8)


def tree(root: Path, membership: str, **files: str) -> Path:
    for name, text in {"proc/self/cgroup": membership, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


GROUP = "sys/fs/cgroup"


@pytest.mark.parametrize(
    ("quota", "usable", "whole", "paid"),
    [
        ("150000 100000", 2, 1, 1.5),
        ("120000 100000", 2, 1, 1.2),
        ("100001 100000", 1, 1, 1.00001),
        ("50000 100000", 1, 1, 0.5),
        ("200000 100000", 2, 2, 2.0),
        ("max 100000", 8, 8, 8.0),
        ("1600000 100000", 8, 8, 8.0),
    ],
)
def test_version_2(tmp_path: Path, quota: str, usable: int, whole: int, paid: float) -> None:
    root = tree(tmp_path, "0::/a.slice/b", **{f"{GROUP}/a.slice/b/cpu.max": quota})
    assert cores.usable_cores(root) == usable
    assert cores.whole_cores(root) == whole
    assert cores.paid_cores(root) == paid


def test_a_groups_parents_count_too(tmp_path: Path) -> None:
    files = {f"{GROUP}/a/b/cpu.max": "max 100000", f"{GROUP}/a/cpu.max": "350000 100000"}
    assert cores.usable_cores(tree(tmp_path, "0::/a/b", **files)) == 4


def test_inside_a_container_the_mounted_group_is_its_own(tmp_path: Path) -> None:
    root = tree(tmp_path, "0::/kubepods/pod1", **{f"{GROUP}/cpu.max": "250000 100000"})
    assert cores.usable_cores(root) == 3


@pytest.mark.parametrize(("quota", "usable"), [("150000", 2), ("300000", 3), ("-1", 8)])
@pytest.mark.parametrize("controllers", ["cpu", "cpu,cpuacct"])
def test_version_1(tmp_path: Path, quota: str, usable: int, controllers: str) -> None:
    folder = f"{GROUP}/{controllers}/docker/x"
    files = {f"{folder}/cpu.cfs_quota_us": quota, f"{folder}/cpu.cfs_period_us": "100000"}
    root = tree(tmp_path, f"5:cpuset:/\n4:{controllers}:/docker/x\n0::/", **files)
    assert cores.usable_cores(root) == usable


@pytest.mark.parametrize("member", ["cpuacct,cpu", "cpu,cpuacct", "cpu"])
@pytest.mark.parametrize("mount", ["cpu,cpuacct", "cpuacct,cpu", "cpu"])
def test_version_1_is_mounted_under_a_name_of_its_own(tmp_path: Path, member: str, mount: str) -> None:
    files = {f"{GROUP}/{mount}/x/cpu.cfs_quota_us": "300000", f"{GROUP}/{mount}/x/cpu.cfs_period_us": "100000"}
    others = {f"{GROUP}/cpuset/x/cpu.cfs_quota_us": "100000", f"{GROUP}/cpuset/x/cpu.cfs_period_us": "100000"}
    assert cores.usable_cores(tree(tmp_path, f"4:{member}:/x", **files, **others)) == 3


@pytest.mark.parametrize("membership", ["", "nonsense", "4:cpu", "0", "0:", "::"])
def test_lines_of_another_form_are_no_groups(tmp_path: Path, membership: str) -> None:
    assert cores.usable_cores(tree(tmp_path, membership)) == 8
    files = {f"{GROUP}/a/cpu.max": "200000 100000"}
    assert cores.usable_cores(tree(tmp_path, f"{membership}\n0::/a", **files)) == 2


@pytest.mark.parametrize("content", ["", "nonsense", "1 2 3", "100000 0"])
def test_what_cannot_be_read_is_no_quota(tmp_path: Path, content: str) -> None:
    assert cores.usable_cores(tmp_path) == 8
    assert cores.usable_cores(tree(tmp_path, "0::/", **{f"{GROUP}/cpu.max": content})) == 8


def test_openmp_is_told_only_where_the_user_said_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "whole_cores", lambda: 3)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    cores.limit_threads()
    assert os.environ["OMP_NUM_THREADS"] == "2"
    monkeypatch.delenv("OMP_NUM_THREADS")
    cores.limit_threads()
    assert os.environ["OMP_NUM_THREADS"] == "3"


@pytest.mark.slow
def test_a_real_quota() -> None:
    try:
        V1.mkdir()
    except OSError:
        pytest.skip("control groups of version 1 cannot be made here")
    try:
        (V1 / "cpu.cfs_quota_us").write_text("150000")
        script = SCRIPT.format(group=V1)
        free = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
        run = subprocess.run([sys.executable, "-c", script], env=free, capture_output=True, text=True, check=True)
        assert run.stdout.split() == ["2", "1"]
    finally:
        V1.rmdir()
