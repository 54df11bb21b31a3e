"""What a layer's numbers stood in is used again for the next batch's, whole pages of it."""

import platform
import subprocess
import sys

import pytest

_PROGRAM = """
import resource
import torch
from torch import nn
from groupnl_studies.harness.random_network import usual_input
from groupnl.inference.engines.torch_engine import TorchEngine

def faults_of(run, images):
    for _ in range(10):
        run(images)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(3):
        run(images)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) // 3

torch.set_num_threads(1)
torch.set_grad_enabled(False)
network = nn.Sequential(
    nn.Conv2d(3, 64, 3, 2), nn.ReLU(), nn.Conv2d(64, 8, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)
)
pixels = torch.zeros(8, 3, 224, 224, dtype=torch.uint8)  # the first layer's numbers take 24 MiB
print(faults_of(lambda images: network(images.float()), pixels))
engine = TorchEngine(network, usual_input(224), torch.device("cpu"), torch.float32)
print(faults_of(engine, pixels))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_a_batch_asks_the_system_for_no_pages() -> None:
    # As glibc begins: later it moves the bound beyond which blocks go back to the system at once, sooner or later.
    begins = {"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=131072"}
    done = subprocess.run([sys.executable, "-c", _PROGRAM], env=begins, capture_output=True, text=True, check=True)
    plain, kept = map(int, done.stdout.split())
    assert plain > 5_000  # 24 MiB in pages of 4 KiB are 6,144
    assert kept < plain / 3
