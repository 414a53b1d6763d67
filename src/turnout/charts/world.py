"""The countries of the world: their names, and a map of them in pixels. Nothing enters; `mapmaking` says what leaves.

Names and numbers are those of ISO 3166-1 (names as people say them), and XK, which is not in it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

WIDTH_PX = 640


@dataclass(frozen=True)
class Country:
    """A country: its ISO 3166 code of two letters, its number (three digits, empty where it has none), its name."""

    code: str
    number: str
    name: str


@dataclass(frozen=True)
class World:
    """A map of WIDTH_PX by `height_px`. `shapes` are GeoJSON MultiPolygon coordinates by country, in pixels from the
    upper left; under no code, what belongs to none. `places` are points of those that are too small to be seen."""

    height_px: int
    shapes: Mapping[str, list[Any]]
    places: Mapping[str, tuple[float, float]]


@cache
def countries() -> Mapping[str, Country]:
    """Every country by its code."""
    text = (files("turnout.charts") / "countries.csv").read_text(encoding="utf-8")
    return {row["code"]: Country(**row) for row in csv.DictReader(text.splitlines())}


@cache
def world() -> World:
    """The map."""
    read = json.loads((files("turnout.charts") / "world.json").read_bytes())
    return World(
        height_px=read["height"],
        shapes={
            code: [[list(_points(ring)) for ring in polygon] for polygon in polygons]
            for code, polygons in read["shapes"].items()
        },
        places={code: next(_points(place)) for code, place in read["places"].items()},
    )


def _points(flat: list[int]) -> Iterator[tuple[float, float]]:
    """The pixels of alternating x and y in tenths."""
    return ((x / 10, y / 10) for x, y in zip(flat[::2], flat[1::2], strict=True))
