"""The frame of the pages: colours, headers, files of ours, and what is said when something goes wrong."""

from __future__ import annotations

import re

from turnout.charts.theme import COLOURS
from turnout.dashboard import pages


def style() -> str:
    body, kind = pages.static("turnout.css") or (b"", "")
    assert kind == "text/css"
    return body.decode()


def test_the_style_sheet_has_the_colours_of_the_charts_in_light_and_in_dark():
    light, dark = style().split("@media (prefers-color-scheme: dark)", 1)
    dark = dark.split("/* ---- ground ---- */", 1)[0]
    found = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", part)) for part in (light, dark)]
    for colour in COLOURS:
        assert (found[0][colour.name], found[1][colour.name]) == (colour.light, colour.dark), colour.name
