"""The engines that can run a network; named here, where the command line finds them without importing torch."""

from typing import Literal

EngineName = Literal["eager", "compile", "aot", "onnx", "openvino"]
# These are told their number of threads once, when they are made.
ENGINES_OF_FIXED_THREADS: tuple[EngineName, ...] = ("onnx", "openvino")
# For these, packing puts files beside the weights into the archive.
ENGINES_WITH_FILES: tuple[EngineName, ...] = ("aot", "onnx", "openvino")
