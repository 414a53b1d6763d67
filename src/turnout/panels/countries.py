"""Countries on a map."""

from __future__ import annotations

from turnout.panels.contract import Ask, Panel, Shown, Table, View


def draw(view: View, ask: Ask) -> Shown:
    """Nothing yet."""
    return Shown(Table((), ()), empty="Nothing yet.")


PANEL = Panel("countries", "Countries", "Where people open and click.", draw, "audience")
