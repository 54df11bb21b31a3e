"""The ways to run a network: which form of it, by which engine, in which precision."""

import itertools
from typing import NamedTuple

import torch

from groupnl.errors import ConfigError
from groupnl.inference.device import PRECISIONS, choose_precision, precision_name, suitable_precisions
from groupnl.inference.engine_names import EngineName
from groupnl.inference.engines.table import ENGINES, engine_kind

_PUBLISHED = "published"


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
        return engine_kind(self.engine).runtime


# What every other way must agree with.
REFERENCE = Way(True, "eager", torch.float32)


def parse_way(name: str) -> Way:
    """The way of a name.

    Raises:
        ConfigError: it names no way.
    """
    for published, kind, precision in itertools.product((True, False), ENGINES, PRECISIONS.values()):
        if (way := Way(published, kind.name, precision)).name == name:
            return way
    raise ConfigError(
        f"{name!r} is no way to run a network: write ENGINE-PRECISION or published-ENGINE-PRECISION, with an engine of "
        f"{', '.join(kind.name for kind in ENGINES)} and a precision of {', '.join(PRECISIONS)}"
    )


def why_not(way: Way, device: torch.device) -> str | None:
    """Why a network cannot be run in this way on this device; None if it can, as far as one can tell before."""
    kind = engine_kind(way.engine)
    return kind.refusal(device, way.precision, way.published) or kind.missing()


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
    in_onnx = engine_kind("onnx").nearest(best, device)
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
    return [
        Way(False, kind.name, precision)
        for kind in ENGINES
        for precision in suitable_precisions(device)
        if kind.nearest(precision, device) == precision
    ]
