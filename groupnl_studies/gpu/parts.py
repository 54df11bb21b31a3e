"""The parts of the run, in their order: what each needs, and how much of the time it gets.

No torch here: what is missing is told before anything is imported.
"""

import importlib.util
from collections.abc import Callable, Sequence
from typing import NamedTuple

# Module -> package that brings it, where the names differ.
_PACKAGES = {
    "yaml": "pyyaml",
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "model_archiver": "torch-model-archiver",
}
_LIBRARY = (
    *("torch", "torchvision", "timm", "numpy", "safetensors", "pydantic", "yaml", "PIL", "cv2", "simplejpeg"),
    *("psutil", "tqdm", "prometheus_client"),
)


class Part(NamedTuple):
    """One part.

    Attributes:
        name: on the command line and in the results.
        share: of the time, beside those of the other parts.
        module: in this package; its ``run(plan, findings)`` does the work.
        needs: modules without which it is left out.
    """

    name: str
    share: float
    module: str
    needs: tuple[str, ...]


MACHINE = "machine"  # without it no other part makes sense
PARTS = (
    Part(MACHINE, 15, "facts", ("torch",)),
    Part("tests", 60, "checks", (*_LIBRARY, "pytest")),
    Part("equality", 200, "equality", _LIBRARY),
    Part("corruptions", 25, "corrupting", _LIBRARY),
    Part("ratios", 100, "ratios", _LIBRARY),
    Part("batches", 35, "batches", _LIBRARY),
    Part("graphs", 40, "graphs", _LIBRARY),
    Part("handler", 90, "handler", (*_LIBRARY, "model_archiver")),
    Part("priority", 40, "priority", _LIBRARY),
)


def _is_there(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def missing_packages(part: Part, is_there: Callable[[str], bool] = _is_there) -> list[str]:
    """The packages that a part needs and that are not installed."""
    return [_PACKAGES.get(module, module) for module in part.needs if not is_there(module)]


def limit_s(part: Part, following: Sequence[Part], left_s: float) -> float:
    """How long a part may take, seconds: its share of what is left; what it leaves over goes to those behind it.

    Args:
        part: that is about to run.
        following: that are still to run after it.
        left_s: of the whole time.
    """
    return left_s * part.share / (part.share + sum(other.share for other in following))
