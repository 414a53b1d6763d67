"""The charts of a live show: rows of numbers enter, specifications leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from turnout.charts.theme import INK, MUTED, SERIES, Spec
from turnout.panels import wording
from turnout.panels.contract import Cell

PEAK = "peak_concurrent_viewers"

#: What viewers do, and how a chart calls it.
REACTIONS = {
    "liked_quantity": "Likes",
    "chatted_quantity": "Chats",
    "product_clicked_quantity": "Product clicks",
    "banner_clicked_quantity": "Banner clicks",
}

Grain = Literal["minute", "hour"]

_WIDTH, _HEIGHT, _STRIP_HEIGHT = 640, 220, 64
_TICKS = 8
#: Minutes between ticks that people can count in.
_STEPS = (1, 2, 5, 10, 15, 30, 60)

Rows = Sequence[Mapping[str, Cell]]


@dataclass(frozen=True)
class Airing:
    """The time that is drawn, half-open and in epoch milliseconds, and in which grain."""

    from_ms: int
    to_ms: int
    grain: Grain


def curve(rows: Rows, when: Airing, highest: Mapping[str, Cell]) -> Spec:
    """Viewers at once over the airing, the peak marked."""
    values = [
        {
            "time": str(row[when.grain]),
            "viewers": number(row[PEAK]),
            "said": f"{_short(str(row[when.grain]), when)} · {wording.many(number(row[PEAK]), 'viewer')} at once",
            "top": f"{number(row[PEAK]):,}" if row is highest else "",
        }
        for row in rows
    ]
    y = {
        "field": "viewers",
        "type": "quantitative",
        "title": None,
        "axis": {"aria": False, "format": ",d", "tickMinStep": 1, "tickCount": 5, "domain": False, "ticks": False},
        # Room for the number above the peak.
        "scale": {"domain": [0, max(1, number(highest[PEAK])) * 1.12], "nice": False},
    }
    return {
        "width": _WIDTH,
        "height": _HEIGHT,
        "data": {"values": values},
        "encoding": {"x": {**_axis(rows, when), "scale": {"type": "band", "padding": 0}}},
        "layer": [
            {
                "mark": {
                    "type": "area", "color": SERIES[0], "opacity": 0.16, "interpolate": "step", "line": False,
                    "aria": False,
                },
                "encoding": {"y": y},
            },
            {
                "mark": {"type": "line", "color": SERIES[0], "interpolate": "step", "strokeWidth": 2, "aria": False},
                "encoding": {"y": y},
            },
            {
                "transform": [{"filter": "datum.top != ''"}],
                "mark": {"type": "point", "color": SERIES[0], "filled": True, "size": 60, "opacity": 1, "aria": False},
                "encoding": {"y": y},
            },
            {
                "transform": [{"filter": "datum.top != ''"}],
                "mark": {"type": "text", "dy": -12, "color": INK, "fontWeight": "bold", "aria": False},
                "encoding": {"y": y, "text": {"field": "top", "type": "nominal"}},
            },
            _hover(_HEIGHT),
        ],
    }  # fmt: skip


def reactions(rows: Rows, when: Airing, names: Sequence[str]) -> Spec:
    """A strip for each thing that viewers do, one below the other."""
    return {
        "vconcat": [_strip(rows, when, name, is_last=name == names[-1]) for name in names],
        "spacing": 14,
        "resolve": {"scale": {"x": "independent"}},
    }


def bars(rows: Rows, clicks: str) -> Spec:
    """A bar a product, `clicks` long."""
    values = [
        {
            "place": place,
            "product": product(row),
            "times": number(row[clicks]),
            "label": f"{number(row[clicks]):,}",
            "said": f"{product(row)} · {wording.many(number(row[clicks]), 'click')}",
        }
        for place, row in enumerate(rows)
    ]
    most = max(number(row[clicks]) for row in rows)
    return {
        "width": 265,
        "height": {"step": 28},
        "data": {"values": values},
        "encoding": {
            "y": {"field": "product", "type": "nominal", "sort": None, "title": None,
                  "axis": {"aria": False, "ticks": False, "domain": False, "labelLimit": 120}},
            "x": {"field": "times", "type": "quantitative", "axis": None, "scale": {"domain": [0, most * 1.2]}},
        },
        "layer": [
            {
                "mark": {"type": "bar", "color": SERIES[2]},
                "encoding": {"description": {"field": "said", "type": "nominal"}},
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 6, "color": INK, "aria": False},
                "encoding": {"text": {"field": "label", "type": "nominal"}},
            },
        ],
    }  # fmt: skip


def _strip(rows: Rows, when: Airing, name: str, *, is_last: bool) -> Spec:
    values = [
        {
            "time": str(row[when.grain]),
            "times": number(row[name]),
            "said": f"{_short(str(row[when.grain]), when)} · {number(row[name]):,} {_lower(name)}",
        }
        for row in rows
    ]
    y = {
        "field": "times",
        "type": "quantitative",
        "title": None,
        "axis": {"aria": False, "format": ",d", "tickMinStep": 1, "tickCount": 2, "domain": False, "ticks": False},
    }
    return {
        "width": _WIDTH,
        "height": _STRIP_HEIGHT,
        "title": {
            "text": REACTIONS[name], "fontSize": 12, "fontWeight": "normal", "color": MUTED, "frame": "group",
            "offset": 6,
        },
        "data": {"values": values},
        "encoding": {"x": {**_axis(rows, when, labels=is_last), "scale": {"type": "band", "padding": 0.1}}},
        "layer": [
            {
                "mark": {"type": "bar", "color": SERIES[list(REACTIONS).index(name)], "aria": False},
                "encoding": {"y": y},
            },
            _hover(_STRIP_HEIGHT),
        ],
    }  # fmt: skip


def _hover(height: int) -> Spec:
    """What is pointed at: a column for each minute as high as the chart, to be seen only under the pointer."""
    return {
        "mark": {"type": "bar", "color": SERIES[0], "fillOpacity": 0.001},
        "encoding": {
            "y": {"value": 0},
            "y2": {"value": height},
            "description": {"field": "said", "type": "nominal"},
        },
    }


def _short(label: str, when: Airing) -> str:
    """A minute as 18:57, an hour as 11-19 18:00, as the axis has it too."""
    return f"{label[5:10]} {label[11:16]}" if when.grain == "hour" else label[11:16]


def _axis(rows: Rows, when: Airing, *, labels: bool = True) -> Spec:
    """Time as places in a row, so that an hour which clocks repeat is there twice; ticks where people count."""
    names = [str(row[when.grain]) for row in rows]
    step = next((step for step in _STEPS if len(names) <= step * _TICKS), 60)
    if when.grain == "minute":
        ticks = [name for name in names if (int(name[11:13]) * 60 + int(name[14:16])) % step == 0]
    else:
        ticks = names[:: -(-len(names) // _TICKS)]
    axis: Spec = {
        "aria": False,
        "values": ticks or names[:1],
        "labels": labels,
        "ticks": labels,
        "labelAngle": 0,
        "labelExpr": "slice(datum.value, 5, 10) + ' ' + slice(datum.value, 11, 16)"
        if when.grain == "hour"
        else "slice(datum.value, 11, 16)",
    }
    return {"field": "time", "type": "ordinal", "sort": None, "title": None, "axis": axis}


def number(value: Cell) -> int:
    """A count; what isn't there counts as none."""
    return value if isinstance(value, int) else 0


def _lower(name: str) -> str:
    return REACTIONS[name].lower()


def product(row: Mapping[str, Cell]) -> str:
    """What a product is called."""
    return str(row["product"]) or "no product named"
