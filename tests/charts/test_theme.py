"""Colours: seen by everybody on their ground, told apart, and exchanged in drawings without a text being touched."""

from __future__ import annotations

import itertools

import pytest

from turnout.charts.theme import COLOURS, GRID, SERIES, distinct, recolour, worded

LOOKS = ("light", "dark")


def luminance(colour: str) -> float:
    """https://www.w3.org/TR/WCAG21/#dfn-relative-luminance"""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio"""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("look", LOOKS)
def test_text_has_the_contrast_of_text_and_marks_that_of_marks(look):
    ground, *others = COLOURS
    for colour in others:
        if colour.light == GRID:
            continue
        least = 4.5 if colour.name in ("ink", "muted") else 3.0 if colour.name != "left-out" else 2.5
        assert contrast(getattr(colour, look), getattr(ground, look)) >= least, colour


def seen(colour: str, kind: str) -> tuple[float, float, float]:
    """A colour as it is seen without one kind of cones (Viénot, Brettel and Mollon, 1999), in linear light."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    if kind == "protan":
        same = 0.11238 * red + 0.88762 * green
        return same, same, 0.00401 * red - 0.00401 * green + blue
    same = 0.29275 * red + 0.70725 * green
    return same, same, -0.02234 * red + 0.02234 * green + blue


@pytest.mark.parametrize("kind", ["protan", "deutan"])
@pytest.mark.parametrize("look", LOOKS)
def test_the_first_lines_of_a_chart_are_told_apart_without_one_kind_of_cones(look, kind):
    colours = [getattr(colour, look) for colour in COLOURS if colour.name in ("series-1", "series-2", "series-3")]
    for one, other in itertools.combinations(colours, 2):
        distance = sum((a - b) ** 2 for a, b in zip(seen(one, kind), seen(other, kind), strict=True)) ** 0.5
        assert distance > 0.08, (one, other)


def test_no_two_colours_of_a_drawing_are_the_same():
    assert len({colour.light for colour in COLOURS}) == len({colour.name for colour in COLOURS}) == len(COLOURS)


def test_a_drawing_is_recoloured_but_its_texts_are_not():
    mark = f'<path fill="{SERIES[0]}" aria-label="fill=&quot;#123456&quot;"/>'
    text = f'<text>fill="{SERIES[0]}" {SERIES[0]}</text>'
    changed = recolour(mark + text, "page")
    assert changed == mark.replace(SERIES[0], "var(--series-1)") + text
    assert recolour(mark, "dark") == mark.replace(SERIES[0], COLOURS[4].dark)
    assert recolour(mark, "light") == mark


def test_parts_of_two_drawings_never_have_the_same_name():
    svg = '<g clip-path="url(#clip1)"><text>id="clip1"</text></g><clipPath id="clip1"/><use href="#clip1"/>'
    named = distinct(svg, "a-")
    assert named == (
        '<g clip-path="url(#a-clip1)"><text>id="clip1"</text></g><clipPath id="a-clip1"/><use href="#a-clip1"/>'
    )


def test_a_layer_without_marks_is_no_picture():
    empty = '<g class="mark-symbol role-mark" role="graphics-symbol" aria-roledescription="symbol mark container"/>'
    mark = '<path aria-label="a" role="graphics-symbol" aria-roledescription="bar"/>'
    full = '<g class="m" role="graphics-object" aria-roledescription="rect mark container">'
    drawn = f"<svg>{full}{mark}</g>{empty}</svg>"
    assert worded(drawn) == f'<svg>{full}{mark}</g><g class="mark-symbol role-mark"/></svg>'
