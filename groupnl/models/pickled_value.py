"""Values that scripts pickle beside the weights and no answer depends on, read as text, containers or nothing.

Their own classes are never built: `ADMITTED` puts our callables in their places, which do nothing with what they get.
"""

import argparse
from typing import Any


class Nothing:
    """In the place of a value that is passed over."""

    def __new__(cls, *_: Any) -> "Nothing":
        """Whatever the value is made of."""
        return super().__new__(cls)

    def __init__(self, *_: Any) -> None:
        """The same, by the other way that a pickle has."""

    def __setstate__(self, state: Any) -> None:
        """Whatever it holds."""


def path(*parts: str) -> str:
    """In the place of a path: its text."""
    return "/".join(parts).replace("//", "/")


def mapping(*_: Any) -> dict[Any, Any]:
    """In the place of a dictionary with a default: the dictionary, which the pickle then fills."""
    return {}


def _named(stand_in: Any, modules: str, names: str) -> list[tuple[Any, str]]:
    return [(stand_in, f"{module}.{name}") for module in modules.split() for name in names.split()]


# As torch.serialization.safe_globals takes them. Python 3.13 and NumPy 2 renamed modules.
ADMITTED = (
    *_named(path, "pathlib pathlib._local", "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath"),
    *_named(Nothing, "datetime", "date datetime time timedelta timezone"),
    *_named(Nothing, "builtins", "bool bytes complex dict float frozenset int list range set slice str tuple"),
    *_named(Nothing, "numpy", "ndarray"),
    *_named(Nothing, "torchvision.transforms.functional", "InterpolationMode"),
    *_named(Nothing, "numpy.core.multiarray numpy._core.multiarray", "_reconstruct"),
    *_named(Nothing, "torch.torch_version", "TorchVersion"),
    # Hydra's settings, which Lightning stores.
    *_named(Nothing, "omegaconf.base", "ContainerMetadata Metadata"),
    *_named(Nothing, "omegaconf.dictconfig", "DictConfig"),
    *_named(Nothing, "omegaconf.listconfig", "ListConfig"),
    *_named(Nothing, "omegaconf.nodes", "AnyNode BooleanNode BytesNode FloatNode IntegerNode PathNode StringNode"),
    *_named(Nothing, "typing", "Any"),
    *_named(mapping, "collections", "defaultdict"),
    *_named(argparse.Namespace, "types", "SimpleNamespace"),
    *_named(argparse.Namespace, "argparse", "Namespace"),
)
