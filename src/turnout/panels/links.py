"""Clicks by link."""

from __future__ import annotations

from turnout.panels.contract import Ask, Panel, Shown, Table, View


def draw(view: View, ask: Ask) -> Shown:
    """Nothing yet."""
    return Shown(Table((), ()), empty="Nothing yet.")


PANEL = Panel("links", "Links", "Clicks and the people behind them, link by link.", draw, "links")
