"""The small model: learns what can be told apart, says little of clean images, and counts honestly."""

import numpy as np
import pytest

from groupnl.errors import ConfigError
from groupnl.traffic import fit as fitting
from groupnl.traffic.fit import FOLDS, fit, settled
from groupnl.traffic.mixture import KINDS, share_weights
from groupnl.traffic.recogniser import said
from groupnl.traffic.record import LOOKS

IMAGES, COUNT = 40, 30


def statistics(spread: float, seed: int = 0) -> np.ndarray:
    """Each look has a place of its own; images lie around it."""
    random = np.random.default_rng(seed)
    places = np.random.default_rng(7).normal(size=(len(LOOKS), 1, COUNT))
    return (places + spread * random.normal(size=(len(LOOKS), IMAGES, COUNT))).astype(np.float32)


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(fitting, "EPOCHS", 12)


@pytest.mark.usefixtures("short")
def test_what_differs_is_told_apart():
    fitted = fit(statistics(0.1))
    assert (fitted.confusion.sum(axis=1) == IMAGES).all()
    assert np.trace(fitted.confusion) > 0.9 * fitted.confusion.sum()
    fresh = statistics(0.1, seed=1)
    looks = fitted.recogniser.looks(fresh.reshape(-1, COUNT)).reshape(len(LOOKS), IMAGES)
    assert (looks == np.arange(len(LOOKS))[:, None]).mean() > 0.95


@pytest.mark.usefixtures("short")
def test_what_does_not_differ_looks_clean_and_is_counted_so():
    noise = np.random.default_rng(0).normal(size=(len(LOOKS), IMAGES, COUNT)).astype(np.float32)
    confusion = fit(noise).confusion
    assert confusion[0, 0] > 0.5 * IMAGES
    assert np.trace(confusion) < 0.1 * confusion.sum()  # a count on fitted images would be far higher


@pytest.mark.usefixtures("short")
def test_parts_of_one_image_are_not_on_both_sides():
    # Images that say what they are by their group alone: whoever has not seen the group cannot know.
    groups = np.repeat(np.arange(8), 5)
    random = np.random.default_rng(0)
    places = random.normal(size=(len(LOOKS), 8, COUNT))[:, groups]
    found = (places + 0.01 * random.normal(size=places.shape)).astype(np.float32)
    by_image, by_group = fit(found), fit(found, groups)
    assert np.trace(by_image.confusion) > 3 * np.trace(by_group.confusion)


@pytest.mark.usefixtures("short")
def test_a_seed_gives_the_same_model():
    first, second = fit(statistics(0.5), seed=3), fit(statistics(0.5), seed=3)
    for one, other in zip(first.recogniser, second.recogniser, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(first.confusion, second.confusion)


@pytest.mark.usefixtures("short")
def test_what_is_clean_in_a_place_is_what_its_images_look_like():
    fitted = fit(statistics(0.1))
    drawn = statistics(0.1, seed=1)
    live = np.concatenate([drawn[0], drawn[31]])  # half of this place's images carry a corruption
    place = settled(fitted, live)
    looks = place.recogniser.looks(live)
    assert np.bincount(looks, minlength=len(LOOKS)).tolist() == place.confusion[0].tolist()
    assert (place.confusion.sum(axis=1) == [2 * IMAGES, *[IMAGES] * (len(LOOKS) - 1)]).all()
    corruption = KINDS[7]
    counts = {KINDS[0]: 0.5, corruption: 0.5}
    before, after = (share_weights(each.confusion)[corruption] for each in (fitted, place))
    assert sum(share * before.get(look, 0) for look, share in counts.items()) > 0.4
    assert abs(sum(share * after.get(look, 0) for look, share in counts.items())) < 0.1
    assert (looks[IMAGES:] > 0).mean() > 0.9  # more of it would be seen


@pytest.mark.usefixtures("short")
def test_live_images_make_it_quicker_to_accuse_never_slower():
    fitted = fit(statistics(0.8))
    cautious = fitted.recogniser.caution
    assert (settled(fitted, statistics(0.8, seed=1)[31]).recogniser.caution <= cautious).all()
    assert (settled(fitted, statistics(0.1, seed=1)[0]).recogniser.caution < cautious).any()


@pytest.mark.usefixtures("short")
def test_images_like_the_held_back_ones_change_nothing():
    fitted = fit(statistics(0.1))
    again = settled(fitted, statistics(0.1, seed=1)[0])
    np.testing.assert_array_equal(again.confusion[1:], fitted.confusion[1:])


def test_too_few_images_are_refused():
    with pytest.raises(ConfigError, match="4 images are too few"):
        fit(statistics(0.1)[:, : FOLDS - 1])


def test_a_corruption_is_said_where_it_leads_by_more_than_the_caution():
    log_probabilities = np.full((3, len(LOOKS)), -30, np.float32)
    log_probabilities[:, 0] = 0
    log_probabilities[0, 6:11] = (-1, 0, 0, 0, 0)  # five severities together lead by more than each alone
    log_probabilities[1, 6] = 0.5
    log_probabilities[2, 11] = 2
    log_probabilities[2, 16] = 1.5  # would do, were it alone
    caution = np.full(19, 1.2, np.float32)
    assert said(log_probabilities, caution).tolist() == [7, 0, 11]
