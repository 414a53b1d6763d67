"""Clicks by position."""

from __future__ import annotations

from turnout.panels.contract import Ask, Panel, Shown, Table, View


def draw(view: View, ask: Ask) -> Shown:
    """Nothing yet."""
    return Shown(Table((), ()), empty="Nothing yet.")


PANEL = Panel(
    "clickmap", "Click map", "Clicks by the place of the link in the message, from top to bottom.", draw, "links"
)
