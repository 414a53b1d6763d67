"""Finding stored events anew: which of them the rules of traffic see differently now, and writing down what they see.

The rules and slices of the store enter (`Revision.look`); `Findings` leave, and what differs is written (`write`). What
is found waits in tables of the engine's memory, so no event passes through Python: only its distinct user agents do,
and the distinct sets of reasons.
"""

from __future__ import annotations

import logging
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import msgspec

from turnout import sql
from turnout.errors import TooLarge
from turnout.store.engine import Engine, Parameters, Value, rows
from turnout.store.events import SLOT_MS, Cells, EventStore

log = logging.getLogger(__name__)

_AGENTS = sql.query("reclassify_agents")
_HELD = sql.query("reclassify_held")
_FOUND = sql.query("reclassify_found")
_DIFFERING = sql.query("reclassify_differing")
_WRITE = sql.query("reclassify_write")
_EXTENTS = sql.query("reclassify_extents")
_SUMS = "SELECT type, found, traffic, had, had_version, count() FROM {found:Identifier} GROUP BY ALL"
_COUNT = "SELECT count() FROM {table:Identifier}"

_PREFIX = "reclassify_"
_LEFT_BEHIND = """
SELECT name FROM system.tables
WHERE database = currentDatabase() AND startsWith(name, {prefix:String})
    AND metadata_modification_time <= now() - {older_than_s:UInt32}
"""
_DROP = "DROP TABLE IF EXISTS {table:Identifier} SYNC"
_EMPTY = "TRUNCATE TABLE {table:Identifier}"
_KEEP_AGENTS = """
INSERT INTO {table:Identifier}
SELECT pair.1, pair.2 FROM (SELECT arrayJoin(arrayZip({agents:Array(String)}, {reasons:Array(UInt32)})) AS pair)
"""

#: In memory only: what a crash leaves of a write finds nothing to write then, and ends.
_TABLES = {
    "agents": """CREATE TABLE {table:Identifier} (user_agent String, reasons UInt32)
        ENGINE = Join(ANY, LEFT, user_agent) SETTINGS persistent = 0""",
    "held": """CREATE TABLE {table:Identifier} (id UInt128, campaign LowCardinality(String),
        type LowCardinality(String), ms Int64, person UInt128, reader UInt64, place UInt128, leads_to UInt64,
        traffic LowCardinality(String), had UInt32, had_version UInt8, is_looked_at Bool, standing UInt32)
        ENGINE = Memory""",
    "found": """CREATE TABLE {table:Identifier} (id UInt128, campaign LowCardinality(String),
        type LowCardinality(String), ms Int64, traffic LowCardinality(String), had UInt32, had_version UInt8,
        found UInt32) ENGINE = Memory""",
    "changes": """CREATE TABLE {table:Identifier} (id UInt128, traffic LowCardinality(String), reasons UInt32)
        ENGINE = Join(ANY, LEFT, id) SETTINGS persistent = 0""",
}

#: Events that one statement looks at, as the rollup counts them, and campaigns that may share it.
SLICE_EVENTS = 500_000
_CAMPAIGNS_AT_ONCE = 50

#: Where others may be at it, no reclassification takes as long.
LEFT_BEHIND_S = 7 * 86_400

#: User agents of one page, which bounds the text of a statement.
_AGENTS_AT_ONCE = 5_000

#: A slice that the engine has no memory or time for is halved, down to this.
_LEAST_SLICE_MS = 1_000


@dataclass(frozen=True)
class Rules:
    """What the rules of traffic are to the store. Reasons are bits, by their names in `bits`.

    `types` are the types of events that rules are about. `reasons_of` a user agent are bits of `agent` reasons, and the
    bit of `allowed`; `class_of` a type and reasons is a class. Bursts: at least so many `links` within `links_ms`, or
    `recipients` of one address within `recipients_ms`. `keeps_allowed`: where an address is not kept in full, what it
    was found to be stays, and of a truncated one only `wide_networks` tell more, the `networks` that have
    all of what was cut off. Nothing further than `margin_ms` from an event matters to it.
    """

    version: int
    types: tuple[str, ...]
    bits: Mapping[str, int]
    facts: int
    agent: int
    reasons_of: Callable[[str], int]
    class_of: Callable[[str, int], str]
    networks: tuple[str, ...]
    wide_networks: tuple[str, ...]
    keeps_allowed: bool
    opened_ms: int
    clicked_ms: int
    skew_ms: int
    links: int
    links_ms: int
    hidden_ms: int
    recipients: int
    recipients_ms: int
    margin_ms: int


@dataclass
class Findings:
    """What was found: how many events were `looked` at and how many `differ` in anything that is kept.

    `classes` counts those of another class now, by the old one and the new; `reasons` all that have a reason, by its
    bits (several to an event).
    """

    looked: int = 0
    differ: int = 0
    classes: Counter[tuple[str, str]] = field(default_factory=Counter)
    reasons: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True)
class _Extent:
    first_ms: int
    last_ms: int


class Revision:
    """One pass over stored events; a context manager. One thread at a time.

    `look` as often as needed, `write` when `waiting` has grown large, and at the end.
    """

    def __init__(self, engine: Engine, events: EventStore, workspace: str, rules: Rules) -> None:
        self._engine = engine
        self._events = events
        self._workspace = workspace
        self._rules = rules
        self._names = {kind: f"{_PREFIX}{kind}_{secrets.token_hex(8)}" for kind in _TABLES}
        self.findings = Findings()
        #: Rows that differ and are not written yet.
        self.waiting = 0
        self._differing: dict[str, _Extent] = {}
        self._recounted: dict[str, _Extent] = {}

    def __enter__(self) -> Self:
        ((self._database,),) = rows(self._engine, "SELECT currentDatabase()")
        for kind, statement in _TABLES.items():
            self._engine.derive(statement, {"table": self._names[kind]})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in self._names.values():
            self._engine.derive(_DROP, {"table": name})

    def look(self, cells: Cells, *, write: bool = True) -> None:
        """Look at the events of `cells`, a slice; what differs waits to be written, unless that is not wanted.

        TooLarge where a second of it needs more memory or time than a question may.
        """
        try:
            self._find(cells)
        except TooLarge:
            middle = (cells.from_ms + cells.to_ms) // 2
            if cells.to_ms - cells.from_ms <= _LEAST_SLICE_MS:
                raise
            self.look(msgspec.structs.replace(cells, to_ms=middle), write=write)
            self.look(msgspec.structs.replace(cells, from_ms=middle), write=write)
            return
        classes, differ = self._judge()
        if differ and write:
            self._gather(classes)

    def write(self) -> Cells | None:
        """Write what waits, and make its rollup anew; nothing may be appended meanwhile. Returns whose events of what
        time are of another class now, if any are."""
        if not self.waiting:
            return None
        touched, recounted = _cells(self._workspace, self._differing), _cells(self._workspace, self._recounted)
        assert touched is not None
        parameters: dict[str, Value] = {
            **_within(touched),
            "types": self._rules.types,
            "version": self._rules.version,
            "table": self._names["changes"],
            "changes": f"{self._database}.{self._names['changes']}",
        }
        self._events.amend([(_WRITE, parameters)], [recounted] if recounted else [])
        self._engine.derive(_EMPTY, {"table": self._names["changes"]})
        self.waiting = 0
        self._differing, self._recounted = {}, {}
        return recounted

    @property
    def campaigns(self) -> tuple[str, ...]:
        """Whose events `write` would change."""
        return tuple(sorted(self._differing))

    def _find(self, cells: Cells) -> None:
        for kind in ("agents", "held", "found"):
            self._engine.derive(_EMPTY, {"table": self._names[kind]})
        within = {**_within(cells), "types": self._rules.types}
        for page in self._agents(within):
            known = [(agent, bits) for agent in page if (bits := self._rules.reasons_of(agent))]
            if known:
                agents, reasons = zip(*known, strict=True)
                self._engine.derive(
                    _KEEP_AGENTS, {"table": self._names["agents"], "agents": agents, "reasons": reasons}
                )
        asked = {**within, **self._of_rules()}
        self._engine.derive(_HELD, asked)
        self._engine.derive(_FOUND, asked)

    def _agents(self, within: Parameters) -> Iterator[list[str]]:
        margin = self._rules.margin_ms
        wide = {**within, "from_ms": _whole(within["from_ms"]) - margin, "to_ms": _whole(within["to_ms"]) + margin}
        after = ""
        while True:
            page = [
                agent for (agent,) in rows(self._engine, _AGENTS, {**wide, "after": after, "limit": _AGENTS_AT_ONCE})
            ]
            yield page
            if len(page) < _AGENTS_AT_ONCE:
                return
            after = page[-1]

    def _of_rules(self) -> dict[str, Value]:
        rules = self._rules
        bits = {
            name: rules.bits[name]
            for name in (
                "said", "hidden_link", "allowed", "mail_proxy", "no_agent", "soon_after_delivery", "many_links_at_once",
                "near_hidden_link", "many_recipients_at_once",
            )
        }  # fmt: skip
        return {
            **bits,
            "held": self._names["held"],
            "found": self._names["found"],
            "agents": f"{self._database}.{self._names['agents']}",
            "facts": rules.facts,
            "agent_bits": rules.agent,
            "networks": rules.networks,
            "wide_networks": rules.wide_networks,
            "keeps_allowed": rules.keeps_allowed,
            "margin_ms": rules.margin_ms,
            "skew_ms": rules.skew_ms,
            "opened_ms": rules.opened_ms,
            "clicked_ms": rules.clicked_ms,
            "links": rules.links,
            "links_ms": rules.links_ms,
            "hidden_ms": rules.hidden_ms,
            "recipients": rules.recipients,
            "recipients_ms": rules.recipients_ms,
        }

    def _judge(self) -> tuple[dict[str, str], int]:
        """The class of each type and set of reasons that was found, and how many events differ."""
        classes: dict[str, str] = {}
        differ = 0
        for type, found, traffic, had, had_version, events in rows(
            self._engine, _SUMS, {"found": self._names["found"]}
        ):
            now = classes[f"{type} {found}"] = self._rules.class_of(type, found)
            self.findings.looked += events
            for bit in self._rules.bits.values():
                if found & bit:
                    self.findings.reasons[bit] += events
            if (now, found, self._rules.version) != (traffic, had, had_version):
                differ += events
            if now != traffic:
                self.findings.classes[traffic, now] += events
        self.findings.differ += differ
        return classes, differ

    def _gather(self, classes: Mapping[str, str]) -> None:
        asked: dict[str, Value] = {
            "found": self._names["found"],
            "changes": self._names["changes"],
            "keys": tuple(classes),
            "classes": tuple(classes.values()),
            "version": self._rules.version,
        }
        self._engine.derive(_DIFFERING, asked)
        for campaign, first, last, recounted, first_recounted, last_recounted in rows(self._engine, _EXTENTS, asked):
            _widen(self._differing, campaign, first, last)
            if recounted:
                _widen(self._recounted, campaign, first_recounted, last_recounted)
        ((self.waiting,),) = rows(self._engine, _COUNT, {"table": self._names["changes"]})


def slices(events: EventStore, engine: Engine, cells: Cells, types: Sequence[str]) -> Iterator[Cells]:
    """`cells` in slices of about `SLICE_EVENTS` events of these types; all campaigns where none is named.

    Small campaigns share a slice. Where there are no events there are no slices.
    """
    small: list[str] = []
    size, first, last = 0, cells.to_ms, cells.from_ms
    for name, span in sorted(events.spans(cells.workspace, cells.campaigns, types).items()):
        start, end = max(cells.from_ms, span.first_ms), min(cells.to_ms, span.last_ms + 1)
        if start >= end:
            continue
        if span.events > SLICE_EVENTS:
            yield from _halves(engine, Cells(cells.workspace, (name,), start, end), types)
            continue
        if small and (size + span.events > SLICE_EVENTS or len(small) == _CAMPAIGNS_AT_ONCE):
            yield Cells(cells.workspace, tuple(small), first, last)
            small, size, first, last = [], 0, cells.to_ms, cells.from_ms
        small.append(name)
        size, first, last = size + span.events, min(first, start), max(last, end)
    if small:
        yield Cells(cells.workspace, tuple(small), first, last)


def drop_left_behind(engine: Engine, older_than_s: int = 0) -> None:
    """Drop what a process that died has left: tables that are older than anything another process may be at."""
    for (name,) in rows(engine, _LEFT_BEHIND, {"prefix": _PREFIX, "older_than_s": older_than_s}):
        engine.execute(_DROP, {"table": name})


_COUNTED = sql.query("reclassify_counted")


def _halves(engine: Engine, cells: Cells, types: Sequence[str]) -> Iterator[Cells]:
    """Halves of halves, at whole slots, until each has few enough events; a slot that has more is cut evenly."""
    whole = cells.whole_slots()
    ((count,),) = rows(engine, _COUNTED, {**_within(whole), "types": types})
    slots = (whole.to_ms - whole.from_ms) // SLOT_MS
    if not count:
        return
    if count <= SLICE_EVENTS:
        yield cells
    elif slots > 1:
        middle = whole.from_ms + slots // 2 * SLOT_MS
        yield from _halves(engine, msgspec.structs.replace(cells, to_ms=middle), types)
        yield from _halves(engine, msgspec.structs.replace(cells, from_ms=middle), types)
    else:
        step = max(_LEAST_SLICE_MS, SLOT_MS * SLICE_EVENTS // count)
        for at in range(cells.from_ms, cells.to_ms, step):
            yield msgspec.structs.replace(cells, from_ms=at, to_ms=min(at + step, cells.to_ms))


def _within(cells: Cells) -> dict[str, Value]:
    return {
        "workspace": cells.workspace,
        "campaigns": cells.campaigns,
        "from_ms": cells.from_ms,
        "to_ms": cells.to_ms,
    }


def _whole(value: Value) -> int:
    assert isinstance(value, int)
    return value


def _widen(extents: dict[str, _Extent], campaign: str, first_ms: int, last_ms: int) -> None:
    known = extents.get(campaign, _Extent(first_ms, last_ms))
    extents[campaign] = _Extent(min(known.first_ms, first_ms), max(known.last_ms, last_ms))


def _cells(workspace: str, extents: Mapping[str, _Extent]) -> Cells | None:
    if not extents:
        return None
    first = min(extent.first_ms for extent in extents.values())
    last = max(extent.last_ms for extent in extents.values())
    return Cells(workspace, tuple(sorted(extents)), first, last + 1)
