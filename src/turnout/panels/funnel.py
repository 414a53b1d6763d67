"""How far recipients came: from the send to the conversion, distinct recipients at each step, and what of the last."""

from __future__ import annotations

from turnout.charts.theme import INK, SERIES, Spec
from turnout.panels import wording
from turnout.panels.contract import Ask, Cell, Column, Panel, Shown, Table, View, words

#: The steps, outermost first: an event type, or conversions of the first goal. A campaign shows those that it has.
_STEPS = ("sent", "delivered", "impression", "opened", "clicked", "conversions", "viewers")

_COLUMNS = (
    Column("step", "Step", "text"),
    Column("recipients", "Recipients", "count"),
    Column("of_first", "Of the first", "ratio"),
    Column("of_before", "Of the one before", "ratio"),
    Column("events", "Events", "count"),
)

_EMPTY = "Nothing was sent yet in this range. Events of this campaign appear here as they come in."


def draw(view: View, ask: Ask) -> Shown:
    """Bars, a step each."""
    names = [name for step in _STEPS for name in _metrics(step)]
    answer = ask(view.question(names))
    totals = answer.totals
    steps = [step for step in _STEPS if totals.get(_metrics(step)[0])]
    rows: list[dict[str, Cell]] = []
    for step in steps:
        recipients, *events = (totals[name] for name in _metrics(step))
        first, before = (rows[0], rows[-1]) if rows else (None, None)
        rows.append(
            {
                "step": words(step),
                "recipients": recipients,
                "of_first": _share(recipients, first),
                "of_before": _share(recipients, before),
                "events": events[0] if events else None,
            }
        )
    table = Table(_COLUMNS, tuple(rows), row_count=len(rows))
    if not rows:
        return Shown(table, empty=_EMPTY, excluded=answer.excluded)
    alt = "Recipients at each step: " + ", ".join(f"{row['step']} {row['recipients']:,}" for row in rows) + "."
    return Shown(table, _spec(rows), alt, excluded=answer.excluded)


def _metrics(step: str) -> tuple[str, ...]:
    """What counts a step: its distinct recipients and, where it has them, its events."""
    return ("viewers",) if step == "viewers" else (f"unique_{step}", step)


def _share(recipients: Cell, of: dict[str, Cell] | None) -> float | None:
    if of is None or not isinstance(recipients, int) or not isinstance(of["recipients"], int):
        return None
    return recipients / of["recipients"] if of["recipients"] else None


def _spec(rows: list[dict[str, Cell]]) -> Spec:
    values = [
        {
            "step": row["step"],
            "recipients": row["recipients"],
            "label": f"{row['recipients']:,}"
            + (f" · {wording.cell(row['of_first'], 'ratio')}" if row["of_first"] is not None else ""),
        }
        for row in rows
    ]
    y = {"field": "step", "type": "nominal", "sort": None, "title": None, "axis": {"ticks": False, "domain": False}}
    most = max(row["recipients"] for row in rows if isinstance(row["recipients"], int))
    x = {
        "field": "recipients",
        "type": "quantitative",
        "axis": None,
        # Room for the label of the longest bar.
        "scale": {"domainMax": most * 1.25},
    }
    return {
        "width": 640,
        "height": {"step": 36},
        "data": {"values": values},
        "encoding": {"y": y, "x": x, "description": {"field": "label", "type": "nominal"}},
        "layer": [
            {"mark": {"type": "bar", "color": SERIES[0]}},
            {
                "mark": {"type": "text", "align": "left", "dx": 6, "color": INK, "aria": False},
                "encoding": {"text": {"field": "label", "type": "nominal"}},
            },
        ],
    }


PANEL = Panel("funnel", "Funnel", "Distinct recipients at each step, and what that is of the step before.", draw)
