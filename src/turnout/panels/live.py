"""A live show, minute by minute."""

from __future__ import annotations

from turnout.panels.contract import Ask, Panel, Shown, Table, View


def draw(view: View, ask: Ask) -> Shown:
    """Nothing yet."""
    return Shown(Table((), ()), empty="Nothing yet.")


PANELS = (
    Panel("concurrency", "Viewers at once", "How many watch at the same instant, minute by minute.", draw, "live"),
    Panel("reactions", "Likes, chats and clicks", "What viewers do, minute by minute.", draw, "live"),
)
