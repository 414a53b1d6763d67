"""The thread that makes scheduled reports when they are due.

**At least once.** That a due time is dealt with is noted, durably, after its reports were delivered. If the server dies
in between they are delivered again: files under the same names, the mail with the same Message-ID, which mail programs
show once. The other order would lose reports, and nobody would know.

Of the processes that share a store one makes reports, the one that leads. It reads how far schedules have come before
it begins, so what another one has delivered and noted is not delivered again; one that died before it noted that is
the case above.

Of due times that were missed while the server was down only the last is made up for. What fails is tried again, later
and later, until it is given up or the next time is due.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Callable
from typing import Any

from turnout.errors import InvalidInput, NotFound, TurnoutError
from turnout.reports import delivery
from turnout.reports.mail import MailServer, NotSent
from turnout.reports.schedule import moment_due
from turnout.services import Services
from turnout.store.schedules import Attempt, ReportRun, Schedule

log = logging.getLogger(__name__)

#: How often it is looked what is due; that is a look at what is in memory.
_LOOK_S = 1.0

#: How long what could not be written down is only in memory before that is tried again.
NOTED_AGAIN_AFTER_S = 60

#: How long after each attempt the next one is made; after the last, it is given up.
RETRIES_AFTER_S = (60, 300, 900, 3600, 3 * 3600)


class Runner:
    """Works through what is due, one schedule after the other. What it does not end is done after the next start."""

    def __init__(
        self,
        services: Services,
        server: MailServer | None,
        *,
        look_s: float = _LOOK_S,
        run: Callable[[Services, MailServer | None, Schedule, dt.datetime], ReportRun] = delivery.run,
    ) -> None:
        self._services = services
        self._server = server
        self._look_s = look_s
        self._deliver = run
        #: What became of schedules and could not be written down, by their ids, and when that is tried again. Without
        #: it a full disk would have the same mail sent every second.
        self._unnoted: dict[str, tuple[dt.datetime, dict[str, Any]]] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="turnout-reports", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Stop looking; a run that is under way is ended first, if that doesn't take too long."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(self._services.settings.shutdown_timeout_s)

    def look(self, workspace: str = "") -> None:
        """Make what is due; of one workspace if it is named."""
        if self._services.fleet.is_shared and not self._may_make():
            return
        there = self._services.catalog.schedules.everywhere()
        for gone in self._unnoted.keys() - {one.id for one in there}:
            del self._unnoted[gone]
        for schedule in there:
            if self._closing.is_set():
                return
            if workspace not in ("", schedule.workspace):
                continue
            # Who was silent for long may have lost the lead meanwhile.
            if self._services.fleet.is_shared and self._is_due(schedule) and not self._may_make():
                return
            self._look_at(schedule)

    def _may_make(self) -> bool:
        """Whether something is to be done here; asks the store only where something is due."""
        try:
            if not any(self._is_due(one) for one in self._services.catalog.schedules.everywhere()):
                return False
            if not self._services.fleet.leads():
                return False
            self._services.catalog.refresh()
        except TurnoutError as error:
            log.warning("scheduled reports wait for the store: %s", error.message)
            return False
        return True

    def _is_due(self, schedule: Schedule) -> bool:
        try:
            return schedule.id in self._unnoted or self._moment(schedule) is not None
        except NotFound:
            return False

    def _moment(self, schedule: Schedule) -> dt.datetime | None:
        timezone = self._services.catalog.workspace(schedule.workspace).timezone
        return moment_due(schedule, timezone, self._services.now())

    def _look_at(self, schedule: Schedule) -> None:
        try:
            again_at, unnoted = self._unnoted.get(schedule.id, (None, {}))
            if again_at is not None:
                if self._services.now() >= again_at:
                    self._note(schedule, **unnoted)
                return
            # While others were made it was changed, perhaps, or removed.
            schedule = self._services.catalog.schedules.get(schedule.workspace, schedule.id)
            moment = self._moment(schedule)
            if moment is not None:
                self._make(schedule, moment)
        except NotFound:
            log.info("scheduled report %s was removed meanwhile", schedule.id)
        except TurnoutError as error:
            log.warning("scheduled report %s could not be ended: %s", schedule.id, error.message)
        except Exception:
            log.exception("scheduled report %s could not be ended", schedule.id)

    def _make(self, schedule: Schedule, moment: dt.datetime) -> None:
        try:
            ended = self._deliver(self._services, self._server, schedule, moment)
        except NotSent as error:
            self._failed(schedule, moment, error.words, is_final=error.is_final)
        except TurnoutError as error:
            self._failed(schedule, moment, error.message, is_final=isinstance(error, InvalidInput))
        except OSError as error:
            self._failed(schedule, moment, f"the folder: {error.strerror or type(error).__name__}", is_final=False)
        except Exception:
            log.exception("scheduled report %s failed", schedule.id)
            self._failed(schedule, moment, "something is wrong; the server's log says what", is_final=False)
        else:
            log.info("scheduled report %s: %s", schedule.id, ended.outcome, extra=_fields(schedule, ended.words))
            self._end(schedule, moment, ended)

    def _failed(self, schedule: Schedule, moment: dt.datetime, words: str, *, is_final: bool) -> None:
        before = schedule.attempt if schedule.attempt is not None and schedule.attempt.moment == moment else None
        count = 1 if before is None else before.count + 1
        now = self._services.now()
        log.warning("scheduled report %s was not delivered", schedule.id, extra=_fields(schedule, words))
        if is_final or count > len(RETRIES_AFTER_S):
            self._end(schedule, moment, ReportRun(moment=moment, ended_at=now, outcome="failed", words=words))
            return
        later = now + dt.timedelta(seconds=RETRIES_AFTER_S[count - 1])
        attempt = Attempt(moment=moment, count=count, next_at=later, words=words)
        # A moment that was asked for stays asked for; a due time was made for whoever asked meanwhile.
        asked_at = schedule.asked_at if schedule.asked_at == moment else None
        self._note(schedule, attempt=attempt, asked_at=asked_at)

    def _end(self, schedule: Schedule, moment: dt.datetime, ended: ReportRun) -> None:
        """Note that a moment is dealt with: a due time, or the one that somebody asked for."""
        settled_at = schedule.settled_at if moment == schedule.asked_at else moment
        self._note(schedule, attempt=None, asked_at=None, settled_at=settled_at, last=ended)

    def _note(self, schedule: Schedule, **changes: Any) -> None:
        """Write down how far it has come. While that fails nothing else is done with it, as nobody would know."""
        again_at = self._services.now() + dt.timedelta(seconds=NOTED_AGAIN_AFTER_S)
        self._unnoted[schedule.id] = again_at, changes
        self._services.catalog.schedules.change(schedule, **changes)
        del self._unnoted[schedule.id]

    def _run(self) -> None:
        while not self._closing.wait(self._look_s):
            self.look()


def _fields(schedule: Schedule, words: str) -> dict[str, object]:
    return {"fields": {"workspace": schedule.workspace, "schedule": schedule.id, "words": words}}
