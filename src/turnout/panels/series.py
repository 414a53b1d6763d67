"""Metrics over time."""

from __future__ import annotations

from turnout.panels.contract import Ask, Panel, Shown, Table, View


def draw(view: View, ask: Ask) -> Shown:
    """Nothing yet."""
    return Shown(Table((), ()), empty="Nothing yet.")


PANEL = Panel("series", "Over time", "Each metric by the hour, day, week or month.", draw, "summary")
