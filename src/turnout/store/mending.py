"""Make a damaged store whole again: save what can be read, set aside what can't, and hold the rollup to what is left.

Findings enter; `Mended` leaves. Whatever dies half way, the next mending ends it:
rows are saved into a table beside the events before their part is set aside, and put back after. Only then is the
rollup made to say what raw says; until it does, raw answers alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from turnout import sql
from turnout.errors import StoreDamaged
from turnout.store import integrity
from turnout.store.engine import Engine, rows
from turnout.store.events import FIRST_MS, LAST_MS, Cells, EventStore
from turnout.store.integrity import IRREPLACEABLE, RAW, SALVAGED, Damage, Findings, Lost

log = logging.getLogger(__name__)

_SALVAGE = sql.query("salvage")
_ALL_CAMPAIGNS = sql.query("all_campaigns")
_DIFFERING = sql.query("differing_campaigns")

_DETACH = "ALTER TABLE {table:Identifier} DETACH PART {part:String}"
_DROP = "ALTER TABLE {table:Identifier} DROP PART {part:String}"
_DROP_ASIDE = "ALTER TABLE {table:Identifier} DROP DETACHED PART {part:String} SETTINGS allow_drop_detached = 1"
_CREATE = "CREATE TABLE {table:Identifier} AS events"
_DROP_TABLE = "DROP TABLE IF EXISTS {table:Identifier} SYNC"
_DROP_KNOWN = """
DELETE FROM {table:Identifier}
WHERE id IN (SELECT e.id FROM events AS e WHERE e.id IN (SELECT s.id FROM {table:Identifier} AS s))
"""
_PUT_BACK = "ALTER TABLE {table:Identifier} MOVE PARTITION tuple() TO TABLE events"

#: So many rows are tried at once, halved where they can't be read, down to what one index mark stands for.
_TRIED_ROWS, _LEAST_ROWS = 65_536, 2048


#: Campaigns of one comparison of rollup and raw.
_CAMPAIGNS_AT_ONCE = 50


@dataclass(frozen=True)
class Mended:
    """What was done. `saved` and `unread` count rows of damaged parts of the events; `lost` is by campaign.

    `left` are parts that only a backup brings back; `changed` the workspaces and campaigns whose rollup was made anew.
    """

    set_aside: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    saved: int = 0
    unread: int = 0
    lost: tuple[Lost, ...] = ()
    left: tuple[Damage, ...] = ()
    changed: tuple[tuple[str, str], ...] = ()


def mend(engine: Engine, events: EventStore, found: Findings) -> Mended:
    """Mend what was found. While this runs nothing may be appended; questions are answered from raw.

    StoreError where the engine can't do its part of it; what was done until then stays done.
    """
    events.distrust()
    saved = sum(_end(engine, table) for table in integrity.unfinished_salvage(engine))
    aside, dropped, left, unread = [], [], [], 0
    for one in found.damage:
        if one.part not in integrity.part_rows(engine, one.table):
            continue  # merged meanwhile, so it was read after all
        if one.table in IRREPLACEABLE:
            left.append(one)
        elif one.table == RAW:
            kept = _replace(engine, one)
            saved, unread = saved + kept, unread + one.rows - kept
            aside.append(one.part)
        else:
            engine.execute(_DROP, {"table": one.table, "part": one.part})
            dropped.append(f"{one.table}/{one.part}")
    for part in found.aside:
        if part.table not in (RAW, *IRREPLACEABLE):
            engine.execute(_DROP_ASIDE, {"table": part.table, "part": part.part})
            dropped.append(f"{part.table}/{part.part}")
    # Asked before the rollup forgets them. Where the rollup itself is short, it can't tell.
    lost = integrity.lost_events(engine)
    changed = tuple(_level(engine, events))
    events.trust()
    return Mended(tuple(aside), tuple(dropped), saved, unread, lost, tuple(left), changed)


def everything(engine: Engine) -> list[Cells]:
    """All campaigns of all workspaces that have events, at all times; the empty name, of behaviour, always."""
    return [
        Cells(workspace, tuple({"", *names}), FIRST_MS, LAST_MS) for workspace, names in rows(engine, _ALL_CAMPAIGNS)
    ]


def _replace(engine: Engine, one: Damage) -> int:
    """Set a part of the events aside, and what can be read of it in its place; returns how many rows that is."""
    beside = SALVAGED + one.part
    engine.execute(_DROP_TABLE, {"table": beside})
    engine.execute(_CREATE, {"table": beside})
    for start in range(0, one.rows, _TRIED_ROWS):
        _save(engine, one.part, beside, start, min(start + _TRIED_ROWS, one.rows))
    log.warning("setting part %s of the events aside", one.part)
    engine.execute(_DETACH, {"table": RAW, "part": one.part})
    return _move(engine, beside)


def _save(engine: Engine, part: str, beside: str, start: int, end: int) -> None:
    """Copy the rows `[start, end)` of a part that can be read."""
    try:
        engine.execute(_SALVAGE, {"into": beside, "part": part, "from": start, "to": end})
    except StoreDamaged:
        if end - start <= _LEAST_ROWS:
            return
        middle = start + max(_LEAST_ROWS, (end - start) // 2 // _LEAST_ROWS * _LEAST_ROWS)
        _save(engine, part, beside, start, middle)
        _save(engine, part, beside, middle, end)


def _end(engine: Engine, beside: str) -> int:
    """End what broke off: put saved rows back, unless they never left; returns how many were moved."""
    if beside.removeprefix(SALVAGED) in integrity.part_rows(engine, RAW):
        engine.execute(_DROP_TABLE, {"table": beside})
        return 0
    # A move may have done part of its work.
    engine.execute(_DROP_KNOWN, {"table": beside})
    return _move(engine, beside)


def _move(engine: Engine, beside: str) -> int:
    ((moved,),) = rows(engine, "SELECT count() FROM {table:Identifier}", {"table": beside})
    engine.execute(_PUT_BACK, {"table": beside})
    engine.execute(_DROP_TABLE, {"table": beside})
    return int(moved)


def _level(engine: Engine, events: EventStore) -> Iterator[tuple[str, str]]:
    """Make the rollup say what raw says, wherever it does not; yields the campaigns that it was made anew for."""
    for workspaces, campaigns in _together(rows(engine, _ALL_CAMPAIGNS)):
        wrong: dict[str, list[str]] = {}
        for workspace, name in rows(engine, _DIFFERING, {"workspaces": workspaces, "campaigns": campaigns}):
            wrong.setdefault(workspace, []).append(name)
        for workspace, names in wrong.items():
            events.rebuild(Cells(workspace, tuple(names), FIRST_MS, LAST_MS))
            yield from ((workspace, name) for name in names)


def _together(named: Iterable[list[Any]]) -> Iterator[tuple[list[str], list[str]]]:
    """Workspaces with their campaigns, few at a time: small ones together, large ones in parts.

    What the comparison of some of them needs of memory is bounded by that.
    """
    workspaces: list[str] = []
    campaigns: list[str] = []
    for workspace, names in named:
        if len(names) > _CAMPAIGNS_AT_ONCE:
            for at in range(0, len(names), _CAMPAIGNS_AT_ONCE):
                yield [workspace], names[at : at + _CAMPAIGNS_AT_ONCE]
            continue
        if workspaces and len(campaigns) + len(names) > _CAMPAIGNS_AT_ONCE:
            yield workspaces, campaigns
            workspaces, campaigns = [], []
        workspaces.append(workspace)
        campaigns += names
    if workspaces:
        yield workspaces, campaigns
