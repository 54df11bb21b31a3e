"""Makes of PyPI's torchvision, which is compiled for a PyTorch with CUDA, a wheel that any PyTorch imports.

    python .ci/plain_torchvision.py WHEEL FOLDER

What is compiled (operators of detectors, decoders) is left out, and the two operators that its Python code describes
when it is imported are declared. timm, which imports torchvision, calls none of them; whoever does gets an error.
"""

import base64
import hashlib
import re
import sys
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

_DECLARED = """

if not _has_ops():
    for _name in ("nms", "qnms"):
        torch.library.define(f"torchvision::{_name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
"""
_TAG = "py3-none-any"
_LOCAL = "+plain"


def main(wheel: Path, folder: Path) -> None:
    """Write the wheel.

    Args:
        wheel: of PyPI.
        folder: for the other one.
    """
    name, version = wheel.name.split("-")[:2]
    old, new = f"{name}-{version}.dist-info", f"{name}-{version}{_LOCAL}.dist-info"
    with ZipFile(wheel) as source:
        files = {path: source.read(path) for path in source.namelist() if is_plain(path)}
    files = {path.replace(old, new): content for path, content in files.items() if path != f"{old}/RECORD"}
    files[f"{new}/METADATA"] = replaced(files[f"{new}/METADATA"], r"^Version: .*$", f"Version: {version}{_LOCAL}")
    files[f"{new}/WHEEL"] = replaced(files[f"{new}/WHEEL"], r"^Tag: .*$", f"Tag: {_TAG}")
    files[f"{name}/extension.py"] += _DECLARED.encode()
    rows = [f"{path},sha256={digest(content)},{len(content)}" for path, content in files.items()]
    files[f"{new}/RECORD"] = "\n".join([*rows, f"{new}/RECORD,,", ""]).encode()
    with ZipFile(folder / f"{name}-{version}{_LOCAL}-{_TAG}.whl", "w", ZIP_DEFLATED) as target:
        for path, content in files.items():
            target.writestr(path, content)


def is_plain(path: str) -> bool:
    """Whether a wheel's file is no folder and nothing that is compiled."""
    return not path.endswith((".so", "/")) and ".libs/" not in path


def replaced(content: bytes, pattern: str, text: str) -> bytes:
    """A text with one line in the place of another."""
    changed, count = re.subn(pattern, text, content.decode(), flags=re.MULTILINE)
    if count != 1:
        raise SystemExit(f"{pattern!r} stands {count} times in the wheel's records, not once")
    return changed.encode()


def digest(content: bytes) -> str:
    """As a wheel's RECORD has it."""
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
