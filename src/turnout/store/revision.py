"""Finding stored events anew: which of them the rules of traffic see differently now, and writing down what they see.

The rules and slices of the store enter (`Revision.look`); `Findings` leave, and what differs is written (`write`). What
is found waits in tables of the engine, so no event passes through Python: only its distinct user agents do, and the
distinct sets of reasons.

What is looked at is in the memory of one node: persons lie on a shard each, but an address's do not. What is written is
known on every node, since each replica of a shard writes its own.
"""

from __future__ import annotations

import logging
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import msgspec

from turnout import sql
from turnout.errors import TooLarge
from turnout.store.engine import Engine, Parameters, Value, rows
from turnout.store.events import Cells, EventStore
from turnout.store.replicas import all_there
from turnout.store.slices import LEAST_SLICE_MS

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
SELECT DISTINCT name FROM system.tables
WHERE database = currentDatabase() AND startsWith(name, {prefix:String})
    AND metadata_modification_time <= now() - {older_than_s:UInt32}
"""
_DROP = "DROP TABLE IF EXISTS {table:Identifier} SYNC"
_EMPTY = "TRUNCATE TABLE {table:Identifier}"
_SPREAD = "SYSTEM SYNC REPLICA {table:Identifier}"
_KEEP_AGENTS = """
INSERT INTO {table:Identifier}
SELECT pair.1, pair.2 FROM (SELECT arrayJoin(arrayZip({agents:Array(String)}, {reasons:Array(UInt32)})) AS pair)
"""

#: For one slice, on the node that is spoken to.
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
}

#: For one write. It stays until the write has ended: what a crash leaves of it is brought to its end by the engine.
_CREATE_CHANGES = """CREATE TABLE {table:Identifier}
    (id UInt128, campaign LowCardinality(String), kind UInt32) ENGINE = MergeTree ORDER BY kind"""

#: The number of what is to be written of an event, bit by bit: a set of ids each.
_BIT = """{value} * (id IN (SELECT id FROM {{changes:Identifier}}
        WHERE kind > {{after:UInt32}} AND kind <= {{last:UInt32}} AND bitTest(kind - {{after:UInt32}}, {bit})))"""

#: Kinds that one mutation writes, which bounds its sets. There are hardly ever more.
KINDS_AT_ONCE = 255

#: Where others may be at it, no reclassification takes as long.
LEFT_BEHIND_S = 7 * 86_400

#: User agents of one page, which bounds the text of a statement.
_AGENTS_AT_ONCE = 5_000


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
        self._names = {kind: _new_name(kind) for kind in _TABLES}
        #: The table of what waits to be written; empty where nothing does.
        self._changes = ""
        #: What is written: class and reasons, by their number, from 1.
        self._kinds: dict[tuple[str, int], int] = {}
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
        for name in filter(None, (*self._names.values(), self._changes)):
            self._engine.derive(_DROP, {"table": name})

    def look(self, cells: Cells, *, write: bool = True) -> None:
        """Look at the events of `cells`, a slice; what differs waits to be written, unless that is not wanted.

        TooLarge where a second of it needs more memory or time than a question may.
        """
        try:
            self._find(cells)
        except TooLarge:
            middle = (cells.from_ms + cells.to_ms) // 2
            if cells.to_ms - cells.from_ms <= LEAST_SLICE_MS:
                raise
            self.look(msgspec.structs.replace(cells, to_ms=middle), write=write)
            self.look(msgspec.structs.replace(cells, from_ms=middle), write=write)
            return
        classes, differing = self._judge()
        if differing and write:
            self._gather(classes, differing)

    def write(self) -> Cells | None:
        """Write what waits, and make its rollup anew; nothing may be appended meanwhile. Returns whose events of what
        time are of another class now, if any are. Overloaded, and nothing is begun, while a replica is away."""
        if not self.waiting:
            return None
        all_there(self._engine)
        if self._engine.placement is not None:
            # Each node reads its own copy.
            self._engine.derive(_SPREAD, {"table": self._changes})
        recounted = _cells(self._workspace, self._recounted)
        self._events.amend(list(self._mutations()), [recounted] if recounted else [])
        self._engine.derive(_DROP, {"table": self._changes})
        self._changes, self.waiting = "", 0
        self._differing, self._recounted, self._kinds = {}, {}, {}
        return recounted

    def _mutations(self) -> Iterator[tuple[str, Parameters]]:
        touched = _cells(self._workspace, self._differing)
        assert touched is not None
        kinds = list(self._kinds)
        for after in range(0, len(kinds), KINDS_AT_ONCE):
            some = kinds[after : after + KINDS_AT_ONCE]
            bits = (_BIT.format(value=1 << bit, bit=bit) for bit in range(len(some).bit_length()))
            parameters: dict[str, Value] = {
                "workspace": touched.workspace,
                "from_ms": touched.from_ms,
                "to_ms": touched.to_ms,
                "types": self._rules.types,
                "version": self._rules.version,
                "changes": self._changes,
                "after": after,
                "last": after + len(some),
                "classes": tuple(traffic for traffic, _ in some),
                "reasons": tuple(reasons for _, reasons in some),
            }
            yield _WRITE.replace("kind_of_change", "\n        + ".join(bits)), parameters

    @property
    def campaigns(self) -> tuple[str, ...]:
        """Whose events `write` would change."""
        return tuple(sorted(self._differing))

    def _find(self, cells: Cells) -> None:
        for kind in ("agents", "held", "found"):
            self._engine.derive(_EMPTY, {"table": self._names[kind]})
        within = {**cells.parameters(), "types": self._rules.types}
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

    def _judge(self) -> tuple[dict[str, tuple[str, int]], set[tuple[str, int]]]:
        """The class and reasons of each type and set of reasons that was found, and those of events that differ."""
        classes: dict[str, tuple[str, int]] = {}
        differing: set[tuple[str, int]] = set()
        for type, found, traffic, had, had_version, events in rows(
            self._engine, _SUMS, {"found": self._names["found"]}
        ):
            now = self._rules.class_of(type, found)
            classes[f"{type} {found}"] = now, found
            self.findings.looked += events
            for bit in self._rules.bits.values():
                if found & bit:
                    self.findings.reasons[bit] += events
            if (now, found, self._rules.version) != (traffic, had, had_version):
                differing.add((now, found))
                self.findings.differ += events
            if now != traffic:
                self.findings.classes[traffic, now] += events
        return classes, differing

    def _gather(self, classes: Mapping[str, tuple[str, int]], differing: Iterable[tuple[str, int]]) -> None:
        for kind in sorted(differing):
            self._kinds.setdefault(kind, len(self._kinds) + 1)
        if not self._changes:
            name = _new_name("changes")
            self._engine.derive(_CREATE_CHANGES, {"table": name})
            self._changes = name
        asked: dict[str, Value] = {
            "found": self._names["found"],
            "changes": self._changes,
            "keys": tuple(classes),
            "classes": tuple(traffic for traffic, _ in classes.values()),
            "kinds": tuple(self._kinds.get(kind, 0) for kind in classes.values()),
            "version": self._rules.version,
        }
        self._engine.derive(_DIFFERING, asked)
        for campaign, first, last, recounted, first_recounted, last_recounted in rows(self._engine, _EXTENTS, asked):
            _widen(self._differing, campaign, first, last)
            if recounted:
                _widen(self._recounted, campaign, first_recounted, last_recounted)
        ((self.waiting,),) = rows(self._engine, _COUNT, {"table": self._changes})


def drop_left_behind(engine: Engine, older_than_s: int = 0) -> None:
    """Drop what a process that died has left: tables that are older than anything another process may be at."""
    asked: dict[str, Value] = {"prefix": _PREFIX, "older_than_s": older_than_s}
    question = _LEFT_BEHIND
    if engine.placement is not None:
        # Each node may have been spoken to.
        asked["cluster"] = engine.placement.cluster
        question = question.replace("system.tables", "clusterAllReplicas({cluster:String}, system.tables)")
        question += "SETTINGS skip_unavailable_shards = 1"
    for (name,) in rows(engine, question, asked):
        engine.execute(_DROP, {"table": name})


def _new_name(kind: str) -> str:
    return f"{_PREFIX}{kind}_{secrets.token_hex(8)}"


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
