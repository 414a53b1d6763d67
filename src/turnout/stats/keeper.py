"""Counts distinct recipients before anybody asks, so that questions find them finished.

What was touched comes in; figures go into `Finished`. One thread asks one statement at a time, of one campaign after
another, for a share of the time, and only while the engine has a turn to spare. A campaign that keeps growing is
counted again after a rest that grows with what the count took. An error is logged and costs that campaign's turn.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial

from turnout.errors import TurnoutError
from turnout.model import EVENT_TYPES
from turnout.stats import calendar, plan
from turnout.stats.direct import Direct
from turnout.stats.finished import Finished
from turnout.stats.question import Filter, Question
from turnout.store.catalog import Catalog
from turnout.store.events import Cells

log = logging.getLogger(__name__)

#: Counting begins when nothing new has come for so long, or has come for so long without a pause.
_QUIET_S = 2.0
_PATIENCE_S = 30.0

#: A campaign is counted again no sooner than after so long, and so many times what it took.
_REST_S = 30.0
_REST_FACTOR = 20.0

#: For each second of counting, seconds without: while events come or questions are asked, and while nothing does.
_BUSY_PAUSE, _IDLE_PAUSE = 4.0, 0.5

#: So long after a question another may follow.
_ASKED_S = 5.0

#: How long `close` waits for a statement; one that takes longer ends with the engine.
_CLOSE_TIMEOUT_S = 1.0

#: Fewer events than this are counted in milliseconds when they are asked for.
_WORTH_EVENTS = 5_000

#: Instead of a campaign's id: all campaigns of the workspace together, which are counted last.
_ALL = "*all"

_UNIQUES = tuple(f"unique_{kind}" for kind in EVENT_TYPES)


class Keeper:
    """Keeps figures finished, from `start` until `close`.

    `spare` says whether the engine has a turn that questions don't need; `is_sound` whether the rollup is whole.
    """

    def __init__(
        self,
        direct: Direct,
        finished: Finished,
        catalog: Catalog,
        *,
        spare: Callable[[], bool] = lambda: True,
        is_sound: Callable[[], bool] = lambda: True,
        quiet_s: float = _QUIET_S,
        rest_s: float = _REST_S,
        worth_events: int = _WORTH_EVENTS,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        self._direct = direct
        self._finished = finished
        self._catalog = catalog
        self._spare = spare
        self._is_sound = is_sound
        self._quiet_s = quiet_s
        self._rest_s = rest_s
        self._worth_events = worth_events
        self._stopwatch = stopwatch
        self._changed = threading.Condition()
        self._closing = threading.Event()
        #: Since when campaigns wait, by workspace, and until when those rest that were counted.
        self._waiting: dict[str, dict[str, float]] = {}
        self._resting: dict[tuple[str, str], float] = {}
        self._touched_at = self._asked_at = float("-inf")
        self._is_counting = False
        self._thread = threading.Thread(target=self._run, name="turnout-keeper", daemon=True)

    def start(self) -> None:
        """Read what is kept, then count what is missing of every campaign."""
        self._thread.start()

    def touched(self, changes: Iterable[Cells]) -> None:
        """There are new events in these campaigns."""
        now = self._stopwatch()
        with self._changed:
            self._touched_at = now
            for cells in changes:
                mine = self._waiting.setdefault(cells.workspace, {})
                for name in (*cells.campaigns, _ALL):
                    mine.setdefault(name, now)
            self._changed.notify()

    def asked(self) -> None:
        """Somebody asks a question: the engine is wanted for other things."""
        self._asked_at = self._stopwatch()

    @property
    def waiting(self) -> int:
        """Campaigns that are still to be looked at."""
        with self._changed:
            return sum(map(len, self._waiting.values())) + self._is_counting

    def close(self) -> None:
        """Stop. A statement that is under way ends with the engine."""
        self._closing.set()
        with self._changed:
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(_CLOSE_TIMEOUT_S)

    def _run(self) -> None:
        self._guarded(self._begin)
        while (due := self._next()) is not None:
            self._guarded(partial(self._count, *due))
            self._guarded(self._save)
            with self._changed:
                self._is_counting = False
        # What questions have counted since.
        self._guarded(self._save)

    def _save(self) -> None:
        while self._finished.save():
            pass

    def _guarded(self, action: Callable[[], object]) -> None:
        try:
            action()
        except TurnoutError as error:
            # A store that is being closed fails too, and nobody needs to know.
            if not self._closing.is_set():
                log.warning("distinct recipients could not be counted ahead of questions: %s", error)
        except Exception:
            log.exception("distinct recipients could not be counted ahead of questions")

    def _begin(self) -> None:
        self._finished.load()
        now = self._stopwatch()
        for workspace in self._catalog.workspaces():
            names = [campaign.id for campaign in self._catalog.campaigns(workspace.id)]
            if names:
                with self._changed:
                    mine = self._waiting.setdefault(workspace.id, {})
                    for name in (*names, _ALL):
                        mine.setdefault(name, now)

    def _next(self) -> tuple[str, list[str]] | None:
        """Wait until campaigns of some workspace are due; None when closing."""
        with self._changed:
            while not self._closing.is_set():
                due = self._due(self._stopwatch())
                if due is not None:
                    self._is_counting = True
                    return due
                self._changed.wait(self._quiet_s / 4 if self._waiting else None)
        return None

    def _due(self, now: float) -> tuple[str, list[str]] | None:
        """A workspace and those of its campaigns that are due; they wait no longer."""
        self._resting = {one: until for one, until in self._resting.items() if until > now}
        is_quiet = now - self._touched_at >= self._quiet_s
        if not self._is_sound():
            return None
        for workspace, mine in self._waiting.items():
            names = [
                name
                for name, since in mine.items()
                if (workspace, name) not in self._resting and (is_quiet or now - since >= _PATIENCE_S)
            ]
            if names:
                # At the end next time: one busy workspace does not keep others waiting.
                del self._waiting[workspace]
                rest = {name: since for name, since in mine.items() if name not in set(names)}
                if rest:
                    self._waiting[workspace] = rest
                return workspace, sorted(names, key=lambda name: name == _ALL)
        return None

    def _count(self, workspace: str, names: list[str]) -> None:
        """Those of the campaigns that are worth it, one after another."""
        sizes = self._sizes(workspace)
        for name in names:
            began = self._stopwatch()
            if sizes.get(name, 0) >= self._worth_events:
                self._guarded(partial(self._count_campaign, workspace, name))
                self._guarded(self._save)
                now = self._stopwatch()
                with self._changed:
                    self._resting[workspace, name] = now + max(self._rest_s, _REST_FACTOR * (now - began))
            if self._closing.is_set():
                return

    def _sizes(self, workspace: str) -> dict[str, int]:
        """How many events each campaign has, and all together."""
        question = Question(workspace, ("events",), ("campaign",))
        offsets = calendar.offsets(question.timezone)
        found = self._direct.counted(question, plan.plan(question, offsets), offsets)
        if found is None:
            return {}
        sizes = {group[0]: sums.counts[0] for group, sums in found[1].groups.items()}
        return {**sizes, _ALL: sum(sizes.values())}

    def _count_campaign(self, workspace: str, name: str) -> None:
        """The distinct recipients of each type, of a campaign and of its days; of all together, without days."""
        timezone = self._catalog.workspace(workspace).timezone
        filters = () if name == _ALL else (Filter("campaign", (name,)),)
        for dimensions in ((),) if name == _ALL else ((), ("day",)):
            question = Question(workspace, _UNIQUES, dimensions, filters, timezone=timezone)
            offsets = calendar.offsets(timezone)
            if not self._pause(0):
                return
            began = self._stopwatch()
            for _ in self._direct.finishing(question, plan.plan(question, offsets), offsets):
                if not self._pause(self._stopwatch() - began):
                    return
                began = self._stopwatch()

    def _pause(self, took_s: float) -> bool:
        """Leave the engine to others; whether to go on."""
        now = self._stopwatch()
        is_busy = now - self._touched_at < _PATIENCE_S or now - self._asked_at < _ASKED_S
        stopped = self._closing.wait(took_s * (_BUSY_PAUSE if is_busy else _IDLE_PAUSE))
        while not stopped and not self._spare():
            stopped = self._closing.wait(0.05)
        return not stopped
