"""groupnl.models.foreign_file and pickle_file: what is no checkpoint is refused by what it is, in one sentence."""

import argparse
import datetime
import os
import pickle
import random
import re
import sys
import tarfile
import zipfile
from collections import defaultdict
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from support.tiny import ARCHITECTURE, tiny_network
from torchvision.transforms import InterpolationMode

from groupnl.errors import CheckpointError
from groupnl.models import load_checkpoint
from groupnl.models.pickle_file import read_pickle


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    text = str(caught.value)
    assert text.startswith(f"checkpoint {path} ")
    assert "\n" not in text
    assert "weights_only" not in text
    return text


DAMAGED = "is damaged or cut short: fetch or save it again"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n", "is a Git LFS pointer"),
        (b"\x89HDF\r\n\x1a\n\x00\x00", "is HDF5, as Keras and TensorFlow write"),
        (b"\x08\x08\x12\x07pytorch", "is an ONNX model"),
        (b"\n<!DOCTYPE html><html>", "is a web page"),
        (b"\x1f\x8b\x08\x00", "is compressed with gzip: unpack it first"),
        (b"BZh91AY&SY", "is compressed with bzip2: unpack it first"),
        (b"\xfd7zXZ\x00", "is compressed with xz: unpack it first"),
        (b"\x28\xb5\x2f\xfd\x00", "is compressed with Zstandard: unpack it first"),
        (b"7z\xbc\xaf\x27\x1c", "is a 7z archive: unpack it first"),
        (b"Rar!\x1a\x07", "is a RAR archive: unpack it first"),
        (b"GGUF\x03\x00\x00\x00", "is GGUF, of llama.cpp"),
        (b"\x93NUMPY\x01\x00", "is NumPy's: only PyTorch's weights are read"),
        (b'{"weight": 1}', "is JSON: only PyTorch's weights are read"),
        (pickle.dumps({"a": 1}), "is a pickle of protocol 4, of which nothing can be read"),
        (b"\x89PNG....", "is neither safetensors nor a file of torch.save"),
        (b"PK\x03\x04 half a zip", DAMAGED),
        (b"\x80\x02}q\x00.", DAMAGED),
        (b"\x80\x02.", DAMAGED),
        (b"\x80\x02h\x05.", DAMAGED),
        (b"\x10\x00\x00\x00\x00\x00\x00\x00{}", DAMAGED),
    ],
)
def test_other_files(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "other").write_bytes(content)
    assert sentence in refusal(tmp_path / "other")


@pytest.mark.parametrize(
    ("member", "sentence"),
    [
        ("MAR-INF/MANIFEST.json", "is an archive for TorchServe already: `groupnl serve` it"),
        ("model.weights.h5", "is a Keras model"),
        ("weights.npy", "is NumPy's"),
        ("program/archive_format", "is a program of torch.export"),
        ("best.pth", "is a zip without PyTorch's data: unpack it"),
    ],
)
def test_other_zips(tmp_path: Path, member: str, sentence: str) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as file:
        file.writestr(member, "x")
    assert sentence in refusal(tmp_path / "other.zip")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("graph.pb", "TensorFlow graph"),
        ("model.TFLite", "TensorFlow Lite"),
        ("model.mlmodel", "Core ML"),
        ("model.xml", "OpenVINO"),
        ("flax_model.msgpack", "Flax"),
        ("model.engine", "TensorRT"),
    ],
)
def test_files_that_only_their_names_tell(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / name).write_bytes(b"\x0a\x05hello")
    assert sentence in refusal(tmp_path / name)


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning", "ignore:`torch.jit:DeprecationWarning")
def test_torchscript(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)), tmp_path / "script.pt")
    assert "is a TorchScript archive, a program: save its weights alone" in refusal(tmp_path / "script.pt")


def test_a_tar(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "all.tar", "w") as file:
        file.addfile(tarfile.TarInfo("last.pth"))
    assert "is a tar: unpack it, and name the checkpoint inside" in refusal(tmp_path / "all.tar")


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_another_protocol(tmp_path: Path, protocol: int, legacy: bool) -> None:
    weights = tiny_network().state_dict()
    torch.save(weights, tmp_path / "x", pickle_protocol=protocol, _use_new_zipfile_serialization=not legacy)
    assert f"is a pickle of protocol {protocol}, of which nothing" in refusal(tmp_path / "x")


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is neither a file nor a folder: name the checkpoint's file" in refusal(tmp_path / "pipe")
    (tmp_path / ".metadata").touch()
    assert "is of torch.distributed.checkpoint: make one file of it" in refusal(tmp_path)


def test_a_cut_file(tmp_path: Path) -> None:
    torch.save(tiny_network().state_dict(), tmp_path / "cut.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "cut.pth").read_bytes()[:-100])
    assert DAMAGED in refusal(tmp_path / "cut.pth")


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("built",)


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize("extra", [{"optimizer": Evil()}, {"args": Evil()}], ids=["optimizer", "args"])
def test_a_pickle_that_wants_more_built(
    tmp_path: Path, extra: dict[str, Any], legacy: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "evil.pth.tar"
    content = {"state_dict": tiny_network().state_dict()} | extra
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    assert "wants print built, which could run anything" in refusal(path)
    assert "built" not in capsys.readouterr().out


def test_a_whole_network(tmp_path: Path) -> None:
    for content in (tiny_network(), {"model": tiny_network()}):
        torch.save(content, tmp_path / "whole.pt")
        said = refusal(tmp_path / "whole.pt")
        assert re.search(
            r"wants timm\.models\..*EfficientNet built.*torch\.save\(network\.state_dict\(\), FILE\)$", said
        )


def test_what_is_no_dictionary(tmp_path: Path) -> None:
    torch.save([torch.zeros(2)], tmp_path / "list.pt")
    assert "holds a list instead of a dictionary: save the network's state dict" in refusal(tmp_path / "list.pt")


NUMBERS = (
    *(np.float64(0.1), np.float32(0.1), np.float16(0.5), np.int64(-3), np.int8(-3), np.uint8(200), np.bool_(True)),
    np.dtype(">f8").type(2.5),
)


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.dtype.str)
def test_numpys_scalars_are_plain_numbers(tmp_path: Path, number: Any) -> None:
    content = {"state_dict": tiny_network().state_dict(), "arch": ARCHITECTURE, "best": number, "again": number}
    torch.save(content | {"args": argparse.Namespace(lr=number)}, tmp_path / "last.pth.tar")
    found = read_pickle(tmp_path / "last.pth.tar")
    assert found["best"] == found["again"] == found["args"].lr == number.item()
    assert type(found["best"]) is type(number.item())
    assert load_checkpoint(tmp_path / "last.pth.tar").state_dict


def test_numpys_old_names_are_read(tmp_path: Path) -> None:
    torch.save({"best": np.float64(71.5)}, tmp_path / "new", _use_new_zipfile_serialization=False)
    data = (tmp_path / "new").read_bytes()
    assert b"numpy._core.multiarray" in data
    (tmp_path / "old").write_bytes(data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    assert read_pickle(tmp_path / "old") == {"best": 71.5}


BESIDE = {
    "array": np.ones(2),
    "array of objects": np.array(["a", None], dtype=object),
    "generators": {
        "numpy": ("MT19937", np.arange(624), 3, 0, 0.0),
        "python": random.getstate(),
        "torch": torch.get_rng_state(),
    },
    "numpy's text": np.str_("a"),
    "numpy's time": np.datetime64("2020-01-01"),
    "time": datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC),
    "duration": datetime.timedelta(3),
    "torch's version": torch.__version__,
    "complex": 1j,
    "torchvision's filter": InterpolationMode.BILINEAR,
    "sets": {1, frozenset({2})},
    "types": [int, dict],
}


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize("value", BESIDE.values(), ids=BESIDE.keys())
def test_values_beside_the_weights_are_passed_over(tmp_path: Path, value: Any, legacy: bool) -> None:
    weights = tiny_network().state_dict()
    content = {"arch": ARCHITECTURE, "args": SimpleNamespace(lr=value), "value": value, "state_dict": weights}
    torch.save(content, tmp_path / "last.pth.tar", _use_new_zipfile_serialization=not legacy)
    found = load_checkpoint(tmp_path / "last.pth.tar").state_dict
    assert all(torch.equal(tensor, found[name]) for name, tensor in weights.items())


def test_settings_of_hydra_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As OmegaConf pickles them, in classes of the same names."""
    names = {"base": "ContainerMetadata", "dictconfig": "DictConfig", "listconfig": "ListConfig", "nodes": "AnyNode"}
    kinds = {}
    for place, name in names.items():
        kinds[name] = type(name, (), {"__module__": f"omegaconf.{place}"})
        monkeypatch.setitem(sys.modules, "omegaconf", ModuleType("omegaconf"))
        monkeypatch.setitem(sys.modules, f"omegaconf.{place}", module := ModuleType(f"omegaconf.{place}"))
        setattr(module, name, kinds[name])
    config, values, value, about = (kinds[name]() for name in ("DictConfig", "ListConfig", "AnyNode", names["base"]))
    vars(about).update(ref_type=Any, object_type=dict, resolver_cache=defaultdict(dict))
    vars(value).update(_metadata=about, _val=0.1)
    vars(values).update(_metadata=about, _content=[value])
    vars(config).update(_metadata=about, _content={"lr": value, "milestones": values})
    content = {"state_dict": tiny_network().state_dict(), "hyper_parameters": {"config": config, "name": ARCHITECTURE}}
    torch.save(content, tmp_path / "last.ckpt")
    assert load_checkpoint(tmp_path / "last.ckpt").state_dict


def test_dictionaries_with_defaults_and_plain_namespaces_hold_what_they_held(tmp_path: Path) -> None:
    content = defaultdict(dict, state_dict=tiny_network().state_dict(), args=SimpleNamespace(model=ARCHITECTURE))
    torch.save(content, tmp_path / "last.pth.tar")
    assert load_checkpoint(tmp_path / "last.pth.tar").state_dict


@pytest.mark.parametrize("module", ["pathlib", "pathlib._local"])
@pytest.mark.parametrize(
    ("written", "name", "read"),
    [
        (PurePosixPath("/data/in"), "PurePosixPath", "/data/in"),
        (PurePosixPath("/data/in"), "PosixPath", "/data/in"),
        (PurePosixPath("a/b"), "WindowsPath", "a/b"),
        (PureWindowsPath("a", "b"), "PureWindowsPath", "a/b"),
    ],
)
def test_paths_are_read_as_their_text(tmp_path: Path, written: Any, name: str, read: str, module: str) -> None:
    torch.save({"args": argparse.Namespace(data=written)}, tmp_path / "own", _use_new_zipfile_serialization=False)
    old, new = (f"c{place}\n".encode() for place in (f"pathlib\n{type(written).__name__}", f"{module}\n{name}"))
    data = (tmp_path / "own").read_bytes()
    assert old in data
    (tmp_path / "theirs").write_bytes(data.replace(old, new))
    assert read_pickle(tmp_path / "theirs")["args"].data == read
