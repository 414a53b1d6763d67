"""Persons are forgotten: on demand, or once a workspace's time for them is over. The store does it, the rest is told.

An id, or a workspace, enters; what was changed leaves. Nothing is appended to the store meanwhile; what this process
acknowledged before is in it, and whoever keeps numbers or texts hears that these may be others now. What other
processes of a shared store have in their spools comes in afterwards as it is (docs/privacy.md).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from turnout.errors import TurnoutError
from turnout.model import Workspace
from turnout.services import Services
from turnout.store.erasure import Erasure
from turnout.store.replicas import all_there
from turnout.store.retention import Expired, Retention

log = logging.getLogger(__name__)

_DAY_MS = 86_400_000

#: The first look after a start leaves the start alone; later ones see whether a new day has begun.
_FIRST_LOOK_S, _LOOK_S = 60.0, 900.0


@dataclass(frozen=True)
class Erased:
    """`events` of the person were changed, and `mentions` of them in events of others; `letters` about them dropped."""

    events: int
    mentions: int
    letters: int


def erase(services: Services, workspace: str, recipient: str, *, keep_domain: bool = True) -> Erased:
    """Take a person out of a workspace. Blocks. A person who is not there is erased already: nothing is changed."""
    all_there(services.engine)
    services.writer.settle(workspace)
    erasure = Erasure(services.engine, services.events)
    found = erasure.find(workspace, recipient)
    is_there = bool(found.events or found.mentions)
    letters: list[int] = []

    def work() -> None:
        letters.append(erasure.drop_letters(workspace, recipient))
        if is_there:
            erasure.erase(workspace, recipient, keep_domain=keep_domain)
        else:
            erasure.finish()

    try:
        services.writer.exclusively(work)
    finally:
        services.writer.let_go()
        # Also where it failed: part of it may be done.
        if is_there:
            services.statistics.forget(workspace, found.campaigns)
    done = Erased(found.events, found.mentions, letters[0])
    if is_there or done.letters:
        services.telemetry.erased("request", 1)
        fields = {"workspace": workspace, "events": done.events, "mentions": done.mentions, "letters": done.letters}
        log.info("a person was erased", extra={"fields": fields})
    return done


def cut_ms(workspace: Workspace, now: datetime) -> int:
    """Where the time of what is personal ends for a workspace that has a limit, in epoch milliseconds."""
    return int(now.timestamp() * 1000) - workspace.retention_days * _DAY_MS


def retain(
    services: Services,
    workspace: Workspace,
    *,
    dry_run: bool = False,
    is_wanted: Callable[[], bool] = lambda: True,
) -> Expired:
    """Take out what is older than the workspace wants to keep; say what that would be if `dry_run`. Blocks.

    Overloaded once `is_wanted` says no; what is done until then stays done.
    """
    before_ms = cut_ms(workspace, services.now())
    if not workspace.retention_days or before_ms <= 0:
        return Expired()
    services.writer.settle(workspace.id)
    retention = Retention(services.engine, services.events, services.writer.exclusively)
    if dry_run:
        return retention.look(workspace.id, before_ms)
    all_there(services.engine)
    try:
        done = retention.run(workspace.id, before_ms, is_wanted)
    finally:
        services.writer.let_go()
        # Also where it failed: parts of it may be done.
        services.statistics.forget(workspace.id, services.events.campaigns(workspace.id))
    if done.cleared or done.recipients:
        services.telemetry.erased("retention", done.recipients, done.cleared)
        log.info(
            "what was past its time is out",
            extra={
                "fields": {
                    "workspace": workspace.id,
                    "days": workspace.retention_days,
                    "cleared": done.cleared,
                    "recipients": done.recipients,
                }
            },
        )
    return done


def finish(services: Services) -> None:
    """Go on with what a crash interrupted, once the store takes it.

    In a store that others use it may be under way there: then this waits for its end, and finds nothing left to do.
    """
    erasure = Erasure(services.engine, services.events)
    try:
        if services.fleet.is_shared and not erasure.is_interrupted():
            return
        services.writer.exclusively(lambda: _say(erasure.finish()))
    except TurnoutError as error:
        log.error("an erasure that was interrupted could not be ended yet: %s", error.message)


def _say(anything: bool) -> None:
    if anything:
        log.warning("ended an erasure that was interrupted")


class Daily:
    """A thread that runs every workspace's retention once a day of UTC, and shortly after a start. Of the processes
    that share a store the one that leads does.

    What it does is found by asking the store, so nothing has to be remembered: a second run finds nothing to do.
    """

    def __init__(
        self,
        services: Services,
        *,
        first_look_s: float = _FIRST_LOOK_S,
        look_s: float = _LOOK_S,
        run: Callable[..., object] = retain,
    ) -> None:
        self._services = services
        self._first_look_s = first_look_s
        self._look_s = look_s
        self._retain = run
        self._done: dict[str, tuple[date, int]] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="turnout-retention", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Stop looking; a part that is under way is ended first."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Run what is due: workspaces with a limit, once a day, and at once where the limit was changed."""
        try:
            if not self._services.fleet.leads():
                return
        except TurnoutError as error:
            log.warning("retention waits for the store: %s", error.message)
            return
        today = self._services.now().date()
        for workspace in self._services.catalog.workspaces():
            due = (today, workspace.retention_days)
            if self._closing.is_set() or not workspace.retention_days or self._done.get(workspace.id) == due:
                continue
            try:
                self._retain(self._services, workspace, is_wanted=lambda: not self._closing.is_set())
            except TurnoutError as error:
                # Tried again at the next look.
                log.warning("the retention of workspace %s could not be run: %s", workspace.id, error.message)
            except Exception:
                log.exception("the retention of workspace %s could not be run", workspace.id)
            else:
                self._done[workspace.id] = due
        try:
            self._services.dead_letters.expire()
        except TurnoutError as error:
            log.warning("old dead letters could not be dropped: %s", error.message)
        try:
            self._services.statistics.tidy()
        except TurnoutError as error:
            log.warning("credits that a process left behind could not be dropped: %s", error.message)

    def _run(self) -> None:
        wait_s = self._first_look_s
        while not self._closing.wait(wait_s):
            self.look()
            wait_s = self._look_s
