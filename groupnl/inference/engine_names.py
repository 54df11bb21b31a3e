"""The engines that can run a network, by name; here, where the command line finds them without importing torch.

What there is to know of each stands in `groupnl.inference.engines`.
"""

from typing import Final, Literal

EngineName = Literal["eager", "compile", "aot", "onnx", "openvino"]
AUTO: Final = "auto"
EngineChoice = Literal["auto", EngineName]
"""An engine, or that of an archive's which is the fastest on the machine that serves."""
WITH_INT8: Final[EngineName] = "openvino"
"""The one engine that has the precision int8."""
