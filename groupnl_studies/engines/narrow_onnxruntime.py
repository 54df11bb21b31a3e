"""ONNX Runtime that does without AVX-512.

It asks the CPU itself and has no setting for it. So a copy of the package is made in which the question fails: of the
state that the system keeps for registers, which says whether it knows those of AVX-512, bits are asked for that are
never set. The copy's other files are links.
"""

import os
import re
import shutil
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "onnxruntime"
# not rax; test al, 0xe0; jz: whether all three parts of AVX-512's state are there.
_QUESTION = re.compile(rb"(\x48\xf7\xd0\xa8)\xe0(\x0f\x84)")


def without_avx512(folder: Path) -> bool:
    """Write the copy into a folder, for a search path; whether there was something to change.

    Args:
        folder: exists; where nothing can be changed nothing is written.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return False
    home = Path(spec.origin).parent
    libraries = {
        file: changed
        for file in home.rglob("onnxruntime_pybind11_state*.so")
        if (changed := _QUESTION.sub(_impossible, before := file.read_bytes())) != before
    }
    if not libraries:
        return False
    copy = Path(shutil.copytree(home, folder / PACKAGE, copy_function=os.symlink))
    for file, content in libraries.items():
        place = copy / file.relative_to(home)
        place.unlink()
        place.write_bytes(content)
    return True


def _impossible(question: re.Match[bytes]) -> bytes:
    return question[1] + b"\xff" + question[2]
