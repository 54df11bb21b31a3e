"""Pixels under their corruptions, as many as can be made."""

import logging
from collections.abc import Sequence

from torch import Tensor

from groupnl.corruptions import CorruptionSpec, corrupt_each
from groupnl.service.shadow.tell_once import TellOnce

logger = logging.getLogger(__name__)


class Corrupter:
    """Corrupts images, together if possible; one by one when a corruption fails, so that only it is lost."""

    def __init__(self) -> None:
        self._tell_once = TellOnce(logger)

    def __call__(self, pixels: Tensor, specs: Sequence[CorruptionSpec | None]) -> list[Tensor | None]:
        """Corrupt a batch.

        Args:
            pixels: uint8 of shape (B, 3, S, S), on the device where they are corrupted.
            specs: one for each image; None leaves it as it is.

        Returns:
            Each image, uint8 of shape (3, S, S); None where its corruption failed.
        """
        places = [place for place, spec in enumerate(specs) if spec is not None]
        wanted = [spec for spec in specs if spec is not None]
        images: list[Tensor | None] = list(pixels)
        try:
            corrupted: Sequence[Tensor | None] = list(corrupt_each(pixels[places], wanted)) if places else []
        except Exception:
            corrupted = [self._try(pixels[place], spec) for place, spec in zip(places, wanted, strict=True)]
        for place, image in zip(places, corrupted, strict=True):
            images[place] = image
        return images

    def _try(self, image: Tensor, spec: CorruptionSpec) -> Tensor | None:
        try:
            return corrupt_each(image.unsqueeze(0), [spec])[0]
        except Exception as error:
            self._tell_once(error, "corruption %s at severity %d failed", spec.name, spec.severity)
            return None
