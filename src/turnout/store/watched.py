"""When viewers watched a show, as the store has it. Viewers and a time go in; the spans of each come out.

And whether any of it is there twice: what a viewer watched is trimmed at the door, but two processes that share a store
trim by what each of them knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from turnout import sql
from turnout.store.engine import Engine, Value, rows
from turnout.store.events import Cells

_SPANS = sql.query("watched_spans")
_OVERLAPS = sql.query("watched_overlaps")
_COUNT = """
SELECT sum(events) FROM counts
WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)} AND type = 'watched'
"""

#: Longest interval that one event can say; it may end this long after a time and still touch it.
_LONGEST_INTERVAL_MS = 604_800_000

#: Viewers of one statement.
_VIEWERS_AT_ONCE = 1_000

#: Intervals that one look for overlaps holds in memory, about.
_INTERVALS_AT_ONCE = 2_000_000

#: Campaigns of one look.
_CAMPAIGNS_AT_ONCE = 50


@dataclass(frozen=True)
class Overlap:
    """Of so many viewers of a campaign `overlap_ms` in all count more than once in what they watched."""

    campaign: str
    viewers: int
    overlap_ms: int


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


def overlaps(engine: Engine, cells: Cells) -> list[Overlap]:
    """The campaigns of `cells` in which intervals of one viewer overlap; reads all of their `watched` events.

    Whoever sends such events with a key may mean it so; beacons of one process never overlap.
    """
    found: dict[str, Overlap] = {}
    for at in range(0, len(cells.campaigns), _CAMPAIGNS_AT_ONCE):
        asked: dict[str, Value] = {
            "workspace": cells.workspace,
            "campaigns": cells.campaigns[at : at + _CAMPAIGNS_AT_ONCE],
        }
        ((events,),) = rows(engine, _COUNT, asked)
        parts = -(-int(events or 0) // _INTERVALS_AT_ONCE)
        asked |= {"from_ms": cells.from_ms, "to_ms": cells.to_ms, "parts": parts}
        for part in range(parts):
            for campaign, viewers, overlap_ms in rows(engine, _OVERLAPS, {**asked, "part": part}):
                had = found.get(campaign, Overlap(campaign, 0, 0))
                found[campaign] = Overlap(campaign, had.viewers + int(viewers), had.overlap_ms + int(overlap_ms))
    return list(found.values())
