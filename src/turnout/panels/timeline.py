"""Charts over time: lines or bars by buckets, a plot for each unit, one below the other.

Buckets and groups of lines enter, a specification leaves. A plot's lines share its unit; over each bucket lies what a
reader points at, which names every line's value there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from turnout.charts.theme import INK, SERIES, Spec
from turnout.panels import wording
from turnout.panels.buckets import ticks
from turnout.panels.contract import Grain, Kind

WIDTH_PX = 640

#: Up to so many buckets every value has a point of its own; past it only those without a neighbour.
_LIMIT_POINTS = 62

#: Columns that a reader can point at, in all plots together; past it the table alone has every value.
_LIMIT_POINTED_AT = 1600

#: Labels that are longer stand two in a row.
_LIMIT_SHORT_CHARACTERS = 22

#: From so many seconds on an axis is in minutes, and in hours.
_IN_MINUTES_S, _IN_HOURS_S = 300, 3 * 3600


@dataclass(frozen=True)
class Line:
    """One line: its label, a value for each bucket (None where there is none), those values as texts, and the place
    of its colour."""

    label: str
    values: Sequence[float | None]
    texts: Sequence[str]
    colour: int = 0


@dataclass(frozen=True)
class Plot:
    """Lines of one unit, as lines or, if it is a single one, as bars."""

    lines: Sequence[Line]
    kind: Kind
    bars: bool = False


def spec(labels: Sequence[str], grain: Grain, plots: Sequence[Plot]) -> Spec:
    """The chart of plots that share their buckets."""
    height = 220 if len(plots) == 1 else 150
    made = [_plot(labels, grain, plot, height, is_last=plot is plots[-1]) for plot in plots]
    if len(labels) * len(plots) <= _LIMIT_POINTED_AT:
        for one, plot in zip(made, plots, strict=True):
            one["layer"].append(_pointed_at(labels, plot))
    if len(made) == 1:
        return made[0]
    # Each plot has its own colours, and its own legend above it.
    apart = {"scale": {"color": "independent"}, "legend": {"color": "independent"}}
    return {"vconcat": made, "spacing": 18, "resolve": apart}


def colour_of(place: int) -> str:
    """The colour of the line at a place; those past the palette are in ink."""
    return SERIES[place] if place < len(SERIES) else INK


def _plot(labels: Sequence[str], grain: Grain, plot: Plot, height: int, *, is_last: bool) -> Spec:
    divisor, unit = _unit(plot)
    names = [f"{line.label}, {unit}" if unit else line.label for line in plot.lines]
    values = [
        {"at": place, "line": name, "value": None if value is None else value / divisor}
        for line, name in zip(plot.lines, names, strict=True)
        for place, value in enumerate(line.values)
    ]
    color = {
        "field": "line",
        "type": "nominal",
        "scale": {"domain": names, "range": [colour_of(line.colour) for line in plot.lines]},
        "legend": {
            "title": None,
            "symbolType": "square" if plot.bars else "stroke",
            "columns": 4 if max(map(len, names)) <= _LIMIT_SHORT_CHARACTERS else 2,
            "labelLimit": WIDTH_PX // 2 - 30,
        },
    }
    encoding = {"x": _x(labels, grain, is_last=is_last), "y": _y(plot, values), "color": color}
    return {
        "width": WIDTH_PX,
        "height": height,
        "data": {"values": values},
        "layer": _bars(len(labels)) if plot.bars else _lines(plot, names, divisor),
        "encoding": encoding,
    }


def _bars(count: int) -> list[Spec]:
    width = max(1.0, min(40.0, WIDTH_PX / count * 0.7))
    return [{"mark": {"type": "bar", "width": width, "aria": False}}]


def _lines(plot: Plot, names: Sequence[str], divisor: float) -> list[Spec]:
    points = [
        {"at": place, "line": name, "value": value / divisor}
        for line, name in zip(plot.lines, names, strict=True)
        for place, value in enumerate(line.values)
        if value is not None and (len(line.values) <= _LIMIT_POINTS or _is_alone(line.values, place))
    ]
    line = {"mark": {"type": "line", "aria": False, "invalid": "break-paths-show-path-domains"}}
    return [line, {"data": {"values": points}, "mark": {"type": "point", "aria": False, "opacity": 1}}]


def _is_alone(values: Sequence[float | None], place: int) -> bool:
    before = values[place - 1] if place else None
    after = values[place + 1] if place + 1 < len(values) else None
    return before is None and after is None


def _pointed_at(labels: Sequence[str], plot: Plot) -> Spec:
    """A column over each bucket that can't be seen, but says what is there."""
    values = [
        {
            "from": place - 0.5,
            "to": place + 0.5,
            "says": " · ".join(
                [wording.moment(label), *(f"{line.label} {line.texts[place]}" for line in plot.lines)],
            ),
        }
        for place, label in enumerate(labels)
    ]
    return {
        "data": {"values": values},
        "mark": {"type": "rect", "fillOpacity": 0, "color": INK},
        "encoding": {
            "x": {"field": "from", "type": "quantitative"},
            "x2": {"field": "to"},
            "y": {"value": 0},
            "y2": {"value": "height"},
            "color": {"value": INK},
            "description": {"field": "says", "type": "nominal"},
        },
    }


def _x(labels: Sequence[str], grain: Grain, *, is_last: bool) -> dict[str, Any]:
    written = ticks(labels, grain)
    places, texts = [place for place, _ in written], [text for _, text in written]
    # Texts are dates of ours; JSON's quotes are the expression's too.
    expression = f"{json.dumps(texts)}[indexof({json.dumps(places)}, datum.value)]"
    axis: dict[str, Any] = {"values": places, "labelExpr": expression, "grid": False, "title": None}
    if not is_last:
        axis |= {"labels": False, "ticks": False}
    scale = {"domain": [-0.5, len(labels) - 0.5], "nice": False, "zero": False}
    return {"field": "at", "type": "quantitative", "axis": axis, "scale": scale}


def _y(plot: Plot, values: Sequence[dict[str, Any]]) -> dict[str, Any]:
    given = [row["value"] for row in values if row["value"] is not None]
    axis: dict[str, Any] = {"title": None, "tickCount": 5, "domain": False, "ticks": False}
    scale: dict[str, Any] = {"zero": True, "nice": 5}
    if plot.kind == "ratio":
        axis["labelExpr"] = "format(datum.value * 100, ',~r') + ' %'"
    elif plot.kind == "count":
        axis |= {"format": ",~r", "tickMinStep": 1}
    else:
        axis["format"] = ",~r"
    if max(given, default=0) <= 0 <= min(given, default=0):
        # Nothing but zeros has a height, too.
        scale["domain"] = [0, 1]
    return {"field": "value", "type": "quantitative", "axis": axis, "scale": scale}


def _unit(plot: Plot) -> tuple[float, str]:
    """What values are divided by, and the unit that they are in then; none where the label says enough."""
    if plot.kind != "seconds":
        return 1, ""
    most = max((value for line in plot.lines for value in line.values if value is not None), default=0)
    if not math.isfinite(most) or most < _IN_MINUTES_S:
        return 1, "seconds"
    return (60, "minutes") if most < _IN_HOURS_S else (3600, "hours")
