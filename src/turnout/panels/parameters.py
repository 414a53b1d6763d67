"""Clicks by the parameters of the links, as `utm_content=hero`: what a campaign's addresses were marked with."""

from __future__ import annotations

from turnout.panels.contract import Ask, Cell, Panel, Shown, Table, View, column
from turnout.panels.links import LIMIT_BARS, LIMIT_ROWS, MOST_CLICKED, bars, clicks_of
from turnout.stats.question import Sort

_METRICS = ("clicked", "unique_clicked")

_EMPTY = (
    "No link that was clicked in this range had parameters. They are what stands in an address behind its question "
    "mark, as it was clicked."
)


def draw(view: View, ask: Ask) -> Shown:
    """Bars, a parameter with its value each. A click with several parameters is in a row for each."""
    order = (*MOST_CLICKED, Sort("param"), Sort("param_value"))
    clicks = ask(view.question(_METRICS, ("param", "param_value"), sort=order, limit=LIMIT_ROWS))
    columns = (column("param", "Parameter"), column("param_value", "Value"), *map(column, _METRICS))
    table = Table(columns, tuple(clicks.rows), row_count=clicks.row_count)
    if not clicks.rows:
        return Shown(table, empty=_EMPTY, excluded=clicks.excluded)
    drawn: list[dict[str, Cell]] = [
        {**row, "called": f"{row['param']}={row['param_value']}"} for row in clicks.rows[:LIMIT_BARS]
    ]
    words = [f"The {len(drawn)} most clicked of {clicks.row_count:,} are drawn."] * (clicks.row_count > len(drawn))
    alt = "Clicks by parameter: " + "; ".join(f"{row['called']}: {clicks_of(row)}" for row in drawn[:5]) + "."
    return Shown(table, bars(drawn, "called"), alt, tuple(words), excluded=clicks.excluded)


PANEL = Panel(
    "parameters",
    "Link parameters",
    "Clicks by what the links' addresses were marked with: utm_source and the like.",
    draw,
    "links",
)
