"""Ctrl-C in `groupnl train`, with processes that load images: one line and 130, whoever of them hears it."""

import os
import signal
import subprocess
import sys
import time

import pytest

from groupnl.models import TINY


@pytest.mark.slow
@pytest.mark.parametrize("whole_group", [True, False])
@pytest.mark.parametrize("pause", [0.0, 0.02])
def test_ctrl_c_after_an_epoch(data, tmp_path, whole_group, pause):
    words = f"train --data {data} --model {TINY.name} --output {tmp_path / 'tiny.safetensors'} --run {tmp_path / 'run'}"
    options = "--eval-splits test --epochs 5000 --batch-size 6 --size 32 --threads 1 --workers 2"
    command = [sys.executable, "-m", "groupnl", *words.split(), *options.split()]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("epoch 1 ")
        time.sleep(pause)
        send = os.killpg if whole_group else os.kill
        send(process.pid, signal.SIGINT)
        try:
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert said.splitlines()[-1] == "groupnl train: stopped by Ctrl-C"
    assert "Error" not in said
    assert "Traceback" not in said
