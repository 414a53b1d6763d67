"""The map from its source: projected, simplified where neighbours share a border, cut at the edge of the world."""

from __future__ import annotations

import math
from importlib.resources import files

import pytest

from turnout.charts import mapmaking
from turnout.charts.world import countries, world

#: Two neighbours with a crooked border between them, a third that crosses the last longitude, and Antarctica.
TOPOLOGY = {
    "transform": {"scale": [1, 1], "translate": [0, 0]},
    "arcs": [
        [[10, 0], [0, 3], [0, 1], [0, 6]],
        [[10, 10], [-10, 0], [0, -10], [10, 0]],
        [[10, 0], [10, 0], [0, 10], [-10, 0]],
        [[170, 60], [20, 0], [0, 10], [-20, 0], [0, -10]],
        [[0, -80], [50, 0], [0, 5], [-50, 0], [0, -5]],
    ],
    "objects": {
        "countries": {
            "geometries": [
                {"type": "Polygon", "id": "276", "arcs": [[0, 1]], "properties": {"name": "left"}},
                {"type": "Polygon", "id": "616", "arcs": [[~0, 2]], "properties": {"name": "right"}},
                {"type": "MultiPolygon", "id": "643", "arcs": [[[3]]], "properties": {"name": "far"}},
                {"type": "Polygon", "id": "010", "arcs": [[4]], "properties": {"name": "Antarctica"}},
            ]
        }
    },
}


def test_neighbours_keep_one_border_and_the_far_east_lies_in_the_far_west():
    made = mapmaking.world_of(TOPOLOGY)
    assert list(made["shapes"]) == ["DE", "PL", "RU"]
    left, right = (
        set(zip(ring[::2], ring[1::2], strict=True)) for ring in (made["shapes"][c][0][0] for c in ("DE", "PL"))
    )
    for ring in (made["shapes"][code][0][0] for code in ("DE", "PL")):
        corners = list(zip(ring[::2], ring[1::2], strict=True))
        assert corners[0] == corners[-1]
        # Ten degrees of the sphere's 360, from the equator to 10° north, in hundredths of a square pixel.
        radius = 640 / (2 * 2 * math.sqrt(3) * math.pi / (3 * 1.340264)) * 10
        assert mapmaking._area(corners) == pytest.approx(
            math.radians(10) * math.sin(math.radians(10)) * radius**2, 0.01
        )
    # The points between went; both ends of the border are in both.
    assert len(left & right) == 2
    halves = [[x / 10 for x in polygon[0][::2]] for polygon in made["shapes"]["RU"]]
    assert len(halves) == 2
    assert sorted(max(half) - min(half) < 40 for half in halves) == [True, True]
    assert sorted(min(half) > 320 for half in halves) == [False, True]


def test_the_projection_is_equal_earth():
    # B. Šavrič et al. (2019): the equator is 2.05 times as long as the meridian; areas keep their proportions.
    left, _ = mapmaking._projected(-180, 0)
    right, equator = mapmaking._projected(180, 0)
    _, pole = mapmaking._projected(0, 90)
    assert (left, right, equator) == pytest.approx((0, 640, 0))
    assert 640 / (2 * -pole) == pytest.approx(2.0546, abs=1e-3)

    def area(south: float, north: float) -> float:
        corners = [(0, south), (2, south), (2, north), (0, north), (0, south)]
        return mapmaking._area([mapmaking._projected(*corner) for corner in corners])

    # On the sphere: sin 61° - sin 59° against sin 1° - sin -1°.
    assert area(59, 61) / area(-1, 1) == pytest.approx(0.5, rel=0.002)


def test_small_places_are_where_their_towns_are():
    malta = world().places["MT"]
    sicily = mapmaking._projected(14.0, 37.5)
    top = mapmaking._projected(14.5167, 35.9)[1] - malta[1]
    assert malta[0] == pytest.approx(mapmaking._projected(14.5167, 35.9)[0], abs=0.1)
    assert sicily[1] - top < malta[1]


def test_names_are_of_the_codes_of_the_tz_database():
    text = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text()
    codes = {line.split("\t")[0] for line in text.splitlines() if not line.startswith("#")}
    assert countries().keys() == codes | {"XK"}
    assert len({one.name for one in countries().values()}) == 250
    assert len({one.number for one in countries().values()}) == 250
