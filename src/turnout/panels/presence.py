"""Who watches a show at this moment, and what they did until now. A view and a way to ask enter; few numbers leave.

It is asked every few seconds while a show goes on, so it reads little: the last minute of events, and counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from turnout.panels.contract import Ask, View
from turnout.panels.live_charts import REACTIONS, number

#: A viewer watches now whose player has said so in this time. It says so every ten seconds (docs/live.md), and what it
#: says takes a moment to come: one heartbeat may be lost.
WATCHES_WITHIN_S = 30

#: What is told as of the last minute.
RECENT_S = 60


@dataclass(frozen=True)
class Presence:
    """At `at_ms`: distinct viewers who watch, and by the names of `REACTIONS` what was done in the last `RECENT_S`
    seconds and in the whole range of the view."""

    at_ms: int
    viewers: int
    recent: Mapping[str, int]
    so_far: Mapping[str, int]

    @property
    def is_live(self) -> bool:
        """Whether anybody watches."""
        return self.viewers > 0


def presence(view: View, ask: Ask) -> Presence:
    """What is so at the view's moment, whatever its range."""
    watching = _counted(view, ask, ("viewers",), WATCHES_WITHIN_S)
    recent = _counted(view, ask, tuple(REACTIONS), RECENT_S)
    (so_far,) = ask(view.question(tuple(REACTIONS), rows_only=True)).rows or [{}]
    return Presence(view.now_ms, watching["viewers"], recent, {name: number(so_far.get(name)) for name in REACTIONS})


def _counted(view: View, ask: Ask, names: tuple[str, ...], within_s: int) -> dict[str, int]:
    asked = view.question(names, from_ms=view.now_ms - within_s * 1000, to_ms=view.now_ms + 1, rows_only=True)
    (row,) = ask(asked).rows or [{}]
    return {name: number(row.get(name)) for name in names}
