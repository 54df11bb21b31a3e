"""ONNX files of the networks that tests serve, each exported once."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from support.once import once
from torch import nn

from groupnl.inference.engines.kind import Spec
from groupnl.inference.engines.onnx import Onnx


def exported_once(place: Path) -> Callable[[Onnx, nn.Module, Spec, Path], None]:
    """`Onnx.make` that exports each network once; see `once`."""
    export = Onnx.make

    def make(kind: Onnx, network: nn.Module, spec: Spec, folder: Path) -> None:
        digest = hashlib.sha256(f"{network} {spec}".encode())
        for tensor in network.state_dict().values():
            digest.update(tensor.numpy().tobytes())
        made = once(place, digest.hexdigest(), lambda work: export(kind, network, spec, work))
        shutil.copytree(made, folder, dirs_exist_ok=True)

    return make
