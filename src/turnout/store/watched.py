"""When viewers watched a show, as the store has it. Viewers and a time go in; the spans of each come out."""

from __future__ import annotations

from collections.abc import Sequence

from turnout import sql
from turnout.store.engine import Engine, Value, rows

_SPANS = sql.query("watched_spans")

#: Longest interval that one event can say; it may end this long after a time and still touch it.
_LONGEST_INTERVAL_MS = 604_800_000

#: Viewers of one statement.
_VIEWERS_AT_ONCE = 1_000


def spans(
    engine: Engine, workspace: str, campaign: str, viewers: Sequence[str], from_ms: int, to_ms: int
) -> dict[str, list[tuple[int, int]]]:
    """What each viewer watched that touches `[from, to)`: sorted spans `(begin, end)` in epoch milliseconds.

    Who watched nothing then is not in it.
    """
    found: dict[str, list[tuple[int, int]]] = {}
    for at in range(0, len(viewers), _VIEWERS_AT_ONCE):
        asked: dict[str, Value] = {
            "workspace": workspace,
            "campaign": campaign,
            "recipients": viewers[at : at + _VIEWERS_AT_ONCE],
            "from_ms": from_ms,
            "to_ms": to_ms,
            "latest_ms": to_ms + _LONGEST_INTERVAL_MS,
        }
        for viewer, begin_ms, end_ms in rows(engine, _SPANS, asked):
            found.setdefault(viewer, []).append((begin_ms, end_ms))
    return found
