"""What recipients did after a campaign touched them, credited to it: asked for, filled, kept, and known to be stale.

A workspace's campaigns and kinds of credit go in; the fills that hold them come out. A fill is the credits of
one campaign and kind, made once by `queries/credit.sql`. It is right until the campaign gets events, or
behaviours come that its touches could reach; then the next question fills it anew. Where processes share a store each
makes its own fills, and they are right while the version of the workspace's data is the same. What each kind means is
docs/attribution.md.
"""

from __future__ import annotations

import contextlib
import math
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, datetime

from turnout import sql
from turnout.errors import TurnoutError
from turnout.model import BEHAVIOURS, EVENT_TYPES, Campaign, Workspace
from turnout.stats.behaviours import Behaviours
from turnout.stats.plan import Held
from turnout.stats.versions import Version
from turnout.store.engine import Engine, Value, rows
from turnout.store.events import Cells

_CREDIT = sql.query("credit")
_TOUCHED = sql.query("touched")

_ALL_TYPES = frozenset(EVENT_TYPES)

#: Fills kept at once; the least recently asked for go first.
KEPT_FILLS = 2000

#: How long what is kept may take to be dropped at the end.
_CLOSE_TIMEOUT_S = 5.0

#: Touches that one statement takes in; more recipients are taken in several parts, which bounds its memory.
_PART_TOUCHES = 2_000_000

#: Whoever was dormant and opens the app within this time after a message is reengaged.
_REENGAGED_WITHIN_MS = 3 * 86_400_000

#: The engine's times end here.
_LAST_MS = 4_102_444_800_000

#: In a shared store a fill is used no longer, and one that is there so much later was left behind.
_FILL_LIFE_S = 3600.0
_LEFT_BEHIND_S = 2 * 86_400.0

#: Of the number of a fill there; the higher ones are its second.
_CHANCE_BITS = 30

_OLD_FILLS = "SELECT DISTINCT fill FROM credits WHERE fill < {before:UInt64} ORDER BY fill LIMIT {limit:UInt32}"

Traffic = tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """What is credited: `event`s (of that `name`) within `window_ms` after a touch.

    `every` one of them, or the first of each touch that no `bar` event (of that `goal`) belongs to, and whose
    recipient had done none within `quiet_ms` before it. They name the campaign (`own`), or none (`nameless`).
    """

    kind: str
    event: str
    touches: tuple[str, ...]
    window_ms: int
    name: str = ""
    own: bool = True
    nameless: bool = True
    every: bool = False
    bar: str = ""
    goal: int = 0
    quiet_ms: int = 0


def rule(kind: str, campaign: Campaign, workspace: Workspace) -> Rule | None:
    """The rule of a kind of credit (`goal_0` … `goal_3`, `value`, `revenue`, `influenced`, `reengaged`) for a
    campaign; None where it has no such goal."""
    if kind == "influenced":
        return Rule(kind, "app_opened", ("sent",), workspace.influence_window_s * 1000, bar="opened")
    if kind == "reengaged":
        return Rule(kind, "app_opened", ("sent",), _REENGAGED_WITHIN_MS, quiet_ms=workspace.dormant_s * 1000)
    index = int(kind.removeprefix("goal_")) if kind.startswith("goal_") else 0
    if index >= len(campaign.goals):
        return None
    goal = campaign.goals[index]
    # The control group is touched by being put in it.
    touches, window_ms = tuple(dict.fromkeys((goal.after, "enrolled"))), goal.window_s * 1000
    if kind == "revenue":
        return Rule(kind, "purchased", touches, window_ms, own=False, every=True)
    if goal.event == "converted":
        return None
    nameless = goal.event in BEHAVIOURS
    if kind == "value":
        return Rule(kind, goal.event, touches, window_ms, goal.name, nameless=nameless, every=True)
    return Rule(kind, goal.event, touches, window_ms, goal.name, nameless=nameless, bar="converted", goal=index)


@dataclass(frozen=True)
class _Key:
    workspace: str
    campaign: str
    rule: Rule
    traffic: Traffic


@dataclass(frozen=True)
class _Reach:
    """When a campaign touched, and how often; and of which types it has events at all."""

    first_ms: int = 0
    last_ms: int = 0
    touches: int = 0
    types: frozenset[str] = frozenset()


@dataclass
class _Fill:
    """`id` is 0 where nothing can be credited. Of behaviours, only those up to `until_ms` make it stale; where the
    store is shared, whatever is not of `version`, or was made more than `_FILL_LIFE_S` ago."""

    id: int
    campaign_version: int
    behaviours: int
    until_ms: int
    reach: _Reach
    version: Version | None = None
    made_s: float = 0.0
    leases: int = 0
    superseded: bool = False


@dataclass
class _Slot:
    """Where the fill of a key is; one thread at a time makes it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    fill: _Fill | None = None


class Credits:
    """Fills credits when they are asked for. Safe to call from any thread.

    `alone`: nobody else writes to the store. Otherwise the number of a fill says when it was made, by the clock `now`,
    so that what a process has left behind when it died can be told from what others use.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        alone: bool = True,
        now: Callable[[], datetime] = lambda: datetime.fromtimestamp(0, UTC),
    ) -> None:
        self._engine = engine
        self._alone = alone
        self._now_s: Callable[[], float] = lambda: now().timestamp()
        self._lock = threading.Lock()
        self._slots: OrderedDict[_Key, _Slot] = OrderedDict()
        self._versions: dict[tuple[str, str], int] = {}
        self._behaviours: dict[str, Behaviours] = {}
        self._last_id = 0
        if alone:
            engine.execute("TRUNCATE TABLE credits")

    def touched(self, changes: Iterable[Cells]) -> None:
        """There are new events in these campaigns and times."""
        with self._lock:
            for cells in changes:
                for name in cells.campaigns:
                    if name:
                        self._versions[cells.workspace, name] = self._versions.get((cells.workspace, name), 0) + 1
                    else:
                        self._behaviours.setdefault(cells.workspace, Behaviours()).add(cells.from_ms)

    def forget(self, workspace: str) -> None:
        """Events of a workspace were changed: drop all of its fills, at once where nobody reads them. Blocks."""
        with self._lock:
            gone = [self._slots.pop(key) for key in list(self._slots) if key.workspace == workspace]
        for slot in gone:
            if slot.fill is not None:
                self._retire(slot.fill)

    def close(self) -> None:
        """Leave little behind in a store that others use: what can be dropped in some seconds; who leads drops the rest
        one day. Alone, the next start drops all at once."""
        until = time.monotonic() + _CLOSE_TIMEOUT_S
        for slot in () if self._alone else list(self._slots.values()):
            if slot.fill is not None and time.monotonic() < until:
                with contextlib.suppress(TurnoutError):
                    self._retire(slot.fill)

    def drop_left_behind(self) -> int:
        """Drop the fills of processes that died before they could; returns how many those were. Blocks."""
        before = _numbered(self._now_s() - _LEFT_BEHIND_S)
        left = [int(fill) for (fill,) in rows(self._engine, _OLD_FILLS, {"before": before, "limit": KEPT_FILLS})]
        for fill in left:
            self._drop(fill)
        return len(left)

    @contextlib.contextmanager
    def held(
        self,
        workspace: Workspace,
        campaigns: Sequence[Campaign],
        kinds: Iterable[str],
        traffic: Traffic,
        helpers: Executor,
        version: Version | None = None,
        *,
        only: bool = False,
    ) -> Iterator[Held]:
        """The fills of these kinds for these campaigns; they stay as they are until the block ends.

        `version` is that of the workspace's data; without one, where the store is shared, they are the question's own.
        `only`: the question is about no other campaigns.
        """
        version = version if version is not None and version.is_sound else None
        keys = [
            _Key(workspace.id, campaign.id, found, traffic)
            for kind in sorted(kinds)
            for campaign in campaigns
            if (found := rule(kind, campaign, workspace)) is not None
        ]
        prepared = self._prepared(keys, version)
        leases = [helpers.submit(self._lease, key, prepared, version) for key in keys]
        try:
            fills = [lease.result() for lease in leases]
            known = only and {key.campaign for key in keys} == {campaign.id for campaign in campaigns}
            yield Held(
                tuple(fill.id for fill in fills if fill.id),
                frozenset(key.rule.kind for key in keys),
                _ALL_TYPES.difference(*(fill.reach.types for fill in fills)) if known and fills else frozenset(),
            )
        finally:
            for lease in leases:
                if lease.exception() is None:
                    self._release(lease.result())

    def _prepared(self, keys: Sequence[_Key], version: Version | None) -> dict[_Key, _Fill]:
        """What the fills of those keys that have none will be right for, and what they have to look at.

        The state is read first: what comes while a fill is made, makes it stale.
        """
        with self._lock:
            missing = [key for key in keys if self._fresh(key, version) is None]
            states = {key: self._state(key) for key in missing}
        reaches = self._reaches(missing)
        made_s = 0.0 if self._alone else self._now_s()
        found = {}
        for key in missing:
            reach = reaches[key]
            until_ms = reach.last_ms + key.rule.window_ms if reach.touches else 0
            found[key] = _Fill(0, *states[key], until_ms, reach, version, made_s)
        return found

    def _state(self, key: _Key) -> tuple[int, int]:
        behaviours = self._behaviours.get(key.workspace)
        return self._versions.get((key.workspace, key.campaign), 0), behaviours.count if behaviours else 0

    def _fresh(self, key: _Key, version: Version | None) -> _Fill | None:
        """The fill of a key, if it is still right."""
        slot = self._slots.get(key)
        fill = slot.fill if slot is not None else None
        if fill is None or fill.superseded:
            return None
        if not self._alone:
            is_young = 0 <= self._now_s() - fill.made_s < _FILL_LIFE_S
            return fill if is_young and version is not None and fill.version == version else None
        campaign_version, _ = self._state(key)
        behaviours = self._behaviours.get(key.workspace)
        reached = (
            key.rule.nameless and behaviours is not None and behaviours.earliest_since(fill.behaviours) <= fill.until_ms
        )
        return None if fill.campaign_version != campaign_version or reached else fill

    def _lease(self, key: _Key, prepared: dict[_Key, _Fill], version: Version | None) -> _Fill:
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
        with slot.lock:
            with self._lock:
                fill = self._fresh(key, version)
                if fill is not None:
                    fill.leases += 1
                    return fill
            fill = prepared.get(key) or self._prepared([key], version)[key]
            self._make(key, fill)
            with self._lock:
                before, slot.fill = slot.fill, fill
                # A slot may have had to go while its fill was made; then nobody else will find it.
                is_own = not self._alone and fill.version is None
                fill.leases, fill.superseded = 1, is_own or self._slots.get(key) is not slot
            if before is not None:
                self._retire(before)
        self._bound()
        return fill

    def _make(self, key: _Key, fill: _Fill) -> None:
        """Fill: the recipients of a campaign at once, or in parts."""
        reach, found = fill.reach, key.rule
        if not reach.touches:
            return
        with self._lock:
            self._last_id += 1
            fill.id = self._last_id if self._alone else _numbered(fill.made_s) | secrets.randbits(_CHANCE_BITS)
        parts = math.ceil(reach.touches / _PART_TOUCHES)
        parameters: dict[str, Value] = {
            "fill": fill.id,
            "kind": found.kind,
            "workspace": key.workspace,
            "campaign": key.campaign,
            "touches": found.touches,
            "sends": found.touches[0] in ("sent", "enrolled"),
            "event": found.event,
            "name": found.name,
            "named": (*(("",) if found.nameless else ()), *((key.campaign,) if found.own else ())),
            "every": found.every,
            "bar": found.bar,
            "goal": found.goal,
            "window": found.window_ms,
            "quiet": found.quiet_ms,
            "traffic": key.traffic,
            "from": max(0, reach.first_ms - found.quiet_ms),
            "to": min(_LAST_MS, reach.last_ms + found.window_ms),
            "parts": parts,
        }
        try:
            for part in range(parts):
                self._engine.derive(_CREDIT, {**parameters, "part": part})
        except BaseException:
            # Parts of it may be there, and nobody will ever name them.
            with contextlib.suppress(TurnoutError):
                self._drop(fill.id)
            raise

    def _reaches(self, keys: Sequence[_Key]) -> dict[_Key, _Reach]:
        """When, and how often, each key's touches were; one question for all of them."""
        by_campaign: dict[tuple[str, str], list[tuple[str, int, int, int]]] = {}
        for workspace in {key.workspace for key in keys}:
            names = tuple({key.campaign for key in keys if key.workspace == workspace})
            asked: dict[str, Value] = {"workspace": workspace, "campaigns": names}
            for name, kind, first, last, touches in rows(self._engine, _TOUCHED, asked):
                by_campaign.setdefault((workspace, name), []).append((kind, int(first), int(last), int(touches)))
        return {key: _reach(by_campaign.get((key.workspace, key.campaign), ()), key.rule.touches) for key in keys}

    def _release(self, fill: _Fill) -> None:
        with self._lock:
            fill.leases -= 1
        if fill.superseded:
            self._retire(fill)

    def _retire(self, fill: _Fill) -> None:
        """Never give out a fill again; drop it once nobody reads it."""
        with self._lock:
            fill.superseded = True
            gone = fill.id if not fill.leases else 0
            fill.id = 0 if gone else fill.id
        if gone:
            self._drop(gone)

    def _drop(self, fill: int) -> None:
        self._engine.derive("ALTER TABLE credits DROP PARTITION {fill:UInt64}", {"fill": fill})

    def _bound(self) -> None:
        """Let the least recently asked for go where there are too many."""
        with self._lock:
            over = [self._slots.popitem(last=False)[1] for _ in range(len(self._slots) - KEPT_FILLS)]
        for slot in over:
            if slot.fill is not None:
                self._retire(slot.fill)


def _numbered(moment_s: float) -> int:
    """The first number of a fill that is made at this moment; chance makes the lower bits."""
    return max(0, int(moment_s)) << _CHANCE_BITS


def _reach(seen: Sequence[tuple[str, int, int, int]], touches: Sequence[str]) -> _Reach:
    types = frozenset(kind for kind, *_ in seen)
    mine = [one for one in seen if one[0] in touches]
    if not mine:
        return _Reach(types=types)
    return _Reach(min(one[1] for one in mine), max(one[2] for one in mine), sum(one[3] for one in mine), types)
