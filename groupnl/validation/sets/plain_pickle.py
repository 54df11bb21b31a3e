"""A dictionary of arrays that Python has pickled, or numpy saved as an object: read without building anything it names.

A pickle is a program: it may name any function and call it. Here the three names that such a file needs (numpy's array,
its type, and the function that begins an array) stand for objects of this module, made anew for each file, which can be
called and not changed, and make what only keeps what it is given; any other name is refused. Numbers are read from the
bytes that were kept.
"""

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from groupnl.errors import ConfigError

_NUMBERS = frozenset("biu")  # kinds of numpy's types that hold plain whole numbers


class _Type:
    """What was made in the place of a `numpy.dtype`."""

    def __init__(self, name: Any) -> None:
        self._name = _text(name)
        self._order = "|"

    def __setstate__(self, state: Any) -> None:
        self._order = _text(state[1])

    def real(self) -> "np.dtype[Any] | None":
        """Numpy's type, if it is one of whole numbers."""
        try:
            real = np.dtype(self._order + self._name) if self._order in ("<", ">") else np.dtype(self._name)
        except TypeError:
            return None
        return real if real.kind in _NUMBERS else None


class _Array:
    """What was made in the place of a `numpy.ndarray`."""

    def __init__(self) -> None:
        self._state: tuple[Any, ...] = ()

    def __setstate__(self, state: Any) -> None:
        self._state = tuple(state)

    def numbers(self) -> NDArray[Any] | None:
        """The whole numbers that it holds; None: it holds something else."""
        match self._state:
            case (_, tuple(shape), _Type() as kind, bool(columns), bytes(data)) if (real := kind.real()) is not None:
                return np.frombuffer(data, real).reshape(shape, order="F" if columns else "C")
        return None

    def single(self) -> Any:
        """The one object of an array of objects that has only one; None: it is no such array."""
        match self._state:
            case (_, (), _Type(), _, [one]):
                return one
        return None


class _Name:
    """What stands for a name: pickles may set attributes of what they have, so it has none, and takes no state."""

    __slots__ = ()

    def __setstate__(self, _: Any) -> None:
        _refuse("other attributes of a function or class")


class _Arrays(_Name):
    """In the place of `numpy.ndarray`, and of numpy's `_reconstruct`."""

    __slots__ = ()

    def __call__(self, *_: Any) -> _Array:
        return _Array()


class _Types(_Name):
    """In the place of `numpy.dtype`."""

    __slots__ = ()

    def __call__(self, name: Any = "", *_: Any) -> _Type:
        return _Type(name)


class _Encode(_Name):
    """In the place of `_codecs.encode`, by which old pickles write bytes."""

    __slots__ = ()

    def __call__(self, text: Any, encoding: Any = "latin1") -> bytes:
        return str(text).encode("latin1") if encoding == "latin1" else _refuse(f"_codecs.encode to {encoding!r}")


_ADMITTED: dict[tuple[str, str], type[_Name]] = {
    ("numpy", "ndarray"): _Arrays,
    ("numpy", "dtype"): _Types,
    ("numpy.core.multiarray", "_reconstruct"): _Arrays,
    ("numpy._core.multiarray", "_reconstruct"): _Arrays,
    ("_codecs", "encode"): _Encode,
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """What stands for a name of the pickle."""
        return _ADMITTED[module, name]() if (module, name) in _ADMITTED else _refuse(f"{module}.{name}")

    def persistent_load(self, pid: Any) -> Any:
        """Refused: such a pickle leans on something outside of it."""
        _refuse(f"the persistent object {pid!r}")


def read_arrays(path: Path, wanted: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Arrays of whole numbers, or lists of such, in a dictionary that ``numpy.save`` has written.

    Args:
        path: of the `.npy` file.
        wanted: their names; what else is there is passed over.

    Raises:
        ConfigError: it is no such file, wants anything built that is no array, or lacks an array.
    """
    return _arrays(path, wanted, _saved_by_numpy, "take the published folders of images instead")


def read_pickled_arrays(path: Path, wanted: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The same of a dictionary that was pickled as it is, also by Python 2.

    Raises:
        ConfigError: see `read_arrays`.
    """
    return _arrays(path, wanted, _pickled, "take the published binary version instead")


def _arrays(
    path: Path, wanted: Sequence[str], load: Callable[[IO[bytes]], Any], advice: str
) -> dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as file:
            held = load(file)
        if not isinstance(held, dict):
            raise ConfigError(f"{path} holds no dictionary of arrays")
        return {name: _numbers(path, name, held.get(name)) for name in wanted}
    except ConfigError:
        raise
    except _RefusedError as error:
        raise ConfigError(
            f"{path} is a pickle that wants {error} built, which could run anything; only arrays are: {advice}"
        ) from None
    except Exception as error:  # a damaged pickle makes the unpickler raise nearly any type
        raise ConfigError(f"{path} is damaged, or no dictionary of arrays ({error})") from None


def _saved_by_numpy(file: IO[bytes]) -> Any:
    version = np.lib.format.read_magic(file)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    header(file)
    content = _Reader(file).load()
    return content.single() if isinstance(content, _Array) else None


def _pickled(file: IO[bytes]) -> Any:
    content = _Reader(file, encoding="bytes").load()  # Python 2's text is of bytes, and so are its arrays' numbers
    return {_text(name): value for name, value in content.items()} if isinstance(content, dict) else None


def _text(name: Any) -> str:
    return name.decode("latin1") if isinstance(name, bytes) else str(name)


class _RefusedError(Exception):
    pass


def _refuse(name: str) -> NoReturn:
    raise _RefusedError(name)


def _numbers(path: Path, name: str, value: Any) -> NDArray[Any]:
    if isinstance(value, list) and all(type(each) is int for each in value):
        return np.array(value, np.int64)
    numbers = value.numbers() if isinstance(value, _Array) else None
    if numbers is None:
        raise ConfigError(f"{path} has no array of whole numbers under {name!r}")
    return numbers
