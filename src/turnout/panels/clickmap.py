"""Clicks by position: each message from top to bottom, as its links stand in it.

The same link at two positions is two rows. Where no click says its position, what else is known of the place is shown:
whether the body, a button or a link was clicked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from turnout.charts.theme import GRID, INK, MUTED, SERIES, Spec
from turnout.panels import wording
from turnout.panels.contract import Ask, Cell, Column, Panel, Shown, Table, View, column
from turnout.panels.links import MOST_CLICKED, clicks_of, legible, named, titles
from turnout.stats.answer import Answer, Row
from turnout.stats.metrics import DETAILS
from turnout.stats.question import Sort

#: Positions of all messages that are looked at, those of the table, and those of them that are drawn.
LIMIT_POSITIONS = 10_000
LIMIT_ROWS = 50
LIMIT_DRAWN = 40

#: What stands where is looked for in so many pairs of a position and a link, the most clicked first.
LIMIT_LINKS = 2000

_METRICS = ("clicked", "unique_clicked")

_HOW = (
    "Send your HTML through POST /v1/rewrite, which gives each link its position, or say 'position' in your 'clicked' "
    "events."
)
_OF_CLICKS = "Of the clicks of the message that say a position, those at this one."
_TARGETS = {"link": "A link", "body": "The body", "button_1": "Button 1", "button_2": "Button 2"}

#: Where things stand across the chart, in pixels; and how strongly the least and the most clicked are filled.
_NUMBER_PX, _STRIP_PX, _BARS_PX, _WIDTH_PX = 28, (36, 330), (344, 500), 640
_STEP_PX = 32
_OPACITY = (0.06, 0.5)


def draw(view: View, ask: Ask) -> Shown:
    """A strip for each message, a row for each position."""
    clicks = ask(view.question(_METRICS, ("message", "position"), sort=MOST_CLICKED, limit=LIMIT_POSITIONS))
    placed = [row for row in clicks.rows if row["position"]]
    if not placed:
        return _by_target(view, ask, clicks)
    said: defaultdict[str, int] = defaultdict(int)
    for row in placed:
        said[str(row["message"])] += _count(row)
    names = _links(view, ask)
    kept = sorted(placed[:LIMIT_ROWS], key=lambda row: _place(view, row))
    rows: list[dict[str, Cell]] = [
        {
            "message": row["message"],
            "position": row["position"],
            "link_title": names.get((str(row["message"]), str(row["position"])), "–"),
            **{name: row[name] for name in _METRICS},
            "of_clicks": _count(row) / said[str(row["message"])],
        }
        for row in kept
    ]
    columns = [column("position"), Column("link_title", "Link", "text"), *map(column, _METRICS)]
    if len(said) > 1:
        columns.insert(0, column("message"))
    columns.append(
        Column("of_clicks", "Of the message's clicks" if len(said) > 1 else "Of these clicks", "ratio", _OF_CLICKS)
    )
    table = Table(tuple(columns), tuple(rows), clicks.totals, len(placed))
    most = sorted(rows, key=_count, reverse=True)
    drawn = rows if len(rows) <= LIMIT_DRAWN else sorted(most[:LIMIT_DRAWN], key=lambda row: _place(view, row))
    top = "; ".join(f"position {row['position']}, {row['link_title']}: {clicks_of(row)}" for row in most[:5])
    words = _words(clicks, len(placed), len(drawn))
    spec = _spec(_values(view, drawn, headed=len(said) > 1))
    return Shown(table, spec, f"Most clicked: {top}.", words, excluded=clicks.excluded)


def _words(clicks: Answer, positions: int, drawn: int) -> tuple[str, ...]:
    found = []
    silent = sum(_count(row) for row in clicks.rows if not row["position"])
    if silent:
        found.append(f"{wording.many(silent, 'click')} of {_count(clicks.totals):,} did not say a position. {_HOW}")
    if positions > drawn:
        found.append(f"The {drawn} most clicked of {positions:,} positions are drawn.")
    return tuple(found)


def _place(view: View, row: Row | dict[str, Cell]) -> tuple[int, str, int]:
    """Where a row goes: messages in the campaign's order, others after them; in each from the top."""
    known = [message.id for message in view.campaign.messages]
    name = str(row["message"])
    return (known.index(name) if name in known else len(known), name, int(str(row["position"])))


def _links(view: View, ask: Ask) -> dict[tuple[str, str], str]:
    """What stands at each position of each message: the link that is clicked most there, and how many others are."""
    asked = view.question(
        ("clicked",), ("message", "position", "link"), sort=(*MOST_CLICKED, Sort("link")), limit=LIMIT_LINKS,
        rows_only=True,
    )  # fmt: skip
    there: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for row in ask(asked).rows:
        if row["position"]:
            there[str(row["message"]), str(row["position"])].append(str(row["link"]))
    known = titles(view, ask, tuple({links[0] for links in there.values()})) if there else {}
    return {
        place: named(links[0], known) + (f" (and {len(links) - 1:,} more)" if len(links) > 1 else "")
        for place, links in there.items()
    }


def _count(row: Row | dict[str, Cell]) -> int:
    found = row["clicked"]
    assert isinstance(found, int)
    return found


# ---- drawn --------------------------------------------------------------------------------------------


def _values(view: View, rows: Sequence[dict[str, Cell]], *, headed: bool) -> list[dict[str, Any]]:
    """What is drawn in each line: a position, or above those of each message its heading."""
    most = max(map(_count, rows))
    values: list[dict[str, Any]] = []
    message = None
    for row in rows:
        if headed and row["message"] != message:
            values.append({"row": len(values), "heading": _title(view, str(row["message"]))})
        message = row["message"]
        link, share = legible(str(row["link_title"])), wording.cell(row["of_clicks"], "ratio")
        values.append(
            {
                "row": len(values),
                "number": row["position"],
                "link": link,
                "clicked": _count(row),
                "intensity": _count(row) / most,
                "label": f"{_count(row):,} · {share}",
                "said": f"Position {row['position']} · {link} · {clicks_of(row)}, {share}",
            }
        )
    return values


def _spec(values: list[dict[str, Any]]) -> Spec:
    across = {"x": {"value": _STRIP_PX[0]}, "x2": {"value": _STRIP_PX[1]}}
    bar = {
        "field": "clicked",
        "type": "quantitative",
        "axis": None,
        "scale": {"domain": [0, max(value.get("clicked", 0) for value in values)], "range": list(_BARS_PX)},
    }
    strength = {
        "field": "intensity",
        "type": "quantitative",
        "legend": None,
        "scale": {"domain": [0, 1], "range": list(_OPACITY)},
    }
    rounded = {"type": "rect", "cornerRadius": 4, "aria": False}
    is_row = [{"filter": "isValid(datum.number)"}]
    return {
        "width": _WIDTH_PX,
        "height": {"step": _STEP_PX},
        "data": {"values": values},
        "encoding": {
            "y": {
                "field": "row",
                "type": "ordinal",
                "axis": None,
                "scale": {"paddingInner": 0.2, "paddingOuter": 0.1},
            }
        },
        "layer": [
            _text("number", _NUMBER_PX, is_row, align="right", color=MUTED),
            {
                "transform": is_row,
                "mark": {**rounded, "color": SERIES[0], "stroke": GRID},
                "encoding": {**across, "fillOpacity": strength},
            },
            _text("link", _STRIP_PX[0] + 10, is_row, limit=_STRIP_PX[1] - _STRIP_PX[0] - 20),
            {
                "transform": is_row,
                "mark": {"type": "bar", "color": SERIES[0], "aria": False, "height": {"band": 0.6}},
                "encoding": {"x": bar},
            },
            {
                "transform": is_row,
                "mark": {"type": "text", "align": "left", "dx": 6, "color": INK, "aria": False},
                "encoding": {"x": bar, "text": {"field": "label", "type": "nominal"}},
            },
            _text("heading", 0, [{"filter": "isValid(datum.heading)"}], fontWeight="bold", limit=_WIDTH_PX),
            {
                # Over all of a row, so that it speaks wherever it is pointed at.
                "transform": is_row,
                "mark": {"type": "rect", "color": SERIES[0], "fillOpacity": 0},
                "encoding": {
                    "x": {"value": 0},
                    "x2": {"value": _WIDTH_PX},
                    "description": {"field": "said", "type": "nominal"},
                },
            },
        ],
    }


def _text(field: str, at_px: int, transform: list[Spec], **mark: Any) -> Spec:
    return {
        "transform": transform,
        "mark": {"type": "text", "align": "left", "color": INK, "aria": False, **mark},
        "encoding": {"x": {"value": at_px}, "text": {"field": field, "type": "nominal"}},
    }


def _title(view: View, message: str) -> str:
    title = next((one.title for one in view.campaign.messages if one.id == message and one.title), "")
    return legible(title or message or "No message named")


# ---- where no position is said ------------------------------------------------------------------------


def _by_target(view: View, ask: Ask, clicks: Answer) -> Shown:
    """What was clicked, as far as it is known: nothing to see where all of it are links."""
    names = [f"{prefix}clicked_{target}" for target in DETAILS["clicked"] for prefix in ("", "unique_")]
    totals = ask(view.question(names)).totals
    columns = (
        Column("target", "Target", "text"),
        *map(column, _METRICS),
        Column("of_clicks", "Of all clicks", "ratio"),
    )
    there = [target for target in DETAILS["clicked"] if totals[f"clicked_{target}"]]
    if not set(there) - {"link"}:
        missing = "Nobody has clicked in this range." if not clicks.rows else "No click says where its link stands."
        return Shown(Table(columns, ()), empty=f"{missing} {_HOW}", excluded=clicks.excluded)
    every = _count(clicks.totals)
    rows: list[dict[str, Cell]] = []
    for target in there:
        count = totals[f"clicked_{target}"]
        assert isinstance(count, int)
        share = count / every if every else None
        rows.append(
            {
                "target": _TARGETS[target],
                "clicked": count,
                "unique_clicked": totals[f"unique_clicked_{target}"],
                "of_clicks": share,
            }
        )
    alt = "Clicks by what was clicked: " + ", ".join(f"{row['target']} {clicks_of(row)}" for row in rows) + "."
    table = Table(columns, tuple(rows), clicks.totals, len(rows))
    words = (f"No click says a position; this is what was clicked. {_HOW}",)
    return Shown(table, _target_spec(rows), alt, words, excluded=clicks.excluded)


def _target_spec(rows: Sequence[dict[str, Cell]]) -> Spec:
    values = [
        {
            "target": row["target"],
            "clicked": row["clicked"],
            "label": f"{_count(row):,} · {wording.cell(row['of_clicks'], 'ratio')}",
            "said": f"{row['target']} · {clicks_of(row)}",
        }
        for row in rows
    ]
    y = {"field": "target", "type": "nominal", "sort": None, "title": None, "scale": {"paddingInner": 0.25}}
    x = {
        "field": "clicked",
        "type": "quantitative",
        "axis": None,
        "scale": {"domain": [0, max(map(_count, rows)) * 1.3]},
    }
    return {
        "width": 640,
        "height": {"step": 32},
        "data": {"values": values},
        "encoding": {"y": {**y, "axis": {"aria": False, "ticks": False, "domain": False, "labelColor": INK}}, "x": x},
        "layer": [
            {
                "mark": {"type": "bar", "color": SERIES[0]},
                "encoding": {"description": {"field": "said", "type": "nominal"}},
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 6, "color": INK, "aria": False},
                "encoding": {"text": {"field": "label", "type": "nominal"}},
            },
        ],
    }


PANEL = Panel(
    "clickmap", "Click map", "Clicks by the place of the link in the message, from top to bottom.", draw, "links"
)
