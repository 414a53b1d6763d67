"""How `world.json` was made: `python -m turnout.charts.mapmaking countries-110m.json > world.json`.

In comes TopoJSON of Natural Earth's countries (public domain, https://www.naturalearthdata.com) with ISO 3166 numbers
as ids, as in the package world-atlas: https://github.com/topojson/world-atlas. Out comes the map as it is drawn: in the
Equal Earth projection, in tenths of a pixel, simplified along the borders that neighbours share, without Antarctica.
Countries that are too small to be seen become places, and so do those that the source doesn't know: at their first
town in the tz database's `zone.tab` (public domain; https://www.iana.org/time-zones).
"""

from __future__ import annotations

import importlib.resources
import itertools
import json
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from turnout.charts.world import WIDTH_PX, countries

Point = tuple[float, float]

#: A point goes if the triangle with its neighbours is smaller; an island if it is. Square pixels.
_LEAST_TRIANGLE_PX2 = 0.9
_LEAST_ISLAND_PX2 = 1.2

#: A country that is smaller is a place. Square pixels.
_LEAST_COUNTRY_PX2 = 5.0

_ANTARCTICA = "010"

#: What the source has a name for, but no number.
_UNNUMBERED = {"Kosovo": "XK"}

#: Parts of a country in the source that have a code of their own: whose, in which box of degrees (west, south, east,
#: north), and the code.
_PARTS = (("FR", (-60.0, 0.0, -50.0, 10.0), "GF"), ("NO", (5.0, 75.0, 40.0, 82.0), "SJ"))

#: B. Šavrič, T. Patterson and B. Jenny, The Equal Earth map projection, Int. J. Geogr. Inf. Sci. 33 (2019) 454.
_EQUAL_EARTH = (1.340264, -0.081106, 0.000893, 0.003796)


def main() -> None:
    """Read the source that is named, write the map."""
    made = world_of(json.loads(Path(sys.argv[1]).read_bytes()))
    sys.stdout.write(json.dumps(made, separators=(",", ":")) + "\n")


def world_of(topology: dict[str, Any]) -> dict[str, Any]:
    """The map: `shapes` are polygons of rings of alternating x and y, by country; `places` are points."""
    codes = {one.number: one.code for one in countries().values() if one.number}
    arcs = [_simplified(arc) for arc in _arcs(topology)]
    shapes: dict[str, list[list[list[Point]]]] = {}
    for geometry in topology["objects"]["countries"]["geometries"]:
        if geometry.get("id") == _ANTARCTICA:
            continue
        code = codes.get(geometry.get("id", ""), _UNNUMBERED.get(geometry["properties"]["name"], ""))
        polygons = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
        for polygon in polygons:
            rings = [_stitched(ring, arcs) for ring in polygon]
            for part in _cut(rings):
                projected = [[_projected(*point) for point in ring] for ring in part]
                shapes.setdefault(_part_of(code, rings[0][0]), []).append(projected)
    drawn = {code: _worth_drawing(polygons) for code, polygons in sorted(shapes.items())}
    places = _places(drawn)
    top, bottom = _extent(drawn)
    return {
        "source": "Natural Earth 1:110m (public domain), Equal Earth projection; made by turnout.charts.mapmaking",
        "height": math.ceil(bottom - top),
        "shapes": {code: [[_flat(ring, top) for ring in polygon] for polygon in drawn[code]] for code in drawn},
        "places": {code: _flat([place], top) for code, place in places.items()},
    }


def _arcs(topology: dict[str, Any]) -> list[list[Point]]:
    """Arcs in degrees: the source has whole steps from point to point."""
    (scale_x, scale_y), (left, bottom) = topology["transform"]["scale"], topology["transform"]["translate"]
    found = []
    for arc in topology["arcs"]:
        xs, ys = itertools.accumulate(step[0] for step in arc), itertools.accumulate(step[1] for step in arc)
        found.append([(x * scale_x + left, y * scale_y + bottom) for x, y in zip(xs, ys, strict=True)])
    return found


def _projected(longitude: float, latitude: float) -> Point:
    """Degrees to pixels, from the upper left corner of the whole earth."""
    a1, a2, a3, a4 = _EQUAL_EARTH
    t = math.asin(math.sqrt(3) / 2 * math.sin(math.radians(latitude)))
    t2, t6 = t * t, t**6
    x = 2 * math.sqrt(3) * math.radians(longitude) * math.cos(t)
    x /= 3 * (9 * a4 * t6 * t2 + 7 * a3 * t6 + 3 * a2 * t2 + a1)
    y = t * (a1 + a2 * t2 + t6 * (a3 + a4 * t2))
    half = 2 * math.sqrt(3) * math.pi / (3 * a1)
    scale = WIDTH_PX / (2 * half)
    return (half + x) * scale, -y * scale


def _simplified(arc: Sequence[Point]) -> list[Point]:
    """An arc without the points that matter least on the map (Visvalingam and Whyatt 1993); its ends stay."""
    kept = list(arc)
    points = [_projected(*point) for point in arc]
    least = 4 if kept[0] == kept[-1] else 2
    while len(points) > least:
        area, index = min((_triangle(*points[i - 1 : i + 2]), i) for i in range(1, len(points) - 1))
        if area >= _LEAST_TRIANGLE_PX2:
            break
        del points[index], kept[index]
    return kept


def _cut(polygon: list[list[Point]]) -> list[list[list[Point]]]:
    """A polygon in degrees, in two where it crosses the line between the first and the last longitude."""
    outer = _unrolled(polygon[0])
    if max(longitude for longitude, _ in outer) <= 180:
        return [[outer, *polygon[1:]]]
    # What crosses that line (Russia, Fiji) has no holes there.
    east = _clipped(outer, 180.0, keep_above=False)
    west = [(longitude - 360, latitude) for longitude, latitude in _clipped(outer, 180.0, keep_above=True)]
    return [part for part in ([east, *polygon[1:]], [west]) if part[0]]


def _unrolled(ring: Sequence[Point]) -> list[Point]:
    """The ring with longitudes that never jump, none of them below -180."""
    found: list[Point] = []
    for longitude, latitude in ring:
        turns = round((found[-1][0] - longitude) / 360) if found else 0
        found.append((longitude + 360 * turns, latitude))
    lowest = min(longitude for longitude, _ in found)
    return [(longitude + 360, latitude) for longitude, latitude in found] if lowest < -180 else found


def _clipped(ring: Sequence[Point], edge: float, *, keep_above: bool) -> list[Point]:
    """The part of a closed ring on one side of a longitude (Sutherland and Hodgman 1974)."""
    found: list[Point] = []
    for one, two in itertools.pairwise(ring):
        if (one[0] > edge) != (two[0] > edge):
            found.append((edge, one[1] + (two[1] - one[1]) * (edge - one[0]) / (two[0] - one[0])))
        if (two[0] > edge) == keep_above:
            found.append(two)
    return [*found, found[0]] if found else []


def _triangle(one: Point, two: Point, three: Point) -> float:
    return abs((two[0] - one[0]) * (three[1] - one[1]) - (three[0] - one[0]) * (two[1] - one[1])) / 2


def _stitched(ring: Sequence[int], arcs: Sequence[list[Point]]) -> list[Point]:
    """A ring of arcs; one with a negative number runs backwards."""
    points: list[Point] = []
    for number in ring:
        arc = arcs[number] if number >= 0 else arcs[~number][::-1]
        points += arc[1:] if points else arc
    return points


def _part_of(code: str, point: Point) -> str:
    """Whose a polygon is that begins at this point, in degrees."""
    for whole, (west, south, east, north), part in _PARTS:
        if code == whole and west <= point[0] <= east and south <= point[1] <= north:
            return part
    return code


def _area(ring: Sequence[Point]) -> float:
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in itertools.pairwise(ring))) / 2


def _worth_drawing(polygons: list[list[list[Point]]]) -> list[list[list[Point]]]:
    """A country's polygons, largest first, without its specks."""
    ordered = sorted(polygons, key=lambda polygon: -_area(polygon[0]))
    return [polygon for place, polygon in enumerate(ordered) if place == 0 or _area(polygon[0]) >= _LEAST_ISLAND_PX2]


def _places(drawn: dict[str, list[list[list[Point]]]]) -> dict[str, Point]:
    """Where each country is that can't be seen."""
    towns = _towns()
    found = {}
    for code in countries():
        size = sum(_area(polygon[0]) for polygon in drawn.get(code, ()))
        if code != "AQ" and size < _LEAST_COUNTRY_PX2:
            ring = drawn[code][0][0] if code in drawn else []
            middle = (sum(x for x, _ in ring) / len(ring), sum(y for _, y in ring) / len(ring)) if ring else None
            place = middle or towns.get(code)
            if place is not None:
                found[code] = place
    return found


def _towns() -> dict[str, Point]:
    """The first town of each country in `zone.tab`, projected."""
    text = (importlib.resources.files("tzdata") / "zoneinfo" / "zone.tab").read_text()
    found: dict[str, Point] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            code, where, *_ = line.split("\t")
            latitude, longitude = re.findall(r"[+-]\d+", where)
            found.setdefault(code, _projected(_degrees(longitude, 4), _degrees(latitude, 3)))
    return found


def _degrees(text: str, sign_and_degrees: int) -> float:
    """±DDMM, ±DDDMM and the same with seconds, in degrees."""
    minutes, seconds = text[sign_and_degrees:][:2], text[sign_and_degrees:][2:] or "0"
    size = int(text[1:sign_and_degrees]) + int(minutes) / 60 + int(seconds) / 3600
    return -size if text[0] == "-" else size


def _extent(drawn: dict[str, list[list[list[Point]]]]) -> tuple[float, float]:
    ys = [y for polygons in drawn.values() for polygon in polygons for _, y in polygon[0]]
    return min(ys) - 2, max(ys) + 2


def _flat(points: Sequence[Point], top: float) -> list[int]:
    """Alternating x and y in tenths of a pixel, without points that became the same."""
    rounded = [(round(x * 10), round((y - top) * 10)) for x, y in points]
    kept = [point for place, point in enumerate(rounded) if place == 0 or point != rounded[place - 1]]
    return list(itertools.chain.from_iterable(kept))


if __name__ == "__main__":
    main()
