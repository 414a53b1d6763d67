"""What of the stored data is damaged: parts that can't be read, parts set aside, events that raw has lost.

An engine enters; `sound` (a look at every start, cheap), and `read_through` with `findings` (everything) say what is
wrong. Nothing is changed here: `mending` does that.

The engine sets a part whose files don't fit together aside as it opens the store, and goes on without it and without
a word; a part that is gone altogether it does not even miss. But the rollup counted its events, so the two no longer
balance. Other damage shows only where a checksum is wrong as it is read.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from turnout import sql
from turnout.errors import StoreDamaged, StoreError
from turnout.store.engine import Engine, Parameters, rows

log = logging.getLogger(__name__)

_DAMAGED = sql.query("damaged_parts")
_SET_ASIDE = sql.query("parts_set_aside")
_BALANCE = sql.query("balance")
_LOST = sql.query("lost_counts")
_PART_CAMPAIGNS = sql.query("part_campaigns")
_PART_INDEX = sql.query("part_index")

#: Not those of a backup that is under way (`backup.py`).
_TABLES = """
SELECT name FROM system.tables
WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND NOT startsWith(name, 'snapshot_of_')
ORDER BY name
"""
_PARTS = "SELECT name, rows FROM system.parts WHERE active AND database = currentDatabase() AND table = {table:String}"

#: What can't be made again: raw is saved as far as it can be read; of the others nobody knows what is missing.
RAW = "events"
IRREPLACEABLE = ("catalog", "schema_migrations")

#: A table beside the events, for rows that are saved from a damaged part; its name goes on with the part's.
SALVAGED = "salvaged_"

#: So many campaigns are named at most, of a part and of what was lost.
CAMPAIGNS_LIMIT = 1000


@dataclass(frozen=True)
class Held:
    """Events of one campaign in a damaged part, as far as that can be told."""

    workspace: str
    campaign: str
    first_ms: int
    last_ms: int
    events: int


@dataclass(frozen=True)
class Damage:
    """A part that can't be read through. `reason` is the engine's, for the log and the machine's own user only.

    `held` is what it holds of which campaigns: exact, by its index only (`held_exactly` is False), or unknown (empty).
    """

    table: str
    part: str
    rows: int
    reason: str
    held: tuple[Held, ...] = ()
    held_exactly: bool = False


@dataclass(frozen=True)
class Aside:
    """A part on disk that counts nowhere. `rows` is None where its own note of them can't be read."""

    table: str
    part: str
    rows: int | None
    path: str


@dataclass(frozen=True)
class Lost:
    """So many events of a campaign were counted once, and are no longer there."""

    workspace: str
    campaign: str
    events: int


@dataclass(frozen=True)
class Findings:
    """What an inspection found. `unbalanced` where raw and rollup hold different numbers of events."""

    damage: tuple[Damage, ...]
    aside: tuple[Aside, ...]
    lost: tuple[Lost, ...]
    unfinished: tuple[str, ...]
    unbalanced: bool

    @property
    def sound(self) -> bool:
        """Nothing to mend. Parts that a mending set aside may lie there for as long as somebody wants."""
        return not (self.damage or self.unfinished or self.unbalanced)


def refuse_lost_catalog(engine: Engine) -> None:
    """StoreDamaged if the engine has set part of the catalog aside: without it a revoked key might work again."""
    gone = [one for one in set_aside(engine) if one.table in IRREPLACEABLE]
    if gone:
        names = ", ".join(one.path or f"{one.table}/{one.part}" for one in gone)
        raise StoreDamaged(
            f"part of the catalog (workspaces, keys, campaigns, links) is damaged and was set aside: {names}",
            hint="restore a backup; or move it away to go on without what was in it, revocations of keys included",
        )


def sound(engine: Engine) -> bool:
    """Whether raw and rollup hold the same number of events, and no mending broke off. The log says what is not so."""
    for one in set_aside(engine):
        log.warning("part %s of %s is set aside and counts nowhere: %s", one.part, one.table, one.path)
    try:
        unfinished = unfinished_salvage(engine)
        ((raw, rolled),) = rows(engine, _BALANCE)
    except StoreDamaged:
        log.error("the rollup can't be read: raw answers instead; turnout rebuild makes it anew")
        return False
    if int(raw) != int(rolled):
        log.error(
            "the store holds %d events and its rollup counts %d: part of it is lost; raw answers alone until"
            " turnout rebuild has mended it (turnout check says what is missing)",
            raw,
            rolled,
        )
    if unfinished:
        log.error("a mending broke off: turnout rebuild ends it")
    return int(raw) == int(rolled) and not unfinished


def read_through(engine: Engine) -> tuple[Damage, ...]:
    """The parts that can't be read. Takes as long as reading the whole store from its disk; others may write to it.

    None of a cluster: its servers compare replicas, and fetch a damaged part from another one by themselves.
    """
    if engine.placement is not None:
        return ()
    found = tuple(_explained(engine, one) for table in tables(engine) for one in damaged(engine, table))
    for one in found:
        log.error("part %s of %s can't be read: %s", one.part, one.table, one.reason)
    return found


def findings(engine: Engine, damage: tuple[Damage, ...]) -> Findings:
    """All that is wrong, beside that `damage`. Nothing may be appended meanwhile: raw comes before its rollup."""
    lost: tuple[Lost, ...] = ()
    unbalanced = True
    with suppress(StoreDamaged):
        # Both are read from columns that may be in a damaged part; then they are known once it is mended.
        lost = lost_events(engine)
        ((raw, rolled),) = rows(engine, _BALANCE)
        unbalanced = int(raw) != int(rolled)
    return Findings(damage, set_aside(engine), lost, unfinished_salvage(engine), unbalanced)


def tables(engine: Engine) -> list[str]:
    """Every table that keeps parts."""
    return [name for (name,) in rows(engine, _TABLES)]


def damaged(engine: Engine, table: str) -> list[Damage]:
    """The parts of a table that can't be read through."""
    held = part_rows(engine, table)
    return [
        Damage(table, part, held.get(part, 0), reason)
        for part, passed, reason in rows(engine, _DAMAGED, {"table": table})
        # A part that was merged away meanwhile is nobody's any more.
        if not int(passed) and part in held
    ]


def part_rows(engine: Engine, table: str) -> dict[str, int]:
    """The parts of a table that count, and how many rows each has."""
    return {name: int(count) for name, count in rows(engine, _PARTS, {"table": table})}


def set_aside(engine: Engine) -> tuple[Aside, ...]:
    """The parts that lie in a table's `detached` directory; none of a cluster, whose nodes have theirs."""
    if engine.placement is not None:
        return ()
    return tuple(Aside(table, part, _counted(path), path) for table, part, _, path in rows(engine, _SET_ASIDE))


def lost_events(engine: Engine) -> tuple[Lost, ...]:
    """The campaigns that raw holds fewer events of than were counted."""
    found = rows(engine, _LOST, {"limit": CAMPAIGNS_LIMIT})
    return tuple(Lost(workspace, campaign, int(events)) for workspace, campaign, events in found)


def unfinished_salvage(engine: Engine) -> tuple[str, ...]:
    """Tables of saved rows that were not put back."""
    return tuple(name for name in tables(engine) if name.startswith(SALVAGED))


def _explained(engine: Engine, one: Damage) -> Damage:
    if one.table != RAW:
        return one
    parameters: Parameters = {"part": one.part}
    for query, exactly in ((_PART_CAMPAIGNS, True), (_PART_INDEX, False)):
        with suppress(StoreError):
            found = rows(engine, query, parameters)[:CAMPAIGNS_LIMIT]
            held = tuple(Held(name, campaign, int(a), int(b), int(n)) for name, campaign, a, b, n in found)
            return Damage(one.table, one.part, one.rows, one.reason, held, exactly)
    return one


def _counted(path: str) -> int | None:
    """How many rows a part says it has; None where it does not, or lies on another machine."""
    try:
        return int((Path(path) / "count.txt").read_text())
    except (OSError, ValueError):
        return None
