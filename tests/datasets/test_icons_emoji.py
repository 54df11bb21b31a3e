"""Names of emoji: keys, tones, bases and slugs."""

import pytest

from groupnl.datasets.icons.emoji import base_of, key_of, slug, tone_of


def test_a_key_has_no_tone_and_no_variation_selector() -> None:
    assert key_of("1f3c4-1f3fb-200d-2642-fe0f") == "1F3C4-200D-2642"
    assert tone_of("1F9D1-1F3FB-200D-1F91D-200D-1F9D1-1F3FF") == "1F3FB-1F3FF"
    assert tone_of("1F600") == ""


@pytest.mark.parametrize(
    "variants",
    [
        ("1F3C4", "1F3C4-200D-2640", "1F3C4-200D-2642"),  # surfing: person, woman, man
        ("1F9D1-200D-1F52C", "1F468-200D-1F52C", "1F469-200D-1F52C"),  # scientist
        ("1F3C3", "1F3C3-200D-27A1", "1F3C3-200D-2640-200D-27A1"),  # running, facing right
        ("1F9D1", "1F468-200D-1F9B0", "1F469-200D-1F9B3"),  # hair
        ("1F46B", "1F46C", "1F9D1-200D-1F91D-200D-1F9D1"),  # holding hands
        ("1F491", "1F468-200D-2764-200D-1F468"),  # couple with heart
        ("1F385", "1F936", "1F9D1-200D-1F384"),  # Santa and Mrs. Claus
        ("1F1F3-1F1F4", "1F1F8-1F1EF"),  # the flag of Norway, and of Svalbard
    ],
)
def test_variants_share_a_base(variants: tuple[str, ...]) -> None:
    assert len({base_of(variant) for variant in variants}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2764", "2764-200D-1F525"),  # heart, heart on fire
        ("27A1", "2B05"),  # arrows: 27A1 is a modifier only in company
        ("1F1E9-1F1EA", "1F1EB-1F1F7"),  # flags
        ("1F9D1-200D-1F52C", "1F9D1-200D-1F680"),  # scientist, astronaut
    ],
)
def test_different_emoji_have_different_bases(one: str, other: str) -> None:
    assert base_of(one) != base_of(other)


def test_a_lone_modifier_is_an_emoji() -> None:
    assert base_of("27A1") == "27A1"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("man: deaf", "man-deaf"), ("piñata", "pinata"), ("Japanese “secret” button", "japanese-secret-button")],
)
def test_short_names_become_file_names(name: str, expected: str) -> None:
    assert slug(name) == expected
