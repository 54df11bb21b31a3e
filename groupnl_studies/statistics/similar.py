"""Pictures that look alike: which are known again, which others are taken for them, and what comes of videos."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from groupnl.archive.shadow_config import ShadowConfig
from groupnl.base.progress import progress
from groupnl.robustness.fingerprint import ALIKE, fingerprint
from groupnl.robustness.statistics import ALPHA
from groupnl_studies.harness.photographs import photograph
from groupnl_studies.statistics.choosing import chosen
from groupnl_studies.statistics.finding import Finding, share_of
from groupnl_studies.statistics.repeats import false_verdicts
from groupnl_studies.statistics.stream import Stream

_ICONS = Path("data/icons")  # of `groupnl data icons`; without them only photographs are looked at
_SIDE, _ICON_SIDE = 224, 64  # pixels
_MARGIN = 0.1  # around what is cut out, so that it can be moved
_KNOWN, _MISTAKEN = 0.95, 0.02
_SCENES, _FRAMES = 400, 25
_JITTER = 0.02  # of the width, between two frames
_Levels = NDArray[np.uint8]

Cut = Callable[[Image.Image], Image.Image]


def _simulate(runs: int, rng: np.random.Generator) -> Iterator[Finding]:
    photographs = [Image.open(io.BytesIO(photograph(seed))).convert("RGB") for seed in range(_SCENES)]
    yield from _look("photographs", photographs, _SIDE, rng)
    files = sorted(_ICONS.glob("test_*/*/*.png"))
    if files:
        yield from _look("icons", [Image.open(file).convert("RGB") for file in files], _ICON_SIDE, rng)
    yield from _videos(photographs, runs, rng)


def _look(kind: str, images: list[Image.Image], side: int, rng: np.random.Generator) -> Iterator[Finding]:
    bars = progress(images, unit=kind, title="looking", stays=False)
    first = np.stack([_coarse(cut(image, side)) for image in bars])
    for change, (changed, is_wanted) in _changes(side, rng).items():
        again = np.stack([_coarse(changed(image)) for image in progress(images, unit=kind, title=change, stays=False)])
        found = int((np.bitwise_count(first ^ again).sum(axis=1) <= ALIKE).sum())
        yield share_of(f"{kind}, {change}", "known again", found, len(images), at_least=_KNOWN if is_wanted else None)
    others = [
        (np.bitwise_count(first[:place] ^ row).sum(axis=1) <= ALIKE).any() for place, row in enumerate(first) if place
    ]
    yield share_of(f"{kind}, each another", "taken for one before", sum(others), len(others), at_most=_MISTAKEN)


def cut(image: Image.Image, side: int, *, shift: float = 0.0, zoom: float = 1.0) -> Image.Image:
    """The middle of an image, square.

    Args:
        image: RGB.
        side: of the result, pixels.
        shift: to the right, and half as far down; shares of the width.
        zoom: above 1 less is seen.
    """
    width, height = image.size
    seen = min(width, height) * (1 - 2 * _MARGIN) / zoom
    left, top = (width - seen) / 2 + shift * seen, (height - seen) / 2 + shift * seen / 2
    return image.resize((side, side), Image.Resampling.BILINEAR, (left, top, left + seen, top + seen))


def _changes(side: int, rng: np.random.Generator) -> dict[str, tuple[Cut, bool]]:
    """What happens to a picture between two requests, and whether it is to be known again."""
    return {
        "moved by 1 %": (lambda image: cut(image, side, shift=0.01), True),
        "moved by 2 %": (lambda image: cut(image, side, shift=0.02), True),
        "moved by 4 %": (lambda image: cut(image, side, shift=0.04), False),
        "moved by 8 %": (lambda image: cut(image, side, shift=0.08), False),
        "nearer by 3 %": (lambda image: cut(image, side, zoom=1.03), True),
        "nearer by 8 %": (lambda image: cut(image, side, zoom=1.08), False),
        "turned by 2 degrees": (lambda image: cut(image.rotate(2, Image.Resampling.BILINEAR), side), False),
        "darker by a fifth": (lambda image: ImageEnhance.Brightness(cut(image, side)).enhance(0.8), True),
        "brighter by a quarter": (lambda image: ImageEnhance.Brightness(cut(image, side)).enhance(1.25), True),
        "JPEG, quality 30": (lambda image: _compressed(cut(image, side)), True),
        "noise of 10 levels": (lambda image: _noisy(cut(image, side), rng), True),
    }


def _compressed(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=30)
    return Image.open(file).convert("RGB")


def _noisy(image: Image.Image, rng: np.random.Generator, levels: float = 10.0) -> Image.Image:
    content = np.asarray(image, np.float32)
    return Image.fromarray((content + rng.normal(0.0, levels, content.shape)).clip(0, 255).astype(np.uint8))


def _videos(scenes: list[Image.Image], runs: int, rng: np.random.Generator) -> Iterator[Finding]:
    """One scene after the other, each some frames long, none like the one before to the byte."""
    config = ShadowConfig()
    frames = np.repeat(np.arange(len(scenes)), _FRAMES)
    held = (rng.uniform(-_JITTER / 2, _JITTER / 2) for _ in frames)
    panned = (0.01 * (place % _FRAMES) - 0.12 for place in range(len(frames)))
    for case, shifts in {"videos held by hand": held, "videos panned by 1 % a frame": panned}.items():
        bar = progress(zip(frames, shifts, strict=True), unit="frames", title=case, total=len(frames), stays=False)
        pixels = np.stack([_frame(scenes[scene], shift, rng) for scene, shift in bar])
        requests = range(len(frames))
        for figure, similar in (("if only the very same were known", 0), ("", config.remembered_similar)):
            places = chosen(pixels, requests, config.remembered, similar)
            yield Finding(case, f"of the frames become pairs {figure}".strip(), len(places) / len(frames))
            bound = ALPHA if similar and "hand" in case else None
            yield false_verdicts(case, f"false verdicts {figure}".strip(), frames[places], runs, rng, at_most=bound)


def _frame(scene: Image.Image, shift: float, rng: np.random.Generator) -> _Levels:
    frame = _noisy(cut(scene, _ICON_SIDE, shift=shift), rng, levels=3.0)
    return np.ascontiguousarray(np.asarray(frame).transpose(2, 0, 1))


def _coarse(image: Image.Image) -> NDArray[np.uint64]:
    return fingerprint(torch.from_numpy(np.array(image)).permute(2, 0, 1)).coarse


STREAM = Stream("similar", "pictures that look alike, and videos of scenes", 300, _simulate)
