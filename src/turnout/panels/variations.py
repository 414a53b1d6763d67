"""Arms of a test."""

from __future__ import annotations

from turnout.panels.contract import Ask, Panel, Shown, Table, View


def draw(view: View, ask: Ask) -> Shown:
    """Nothing yet."""
    return Shown(Table((), ()), empty="Nothing yet.")


PANEL = Panel(
    "variations",
    "Variations",
    "Each arm with its rates, how sure they are, and whether they differ.",
    draw,
    "variations",
)
