"""The small model: from an image's statistics to the corruption that it looks like."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from groupnl.corruptions.names import SEVERITIES

Floats = NDArray[np.float32]


class Recogniser(NamedTuple):
    """Two layers on standardised statistics, and a rule for what to say.

    Its probabilities are those of a mixture in which all 96 looks are equally frequent. Live images are mostly clean,
    so another look is said only where its corruption, all severities together, is far more likely than clean.

    Attributes:
        mean: of each statistic, (F,).
        scale: what it is divided by, (F,), greater than 0.
        hidden_weight: (H, F).
        hidden_bias: (H,).
        weight: (96, H).
        bias: (96,), clean first, then the cells.
        caution: (19,), how much larger a corruption's log probability must be than that of clean to be said.
    """

    mean: Floats
    scale: Floats
    hidden_weight: Floats
    hidden_bias: Floats
    weight: Floats
    bias: Floats
    caution: Floats

    def looks(self, statistics: Floats) -> NDArray[np.int64]:
        """What images look like.

        Args:
            statistics: float32 of shape (B, F).

        Returns:
            Positions among `record.LOOKS`, of shape (B,).
        """
        return said(self.log_probabilities(statistics), self.caution)

    def log_probabilities(self, statistics: Floats) -> Floats:
        """Logarithms of the 96 looks' probabilities, (B, 96)."""
        standardised = np.clip((statistics - self.mean) / self.scale, -FAR, FAR)
        hidden = np.maximum(standardised @ self.hidden_weight.T + self.hidden_bias, 0)
        logits = hidden @ self.weight.T + self.bias
        normal: Floats = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        return normal


FAR = 8.0  # standard deviations; what is farther off is no farther for the small model


def said(log_probabilities: Floats, caution: Floats) -> NDArray[np.int64]:
    """What is said of images: the likeliest severity of the likeliest corruption, or clean.

    Args:
        log_probabilities: (B, 96).
        caution: (19,), see `Recogniser`.

    Returns:
        Positions among `record.LOOKS`, of shape (B,).
    """
    leads = kind_leads(log_probabilities)
    kind = leads.argmax(axis=1)
    rows = np.arange(len(leads))
    severity = _by_kind(log_probabilities)[rows, kind].argmax(axis=1)
    return np.where(leads[rows, kind] > caution[kind], 1 + kind * len(SEVERITIES) + severity, 0)


def kind_leads(log_probabilities: Floats) -> Floats:
    """How much likelier than clean each corruption is, its severities together, (B, 19), in natural logarithms."""
    leads: Floats = np.logaddexp.reduce(_by_kind(log_probabilities), axis=2) - log_probabilities[:, :1]
    return leads


def _by_kind(log_probabilities: Floats) -> Floats:
    """(B, 19, 5)."""
    return log_probabilities[:, 1:].reshape(len(log_probabilities), -1, len(SEVERITIES))
