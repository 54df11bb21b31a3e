"""What pairs come to: two models that hold alike, of which each has images that it keeps, and images that it does not.

The figures are those of the default models on 200 icons in 95 cells: 25 % of the pairs tell the models apart, and it is
mostly the same model that holds for the same image; a model keeps its answer for 70 %, and mostly for the same images.
"""

import numpy as np
from numpy.typing import NDArray

_INFORMATIVE = 0.254
_LEAN = 0.197  # correlation of the comparison's outcome within an image
AGREEMENT = 0.7
_STEADINESS = 0.243  # correlation of agreement within an image


def paired(images: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int8]:
    """Outcomes for `groupnl_studies.statistics.paths`: int8 of shape (pairs,), neither model being better.

    Args:
        images: which image each pair is of, (pairs,).
        rng: makes images and pairs.
    """
    # A share p of an image's informative pairs goes to the model: E (2p - 1)^2 is what makes the correlation.
    spread = (_INFORMATIVE / _LEAN - 1) / 2
    leans = rng.beta(spread, spread, images.max() + 1)
    signs = np.where(rng.random(len(images)) < leans[images], 1, -1)
    return (signs * (rng.random(len(images)) < _INFORMATIVE)).astype(np.int8)


def kept(images: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Whether the model keeps its answer, bool of shape (pairs,), `AGREEMENT` of them; arguments as of `paired`."""
    weight = 1 / _STEADINESS - 1
    shares = rng.beta(AGREEMENT * weight, (1 - AGREEMENT) * weight, images.max() + 1)
    answers: NDArray[np.bool_] = rng.random(len(images)) < shares[images]
    return answers
