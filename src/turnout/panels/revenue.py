"""What the campaign led to."""

from __future__ import annotations

from turnout.panels.contract import Ask, Panel, Shown, Table, View


def draw(view: View, ask: Ask) -> Shown:
    """Nothing yet."""
    return Shown(Table((), ()), empty="Nothing yet.")


PANEL = Panel("revenue", "Revenue and conversions", "What the campaign led to, by goal and currency.", draw, "summary")
