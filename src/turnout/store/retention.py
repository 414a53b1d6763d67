"""What is personal in events past their time, taken out: who they were and where from, never that they were.

A workspace and a moment enter; what was done leaves. In events before the moment everything that came with the request
is cleared. Whoever has no event since is erased. Persons with an event since keep their id in all of their events, or
distinct recipients of a range over that moment would count them twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from turnout import sql
from turnout.errors import Overloaded
from turnout.store.engine import Engine, Parameters, Value, rows
from turnout.store.erasure import Erasure
from turnout.store.events import EventStore

_OLD_CONTEXT = sql.query("old_context")
_CLEAR_CONTEXT = sql.query("clear_context")
_GONE = sql.query("gone_recipients")
_GONE_COUNT = sql.query("gone_count")

#: Old events of one part of the persons, which bounds its memory and how long nothing else is stored.
PART_EVENTS = 2_000_000

Exclusively = Callable[[Callable[[], object]], None]


@dataclass(frozen=True)
class Expired:
    """`cleared` events lost what came with their requests; `recipients` were erased."""

    cleared: int = 0
    recipients: int = 0


class Retention:
    """Looks for what is past its time, and takes it out in parts, each of them run by `exclusively`."""

    def __init__(
        self, engine: Engine, events: EventStore, exclusively: Exclusively, *, part_events: int = PART_EVENTS
    ) -> None:
        self._engine = engine
        self._events = events
        self._erasure = Erasure(engine, events)
        self._exclusively = exclusively
        self._part_events = part_events

    def look(self, workspace: str, before_ms: int) -> Expired:
        """What `run` would do now."""
        recipients = 0
        parts = self._parts(workspace, before_ms)
        for part in range(parts):
            asked: dict[str, Value] = {"workspace": workspace, "before_ms": before_ms, "parts": parts, "part": part}
            counted = f"SELECT count() FROM ({_GONE}) SETTINGS max_execution_time = 3600"
            recipients += int(rows(self._engine, counted, asked)[0][0])
        return Expired(self._old_context(workspace, before_ms), recipients)

    def run(self, workspace: str, before_ms: int, is_wanted: Callable[[], bool] = lambda: True) -> Expired:
        """Take it out. What fails half way is done by the next run, and counts then. Overloaded, between two parts,
        once `is_wanted` says no."""
        cleared = self._old_context(workspace, before_ms)
        if cleared:
            parameters: Parameters = {"workspace": workspace, "before_ms": before_ms}
            self._exclusively(lambda: self._events.amend([(_CLEAR_CONTEXT, parameters)]))
        erased: list[int] = []
        parts = self._parts(workspace, before_ms)

        def take_out(part: int) -> None:
            asked: Parameters = {"before_ms": before_ms, "parts": parts, "part": part}
            erased.append(self._erasure.erase_all(workspace, _GONE, asked))

        for part in range(parts):
            if not is_wanted():
                raise Overloaded("the server is stopping, and the next run goes on", retry_after_s=5)
            self._exclusively(partial(take_out, part))
        return Expired(cleared, sum(erased))

    def _old_context(self, workspace: str, before_ms: int) -> int:
        return int(rows(self._engine, _OLD_CONTEXT, {"workspace": workspace, "before_ms": before_ms})[0][0])

    def _parts(self, workspace: str, before_ms: int) -> int:
        """How many parts the persons with old events are taken in; 0 where there are none."""
        ((old,),) = rows(self._engine, _GONE_COUNT, {"workspace": workspace, "before_ms": before_ms})
        return -(-int(old) // self._part_events)
