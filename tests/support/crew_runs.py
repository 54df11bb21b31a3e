"""Labelled pictures whose answers are of all kinds, and `groupnl` in a program of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from support.colours import COLOURS
from support.torchrun import ROOT

LIMIT_S = 100


def mixed(folder: Path, each: int) -> None:
    """Write class folders of pictures between their colour and another one, with noise."""
    draw = np.random.default_rng(0)
    colours = [np.array(colour) for colour in COLOURS.values()]
    for name, colour in zip(COLOURS, colours, strict=True):
        (folder / name).mkdir(parents=True)
        for number in range(each):
            share = draw.uniform()
            plain = colour * (1 - share) + colours[draw.integers(len(colours))] * share
            noisy = plain + draw.normal(0, 30, (40, 40, 3))
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / name / f"{number}.png")


@contextmanager
def running(*words: str) -> Iterator["subprocess.Popen[str]"]:
    """The command, on a CPU; it does not go on after the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "groupnl", *words, "--device", "cpu"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def counting(pid: int) -> list[psutil.Process]:
    """The processes that count for a process."""
    children = psutil.Process(pid).children()
    return [child for child in children if "groupnl.validation.crew.member" in child.cmdline()]
