"""Hours by weekdays."""

from __future__ import annotations

from turnout.panels.contract import Ask, Panel, Shown, Table, View


def draw(view: View, ask: Ask) -> Shown:
    """Nothing yet."""
    return Shown(Table((), ()), empty="Nothing yet.")


PANEL = Panel(
    "hours", "Hours of the week", "When people open and click, by weekday and hour of their zone.", draw, "audience"
)
