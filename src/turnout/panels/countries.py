"""Countries on a map: how many people of each clicked or opened, as the depth of one colour."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Mapping, Sequence

from turnout.charts.theme import GRID, GROUND, INK, SERIES, Spec
from turnout.charts.world import WIDTH_PX, countries, world
from turnout.panels import ranking, wording
from turnout.panels.contract import Ask, Cell, Panel, Shown, Table, View, column
from turnout.panels.ranking import Activity, Ranking

#: Countries that have a row of their own; the map shows all of them.
LIMIT_ROWS = 20

#: Depths of the colour, for so many steps of how many people there are.
_DEPTHS = (0.25, 0.42, 0.6, 0.8, 1.0)

#: Steps go up by these, and by tens where there is more between the least and the most.
_STEPS = (1, 2, 5)
_WIDE = 500

_EMPTY = (
    "No country is known yet. Opens and clicks that come in through this server bring an address, which tells the "
    "country; other events may say their 'country' themselves."
)


def draw(view: View, ask: Ask) -> Shown:
    """A map, and the countries in order."""
    activity = ranking.activity(view, ask)
    if activity is None:
        return Shown(Table((), ()), empty=_EMPTY)
    ranked = ranking.rank(view, ask, "country", activity.main, activity.metrics, LIMIT_ROWS)
    columns = (column("country"), *(column(name) for name in activity.metrics))
    table = ranking.table(ranked, "country", columns, names=country_name, things=("country", "countries"))
    if not ranked.first:
        return Shown(Table((), ()), empty=_EMPTY, excluded=ranked.excluded)
    people = {str(row["country"]): _count(row, activity.main) for row in (*ranked.first, *ranked.rest)}
    mapped = {code: count for code, count in people.items() if count and _is_mapped(code)}
    words = _words(ranked, activity, people, mapped)
    spec = _spec(mapped, activity) if mapped else None
    return Shown(table, spec, _alt(mapped, activity), words, excluded=ranked.excluded)


def country_name(code: str) -> str:
    """What a country is called; its code if nothing is known of it."""
    known = countries().get(code)
    return known.name if known is not None else code


def _count(row: Mapping[str, Cell], name: str) -> int:
    value = row[name]
    return value if isinstance(value, int) else 0


def _is_mapped(code: str) -> bool:
    return code in world().shapes or code in world().places


def _words(
    ranked: Ranking, activity: Activity, people: Mapping[str, int], mapped: Mapping[str, int]
) -> tuple[str, ...]:
    """Who isn't on the map."""
    found = [sentence for sentence in [activity.unknown(ranked, "country")] if sentence]
    missing = {code: count for code, count in people.items() if count and code not in mapped}
    if missing:
        listed = wording.listed([f"{country_name(code)} {count:,}" for code, count in list(missing.items())[:5]])
        found.append(f"Not on the map: {listed}{' and others' if len(missing) > 5 else ''}.")
    return tuple(found)


def _alt(mapped: Mapping[str, int], activity: Activity) -> str:
    first = [f"{country_name(code)} {count:,}" for code, count in list(mapped.items())[:5]]
    return f"A map of the world: {activity.title.lower()}, by country. {wording.listed(first)}."


def bounds(least: int, most: int) -> list[int]:
    """Where steps of the colour begin, after the first: round numbers, at most four, the last not above the most."""
    tens = range(len(str(most)))
    factors = (1,) if most > least * _WIDE else _STEPS
    return [number for ten in tens for factor in factors if least < (number := factor * 10**ten) <= most][
        1 - len(_DEPTHS) :
    ]


def labels(edges: Sequence[int]) -> list[str]:
    """What the steps are called: up to 9, 10 to 19, 20 and more."""
    if not edges:
        return ["all"]
    between = [f"{low:,} to {high - 1:,}" if high - 1 > low else f"{low:,}" for low, high in itertools.pairwise(edges)]
    return [f"up to {edges[0] - 1:,}", *between, f"{edges[-1]:,} and more"]


def _spec(mapped: Mapping[str, int], activity: Activity) -> Spec:
    """The land without anybody, the countries with somebody, and discs for those that are too small to be seen."""
    edges = bounds(min(mapped.values()), max(mapped.values()))
    steps = labels(edges)
    shown = [
        {
            "code": code,
            "step": steps[bisect.bisect_right(edges, count)],
            "words": f"{country_name(code)} · {count:,} {activity.events or activity.did}",
        }
        for code, count in mapped.items()
    ]
    shapes = [
        {**one, "type": "Feature", "geometry": _geometry(world().shapes[one["code"]])}
        for one in shown
        if one["code"] in world().shapes
    ]
    discs = [
        {**one, "x": world().places[one["code"]][0], "y": world().places[one["code"]][1]}
        for one in shown
        if one["code"] in world().places
    ]
    land = [polygon for code, polygons in world().shapes.items() if code not in mapped for polygon in polygons]
    depth = {
        "field": "step",
        "type": "ordinal",
        "scale": {"type": "ordinal", "domain": steps, "range": list(_DEPTHS[-len(steps) :])},
        "legend": {
            "title": activity.title,
            "symbolType": "square",
            "symbolFillColor": SERIES[0],
            "symbolStrokeWidth": 0,
            "symbolSize": 160,
            "labelColor": INK,
        },
    }
    described = {"field": "words", "type": "nominal"}
    outline = {"stroke": GROUND, "strokeWidth": 0.6}
    return {
        "width": WIDTH_PX,
        "height": world().height_px,
        "projection": {"type": "identity", "scale": 1, "translate": [0, 0]},
        "layer": [
            {
                "data": {"values": [{"type": "Feature", "geometry": _geometry(land)}]},
                "mark": {"type": "geoshape", "fill": GRID, "aria": False, **outline},
            },
            {
                "data": {"values": shapes},
                "mark": {"type": "geoshape", "fill": SERIES[0], **outline},
                "encoding": {"opacity": depth, "description": described},
            },
            {
                "data": {"values": discs},
                "mark": {"type": "point", "size": 50, "fill": SERIES[0], "stroke": SERIES[0]},
                "encoding": {
                    "x": _pixels("x", 0, WIDTH_PX),
                    "y": _pixels("y", world().height_px, 0),
                    "opacity": depth,
                    "description": described,
                },
            },
        ],
    }


def _pixels(field: str, first: int, last: int) -> Spec:
    """Where a place is on the map."""
    scale = {"domain": [first, last], "nice": False}
    return {"field": field, "type": "quantitative", "axis": None, "scale": scale}


def _geometry(polygons: list[list[list[tuple[float, float]]]]) -> Spec:
    return {"type": "MultiPolygon", "coordinates": polygons}


PANEL = Panel("countries", "Countries", "Where people open and click.", draw, "audience")
