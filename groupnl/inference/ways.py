"""The ways to run a network: which form of it, by which engine, in which precision."""

import importlib.util
from typing import NamedTuple, get_args

import torch

from groupnl.errors import ConfigError, not_installed
from groupnl.inference.device import PRECISIONS, choose_precision, precision_name
from groupnl.inference.engine_names import EngineName
from groupnl.inference.engines import onnx_export

_PUBLISHED = "published"
_ENGINES: tuple[EngineName, ...] = get_args(EngineName)
# Package -> our extra that has it, of engines that need more than the project itself.
_EXPORT = dict.fromkeys(onnx_export.PACKAGES, onnx_export.EXTRA)
_PACKAGES = {"onnx": _EXPORT, "openvino": {**_EXPORT, "openvino": "openvino"}}


class Way(NamedTuple):
    """One way to run a network.

    Attributes:
        published: the network as it was trained, instead of the form that `to_inference` makes.
        engine: what runs it.
        precision: of its products.
    """

    published: bool
    engine: EngineName
    precision: torch.dtype

    @property
    def name(self) -> str:
        """As options and tables have it, e.g. "aot-bfloat16", "published-eager-float32"."""
        words = [_PUBLISHED] if self.published else []
        return "-".join([*words, self.engine, precision_name(self.precision)])

    @property
    def runtime(self) -> str:
        """Whose kernels compute: eager, compiled and packaged networks all run in torch."""
        return self.engine if self.engine in _PACKAGES else "torch"


# What every other way must agree with.
REFERENCE = Way(True, "eager", torch.float32)


def parse_way(name: str) -> Way:
    """The way of a name.

    Raises:
        ConfigError: it names no way.
    """
    words = name.split("-")
    published = words[0] == _PUBLISHED
    match words[published:]:
        case [engine, precision] if engine in _ENGINES and precision in PRECISIONS:
            return Way(published, engine, PRECISIONS[precision])
    raise ConfigError(
        f"{name!r} is no way to run a network: write ENGINE-PRECISION or published-ENGINE-PRECISION, with an engine of "
        f"{', '.join(_ENGINES)} and a precision of {', '.join(PRECISIONS)}"
    )


def why_not(way: Way, device: torch.device) -> str | None:
    """Why a network cannot be run in this way on this device; None if it can, as far as one can tell before."""
    if way.published and way.engine == "aot":
        return "a package always holds the rewritten network: use published-compile"
    if way.engine == "onnx" and way.precision == torch.bfloat16:
        return "ONNX Runtime has no bfloat16 convolutions: use float32, or float16 on CUDA"
    if way.engine == "openvino" and device.type != "cpu":
        return "OpenVINO runs on the CPU: use --device cpu"
    if way.precision == torch.float16 and device.type == "cpu":
        return "float16 needs a CUDA device: use bfloat16 or float32"
    for package, extra in _PACKAGES.get(way.engine, {}).items():
        if importlib.util.find_spec(package) is None:
            return not_installed(package, extra)
    return None


def possible_ways(names: list[str] | None, defaults: list[Way], device: torch.device) -> list[Way]:
    """The ways that were asked for, or those of the defaults that are possible; each once.

    Raises:
        ConfigError: one that was asked for is not possible, or none of the defaults is.
    """
    if names is None:
        return [way for way in dict.fromkeys(defaults) if why_not(way, device) is None]
    ways = list(dict.fromkeys(map(parse_way, names)))
    for way in ways:
        if reason := why_not(way, device):
            raise ConfigError(f"{way.name} on {device}: {reason}")
    return ways


def speed_ways(device: torch.device) -> list[Way]:
    """What is compared for speed: the published and the rewritten form in each runtime, in its quickest precision.

    On a machine whose best precision is float32 all is in float32.
    """
    best = choose_precision("auto", device)
    in_onnx = torch.float16 if device.type == "cuda" else torch.float32
    return [
        REFERENCE,
        Way(True, "eager", best),
        Way(True, "compile", best),
        Way(True, "onnx", in_onnx),
        Way(False, "aot", best),
        Way(False, "onnx", in_onnx),
        Way(False, "openvino", best),
    ]


def precision_ways(device: torch.device) -> list[Way]:
    """What is checked for precision: every engine of the rewritten network in every precision that suits the device."""
    best = choose_precision("auto", device)
    return [
        Way(False, engine, precision)
        for engine in _ENGINES
        for precision in dict.fromkeys((torch.float32, best))
        if not (engine == "onnx" and precision == torch.bfloat16)
    ]
