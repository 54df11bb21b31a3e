"""groupnl.traffic.calibration: temperatures, and probabilities that an answer is right."""

import pytest
import torch

from groupnl.errors import ConfigError
from groupnl.traffic.calibration import calibrated, clean_posterior, expected_calibration_error, fit_temperature

IMAGES, CLASSES = 4000, 6


def honest(temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits that are so many times too sure, and labels."""
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(IMAGES, CLASSES, generator=generator)
    labels = torch.multinomial(logits.softmax(dim=1), 1, generator=generator).squeeze(1)
    return logits * temperature, labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_is_found(temperature):
    assert fit_temperature(*honest(temperature)) == pytest.approx(temperature, rel=0.05)


def test_calibrated_probabilities_are_those_of_divided_logits():
    logits, _ = honest(2.0)
    assert torch.allclose(calibrated(logits.softmax(dim=1), 2.0), (logits / 2.0).softmax(dim=1), atol=1e-4)


def test_a_probability_of_nothing_stays_so():
    assert calibrated(torch.tensor([[1.0, 0.0]]), 2.0).tolist() == [[1.0, 0.0]]


def test_the_error_of_calibration_goes_with_the_temperature():
    logits, labels = honest(3.0)
    right = logits.argmax(dim=1) == labels

    def error(temperature: float) -> float:
        return expected_calibration_error((logits / temperature).softmax(dim=1).amax(dim=1), right)

    assert error(3.0) < 0.03
    assert error(1.0) > 0.1


def test_the_error_is_the_gap_of_each_bin():
    confidence = torch.tensor([0.9, 0.9, 0.3, 0.3])
    right = torch.tensor([True, False, False, False])
    assert expected_calibration_error(confidence, right, bins=10) == pytest.approx(0.5 * 0.4 + 0.5 * 0.3)


def test_the_clean_answer_says_how_likely_the_corrupted_one_is_right():
    probabilities = torch.tensor([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1], [0.7, 0.2, 0.1]])
    found = clean_posterior(probabilities, 1.0, torch.tensor([0, 1, -1]))
    assert found.tolist() == pytest.approx([0.7, 0.2, 0.0])


def test_its_mean_is_the_accuracy_of_the_corrupted_answers():
    logits, labels = honest(1.5)
    noise = torch.randn(logits.shape, generator=torch.Generator().manual_seed(1))
    best = (logits / 1.5 + noise).argmax(dim=1)
    found = clean_posterior(logits.softmax(dim=1), 1.5, best).mean().item()
    assert found == pytest.approx((best == labels).float().mean().item(), abs=0.03)


def test_no_temperature_of_nothing():
    with pytest.raises(ConfigError, match="no images"):
        fit_temperature(torch.empty(0, 3), torch.empty(0, dtype=torch.long))
    with pytest.raises(ConfigError, match="not finite"):
        fit_temperature(torch.tensor([[float("nan"), 0.0]]), torch.tensor([0]))
