"""Files that are no checkpoint of PyTorch's, told by their content: each is refused by what it is, with what to do."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

from groupnl.errors import CheckpointError

_FROM_PYTORCH = "only PyTorch's weights are read, so save the network's state dict from PyTorch"
# First bytes, in small letters -> what such a file is, and what to do.
_STARTS = {
    b"version https://git-lfs": "is a Git LFS pointer and not the file itself: fetch it with `git lfs pull`",
    b"\x89hdf\r\n\x1a\n": f"is HDF5, as Keras and TensorFlow write: {_FROM_PYTORCH}",
    b"<!doctype html": "is a web page and not the file itself: fetch it again, by the address of the file",
    b"<html": "is a web page and not the file itself: fetch it again, by the address of the file",
    b"\x1f\x8b": "is compressed with gzip: unpack it first",
    b"bzh": "is compressed with bzip2: unpack it first",
    b"\xfd7zxz": "is compressed with xz: unpack it first",
    b"\x28\xb5\x2f\xfd": "is compressed with Zstandard: unpack it first",
    b"7z\xbc\xaf": "is a 7z archive: unpack it first",
    b"rar!": "is a RAR archive: unpack it first",
    b"gguf": f"is GGUF, of llama.cpp: {_FROM_PYTORCH}",
    b"\x93numpy": f"is NumPy's: {_FROM_PYTORCH}",
    b"{": f"is JSON: {_FROM_PYTORCH}",
    b"\x08": f"is an ONNX model: {_FROM_PYTORCH}",  # its version, the first field; nothing else that is read begins so
}
# End of a member's name in a zip -> what such a file is, and what to do; the first that is found.
_MEMBERS = {
    "MAR-INF/MANIFEST.json": "is an archive for TorchServe already: `groupnl serve` it",
    "model.weights.h5": f"is a Keras model: {_FROM_PYTORCH}",
    ".npy": f"is NumPy's: {_FROM_PYTORCH}",
    "archive_format": "is a program of torch.export: save the state dict of the network it was made of",
    "constants.pkl": "is a TorchScript archive, a program: save its weights alone, "
    "torch.save(torch.jit.load(FILE).state_dict(), NEW_FILE)",
}
_TAR_PLACE = 257  # of its name in its header
_TAR = "is a tar: unpack it, and name the checkpoint inside; one of PyTorch before 0.2 must be saved again"
_SUFFIXES = {
    ".onnx": f"is an ONNX model: {_FROM_PYTORCH}",
    ".xml": f"is a model of OpenVINO: {_FROM_PYTORCH}",
    ".mlmodel": f"is a Core ML model: {_FROM_PYTORCH}",
    ".msgpack": f"is of Flax: {_FROM_PYTORCH}",
    ".engine": f"is an engine of TensorRT: {_FROM_PYTORCH}",
    ".plan": f"is an engine of TensorRT: {_FROM_PYTORCH}",
    ".pb": f"is a TensorFlow graph: {_FROM_PYTORCH}",
    ".tflite": f"is a TensorFlow Lite model: {_FROM_PYTORCH}",
}
_BEGINNING = 512  # bytes; enough for all of `_STARTS`, and a tar's first header
_TORCHS_PROTOCOL = 2  # of pickles


def is_pickle(path: Path) -> bool:
    """Whether torch's reader of pickles may have it; anything else is safetensors.

    Raises:
        CheckpointError: it is of neither kind.
    """
    with path.open("rb") as file:
        start = file.read(_BEGINNING)
    if start[8:9] == b"{":  # safetensors: eight bytes of any value, its header's length, and then the header's brace
        return False
    if start.startswith(b"PK"):
        refusal = _of_zip(path)
    elif start.startswith(b"\x80"):
        refusal = _of_protocol(start)
    else:
        refusal = _TAR if start[_TAR_PLACE:].startswith(b"ustar") else _of_start(start, path.suffix)
    if refusal is not None:
        raise CheckpointError(f"checkpoint {path} {refusal}")
    return True


def _of_zip(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as file:
            names: Sequence[str] = file.namelist()
            pickles = [file.read(name)[:2] for name in names if name.endswith("/data.pkl")]
    except (zipfile.BadZipFile, OSError, NotImplementedError):
        return "is damaged or cut short: fetch or save it again"
    for end, refusal in _MEMBERS.items():
        if any(name.endswith(end) for name in names):
            return refusal
    if not any(name.endswith("data.pkl") for name in names):
        return "is a zip without PyTorch's data: unpack it, and name the checkpoint inside"
    return next(filter(None, map(_of_protocol, pickles)), None)


def _of_protocol(start: bytes) -> str | None:
    """Python writes pickles of other protocols than torch.save does, and torch's safe reader has only that one."""
    if len(start) < len(b"\x80\x02") or start[1] <= _TORCHS_PROTOCOL:
        return None
    return (
        f"is a pickle of protocol {start[1]}, of which nothing can be read without running what it says: where it was "
        "made, save the network's state dict, torch.save(network.state_dict(), FILE)"
    )


def _of_start(start: bytes, suffix: str) -> str:
    if not start:
        return "is empty: fetch or save it again"
    small = start.lstrip().lower()
    known = next((refusal for begin, refusal in _STARTS.items() if small.startswith(begin)), None)
    return _SUFFIXES.get(suffix.lower()) or known or f"is neither safetensors nor a file of torch.save: {_FROM_PYTORCH}"
