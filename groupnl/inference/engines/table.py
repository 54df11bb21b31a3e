"""The table of engines: a row each, in the order in which they are told."""

from groupnl.inference.engine_names import EngineName
from groupnl.inference.engines.aot import Aot
from groupnl.inference.engines.compile import Compile
from groupnl.inference.engines.eager import Eager
from groupnl.inference.engines.kind import EngineKind
from groupnl.inference.engines.onnx import Onnx
from groupnl.inference.engines.openvino import OpenVino

ENGINES: tuple[EngineKind, ...] = (Eager(), Compile(), Aot(), Onnx(), OpenVino())
_BY_NAME = {kind.name: kind for kind in ENGINES}


def engine_kind(name: EngineName) -> EngineKind:
    """The engine of a name."""
    return _BY_NAME[name]
