"""Archives that were packed before the service knew no server: their own classifier.py still finds what it calls."""

import importlib.util
from pathlib import Path
from types import ModuleType

from PIL import Image
from support.pictures import encode, scene
from support.worker import FLOAT32, make_context, request, send_batch

OLDER = Path(__file__).parent / "data" / "classifier_of_0_1.py"


def load(file: Path) -> ModuleType:
    """As TorchServe imports it: from the unpacked archive, as a module of its own."""
    spec = importlib.util.spec_from_file_location("classifier", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_older_archive_answers(packed: Path) -> None:
    handler = load(OLDER).GroupNLClassifier()
    context = make_context(packed, config=FLOAT32)
    handler.initialize(context)
    good, bad = send_batch(handler, context, [request(encode(Image.fromarray(scene()), "PNG")), request(b"no image")])
    assert (good.status, len(good.json())) == (200, 5)
    assert (bad.status, bad.json()["code"]) == (415, "unsupported_type")
