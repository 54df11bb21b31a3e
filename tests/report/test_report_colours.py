"""groupnl report: can the page's colours be told apart by every eye, in the light and in the dark?

What a browser would compute is computed here from the page's own CSS.
"""

import re
from itertools import pairwise

import pytest
from support.colour_vision import VISIONS, contrast, difference, seen_as
from support.report_page import DARK, PAGES, declared

TEXT, MARK = 4.5, 3.0  # least contrast, WCAG 2.2, 1.4.3 and 1.4.11
NEIGHBOURS, ENDS = 5.0, 60.0  # least CIEDE2000: one step of the map, or what is no step, and the whole ramp
STEPS = [f".step-{place}" for place in range(10)]


class Theme:
    """The colours in the light or the dark."""

    def __init__(self, name: str) -> None:
        self._declared = declared("", *[DARK] * (name == "dark"))

    def __call__(self, selector: str, what: str) -> str:
        """A colour, ``#rrggbb``."""
        value = self._declared[selector][what].strip()
        if value.startswith("var("):
            return self(":root", value[4:-1])
        return value if len(value) == 7 else "#" + "".join(2 * digit for digit in value[1:])

    def named(self, name: str) -> str:
        return self(":root", f"--{name}")


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> Theme:
    return Theme(request.param)


def test_the_measures_are_right() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # WebAIM's checker
    red_and_green = [difference("#ff0000", "#008000", vision) for vision in ("normal", "deuteranopia")]
    assert red_and_green[0] > 2 * red_and_green[1]


def test_text_has_contrast(theme: Theme) -> None:
    pairs = [(text, on) for text in ("ink", "soft") for on in ("page", "card", "empty")]
    assert {pair: contrast(*map(theme.named, pair)) >= TEXT for pair in pairs} == dict.fromkeys(pairs, True)
    assert theme(".none", "background") == theme.named("empty")


def test_text_in_the_map_has_contrast(theme: Theme) -> None:
    contrasts = {step: contrast(theme(step, "color"), theme(step, "background")) for step in STEPS}
    assert min(contrasts.values()) >= TEXT, contrasts


def test_marks_have_contrast(theme: Theme) -> None:
    pairs = [(mark, "card") for mark in ("accent", "model", "reference", "soft", "ink")]
    pairs += [("ink", "tint"), ("accent", "tint"), ("reference", "tint")]
    assert {pair: contrast(*map(theme.named, pair)) >= MARK for pair in pairs} == dict.fromkeys(pairs, True)


@pytest.mark.parametrize("content", PAGES.values(), ids=PAGES)
def test_nothing_is_drawn_pale(content: str) -> None:
    """Contrast is computed from declared colours, which transparency would change."""
    assert not re.search(r"opacity|rgba|hsla|color-mix|style=", content)


@pytest.mark.parametrize("vision", VISIONS)
def test_steps_of_the_map_can_be_told_apart(theme: Theme, vision: str) -> None:
    fills = [theme(step, "background") for step in STEPS]
    lightness = [seen_as(fill, vision)[0] for fill in fills]
    assert lightness in (sorted(lightness), sorted(lightness, reverse=True))
    assert min(difference(*pair, vision) for pair in pairwise(fills)) >= NEIGHBOURS
    assert difference(fills[0], fills[-1], vision) >= ENDS
    none = [theme.named(name) for name in ("card", "empty")]
    assert min(difference(fill, other, vision) for fill in fills for other in none) >= NEIGHBOURS


def test_no_step_of_the_map_praises(theme: Theme) -> None:
    """That many answers stay is no good news by itself: no step is green, nor any other hue between yellow and cyan."""
    for step in STEPS:
        _, green_to_red, _ = seen_as(theme(step, "background"), "normal")
        assert green_to_red > 0


@pytest.mark.parametrize("vision", VISIONS)
def test_model_and_reference_can_be_told_apart(theme: Theme, vision: str) -> None:
    assert difference(theme.named("model"), theme.named("reference"), vision) >= 20


@pytest.mark.parametrize("name", ["light", "dark"])
def test_what_fails_stands_out_from_the_page(name: str) -> None:
    theme = Theme(name)
    contrasts = [contrast(theme(step, "background"), theme.named("card")) for step in STEPS]
    assert contrasts == sorted(contrasts, reverse=True)
