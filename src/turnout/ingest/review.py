"""Looks again at what has just come in: who is human may show only in what comes next.

What the drain has stored enters; `Reclassifier` does the work. One thread, for a small share of the time: a campaign is
looked at some seconds after its first new event, with all that came until then, and then there is a rest that grows
with what the look took. Only events of the last day are looked at, and only if the rules have seen them when they came:
history that is imported, and events without anything of a request, cost the test of one number a batch.

While a look can't be had (another process is at it, a replica of the store is away) what waits goes on waiting, up to a
day; it is tried less and less often, and the log has a line when that begins and one when it is over.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from turnout.errors import Overloaded, StoreError, TurnoutError
from turnout.ingest.reclassify import MARGIN_MS, Reclassifier
from turnout.store.catalog import Catalog
from turnout.store.events import Cells

log = logging.getLogger(__name__)

#: Events that are older when they come in are history: `turnout reclassify` is for them.
RECENT_S = 86_400

#: After a start, what came in so long before, and may not have been looked at.
_MISSED_S = 3_600

#: For each second of looking, seconds without.
_REST_FACTOR = 10.0

#: After a look that failed the next is tried in twice as long as the last time, up to this.
_RETRY_LIMIT_S = 300.0

#: Campaigns that wait at once. Past it, a workspace waits as a whole.
_WAITING_LIMIT = 10_000

#: Campaigns of one look.
_CAMPAIGNS_AT_ONCE = 1_000

#: How long `close` waits for a look to end; the engine ends what takes longer.
_CLOSE_TIMEOUT_S = 30.0

#: Instead of a campaign's id: every campaign of the workspace.
_ALL = "*all"


@dataclass(frozen=True)
class _Waiting:
    since: float
    first_ms: int
    last_ms: int

    def with_(self, first_ms: int, last_ms: int) -> _Waiting:
        return _Waiting(self.since, min(self.first_ms, first_ms), max(self.last_ms, last_ms))


class Reviewer:
    """Looks again, from `start` until `close`: `delay_s` after an event, or later.

    `spare` says whether the engine has a turn that questions don't need.
    """

    def __init__(
        self,
        reclassifier: Reclassifier,
        catalog: Catalog,
        now: Callable[[], datetime],
        *,
        delay_s: float,
        spare: Callable[[], bool] = lambda: True,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reclassifier = reclassifier
        self._catalog = catalog
        self._now = now
        self._delay_s = delay_s
        self._spare = spare
        self._stopwatch = stopwatch
        self._changed = threading.Condition()
        self._closing = threading.Event()
        #: By workspace and campaign.
        self._waiting: dict[str, dict[str, _Waiting]] = {}
        self._count = 0
        self._is_looking = False
        self._failures = 0
        self._trouble = ""
        self._thread = threading.Thread(target=self._run, name="turnout-review", daemon=True)

    def start(self) -> None:
        """Begin with what came in before the last stop."""
        self._thread.start()

    def touched(self, classified: Iterable[Cells]) -> None:
        """These have new events that the rules have looked at. Called where events are stored, so it is quick."""
        earliest_ms = self._recent_ms(RECENT_S)
        now = self._stopwatch()
        with self._changed:
            for cells in classified:
                if cells.to_ms <= earliest_ms:
                    continue
                first, last = max(cells.from_ms, earliest_ms), cells.to_ms
                self._remember(cells.workspace, cells.campaigns, _Waiting(now, first, last))
            self._changed.notify()

    @property
    def waiting(self) -> int:
        """Campaigns that are still to be looked at."""
        with self._changed:
            return self._count + self._is_looking

    def close(self) -> None:
        """Stop, at the end of a piece of work."""
        self._closing.set()
        with self._changed:
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(_CLOSE_TIMEOUT_S)

    def _recent_ms(self, seconds: int) -> int:
        return int((self._now().timestamp() - seconds) * 1000)

    def _remember(self, workspace: str, campaigns: Iterable[str], new: _Waiting) -> None:
        mine = self._waiting.setdefault(workspace, {})
        for name in (_ALL,) if _ALL in mine else campaigns:
            known = mine.get(name)
            mine[name] = known.with_(new.first_ms, new.last_ms) if known else new
            self._count += known is None
        if self._count > _WAITING_LIMIT:
            self._count -= len(mine) - 1
            whole = new
            for one in mine.values():
                whole = one.with_(whole.first_ms, whole.last_ms)
            self._waiting[workspace] = {_ALL: whole}

    # ---- the thread -----------------------------------------------------------------------------------

    def _run(self) -> None:
        self._guarded(self._begin)
        while (due := self._next()) is not None:
            began = self._stopwatch()
            self._guarded(partial(self._look, *due))
            with self._changed:
                self._is_looking = False
            rest_s = _REST_FACTOR * (self._stopwatch() - began)
            if self._closing.wait(max(rest_s, self._retry_after_s())):
                return

    def _retry_after_s(self) -> float:
        return min(_RETRY_LIMIT_S, self._delay_s * 2.0 ** min(self._failures, 30)) if self._failures else 0.0

    def _begin(self) -> None:
        """What may have been left unseen by the last run."""
        since_ms = self._recent_ms(_MISSED_S)
        for workspace in self._catalog.workspaces():
            names = self._reclassifier.classified_since(workspace.id, since_ms, limit=_WAITING_LIMIT)
            if names:
                self.touched([Cells(workspace.id, tuple(names), since_ms, self._recent_ms(-MARGIN_MS // 1000))])

    def _next(self) -> tuple[str, tuple[str, ...], int, int] | None:
        """Wait until campaigns of a workspace are due; None when closing."""
        while not self._closing.is_set():
            with self._changed:
                if not self._waiting:
                    self._changed.wait()
                    continue
                due = self._due(self._stopwatch()) if self._spare() else None
                if due is not None:
                    self._is_looking = True
                    return due
            self._closing.wait(min(1.0, self._delay_s / 4))
        return None

    def _due(self, now: float) -> tuple[str, tuple[str, ...], int, int] | None:
        """A workspace, those of its campaigns that are due, and the time to look at; they wait no longer."""
        for workspace, mine in self._waiting.items():
            names = [name for name, one in mine.items() if now - one.since >= self._delay_s][:_CAMPAIGNS_AT_ONCE]
            if not names:
                continue
            chosen = [mine.pop(name) for name in names]
            self._count -= len(names)
            # At the end next time: one busy workspace does not keep others waiting.
            del self._waiting[workspace]
            if mine:
                self._waiting[workspace] = mine
            first, last = min(one.first_ms for one in chosen), max(one.last_ms for one in chosen)
            return workspace, () if _ALL in names else tuple(names), first, last
        return None

    def _look(self, workspace: str, campaigns: tuple[str, ...], first_ms: int, last_ms: int) -> None:
        # What is new may say something of what came shortly before it.
        cells = Cells(workspace, campaigns, first_ms - MARGIN_MS, last_ms + MARGIN_MS)
        try:
            report = self._reclassifier.run(
                self._catalog.workspace(workspace), cells, is_wanted=lambda: not self._closing.is_set()
            )
        except (Overloaded, StoreError):
            # What a day was not enough for is history by now.
            if last_ms > self._recent_ms(RECENT_S):
                with self._changed:
                    self._remember(workspace, campaigns or (_ALL,), _Waiting(self._stopwatch(), first_ms, last_ms))
            raise
        if report.classes:
            log.debug("%d events are of another class after a second look", sum(report.classes.values()))

    def _guarded(self, action: Callable[[], object]) -> None:
        try:
            action()
        except TurnoutError as error:
            self._failures += 1
            # A store that is being closed fails too, and nobody needs to know.
            if not self._closing.is_set() and error.message != self._trouble:
                log.warning("events could not be classified a second time: %s", error)
                self._trouble = error.message
        except Exception:
            self._failures += 1
            log.exception("events could not be classified a second time")
        else:
            self._failures = 0
            if self._trouble:
                log.info("events are classified a second time again")
                self._trouble = ""
