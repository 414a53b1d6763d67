"""How charts look: colours, type and Vega-Lite's configuration; and one drawing recoloured for light, dark or a page.

Charts are always drawn in the light palette. Each of its colours is a name here, so what was drawn is made fit for a
page (where a colour is a CSS variable, and follows the reader's choice of light or dark) by exchanging colours.

The series colours follow those of Okabe and Ito, made for colour-blind readers (https://jfly.uni-koeln.de/color/), made
darker where they were too light on white: each has a contrast of at least 3 : 1 with the ground in light and in dark.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

Look = Literal["light", "dark", "page"]

#: A Vega-Lite specification (https://vega.github.io/vega-lite/docs/spec.html).
Spec = dict[str, Any]

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"


@dataclass(frozen=True)
class Colour:
    """One colour: what the page's style sheet calls it, and what it is in light and in dark."""

    name: str
    light: str
    dark: str


#: No colour is the same as another: a drawing is recoloured by what it was drawn in.
COLOURS = (
    Colour("ground", "#fffffe", "#14181f"),
    Colour("ink", "#1d2430", "#e6e9ef"),
    Colour("muted", "#5b6472", "#a4adba"),
    Colour("grid", "#e3e6eb", "#2b323d"),
    Colour("series-1", "#0067a3", "#56b4e9"),
    Colour("series-2", "#b34700", "#f0884a"),
    Colour("series-3", "#007a5a", "#2fbf94"),
    Colour("series-4", "#a04080", "#d98cbd"),
    Colour("series-5", "#806800", "#e2c23c"),
    Colour("series-6", "#4a4fb5", "#9aa0f5"),
    Colour("series-7", "#5f6b7a", "#b8c0cc"),
    Colour("good", "#1a7f4b", "#4cc38a"),
    Colour("bad", "#b3261e", "#f2867f"),
    Colour("left-out", "#8d95a1", "#7d8794"),
)

GROUND, INK, MUTED, GRID = (colour.light for colour in COLOURS[:4])
SERIES = tuple(colour.light for colour in COLOURS if colour.name.startswith("series-"))
GOOD, BAD, LEFT_OUT = (colour.light for colour in COLOURS[-3:])

_LOOKS: dict[Look, dict[str, str]] = {
    "light": {},
    "dark": {colour.light: colour.dark for colour in COLOURS},
    "page": {colour.light: f"var(--{colour.name})" for colour in COLOURS},
}

#: A tag, and a colour in one of its attributes. Texts are never touched: in them, < is always escaped.
_TAG = re.compile(r"<[a-z][^>]*>")
_COLOUR = re.compile(r'(fill|stroke|stop-color)="(#[0-9a-f]{6})"')

#: What parts of a drawing call one another by.
_IDENTIFIER = re.compile(r'(\bid="|url\(#|href="#)')

#: A layer that nothing is drawn in says that it is a picture, and has no words for it.
_EMPTY_LAYER = re.compile(r'<g( class="[^"]*") role="graphics-symbol" aria-roledescription="[a-z]+ mark container"/>')

#: What every chart shares (https://vega.github.io/vega-lite/docs/config.html).
CONFIG: Spec = {
    "background": None,
    "font": FONT,
    "padding": 4,
    "view": {"stroke": None},
    "axis": {
        "labelColor": MUTED,
        "titleColor": MUTED,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "gridColor": GRID,
        "domainColor": GRID,
        "tickColor": GRID,
        "labelLimit": 220,
        "labelOverlap": "greedy",
    },
    "legend": {
        "labelColor": INK,
        "titleColor": MUTED,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "orient": "top",
        "labelLimit": 200,
    },
    "title": {"color": INK, "fontSize": 15, "anchor": "start", "subtitleColor": MUTED, "subtitleFontSize": 12},
    "header": {"labelColor": INK, "titleColor": MUTED, "labelFontSize": 12, "titleFontSize": 12},
    "text": {"color": INK, "fontSize": 12},
    "bar": {"color": SERIES[0]},
    "line": {"color": SERIES[0], "strokeWidth": 2},
    "point": {"color": SERIES[0], "filled": True, "size": 40},
    "rule": {"color": MUTED},
    "range": {"category": list(SERIES)},
}


def recolour(svg: str, look: Look) -> str:
    """A drawing of the light palette in another look."""
    colours = _LOOKS[look]
    if not colours:
        return svg

    def exchanged(found: re.Match[str]) -> str:
        return f'{found[1]}="{colours.get(found[2], found[2])}"'

    return _TAG.sub(lambda tag: _COLOUR.sub(exchanged, tag[0]), svg)


def worded(svg: str) -> str:
    """A drawing in which nothing calls itself a picture that has no words."""
    return _EMPTY_LAYER.sub(r"<g\1/>", svg)


def distinct(svg: str, prefix: str) -> str:
    """A drawing whose parts are called by names that no other drawing on the page has."""
    return _TAG.sub(lambda tag: _IDENTIFIER.sub(lambda found: found[1] + prefix, tag[0]), svg)
