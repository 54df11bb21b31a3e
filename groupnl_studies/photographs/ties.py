"""Near ties: of two classes that are about as probable, rounding says which is first, and either is a right answer."""

from torch import Tensor

# Of the larger of two probabilities, as timm's network gives them in float32: products in bfloat16, and pixels that
# another program resized, change their ratio by so much.
NEAR = 0.2


def margin(probabilities: Tensor, place: int) -> float:
    """How far a class is from being first, or from being first no more.

    Args:
        probabilities: (classes,).
        place: of the class.

    Returns:
        The distance between its probability and the largest of the others, a part of the larger of these two; 1 where
        there is no other class.
    """
    its, others = probabilities[place], probabilities[[other for other in range(len(probabilities)) if other != place]]
    if not len(others):
        return 1.0
    return float((its - others.max()).abs() / max(its, others.max()))
