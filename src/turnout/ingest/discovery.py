"""Campaigns that came into a shared store past every Turnout process, as by ClickHouse's own Kafka engine.

The writer enters a campaign into the registry when its first event comes. Who writes into the table by other means
tells nobody, so the process that leads looks once in a while: at campaigns that the registry does not know, and at what
the events of the last days show of those that it does.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from turnout import sql
from turnout.errors import NotFound, TurnoutError
from turnout.store.catalog import Catalog
from turnout.store.engine import Engine, Value, rows
from turnout.store.fleet import Fleet
from turnout.store.sightings import Sighting

log = logging.getLogger(__name__)

_CAMPAIGNS = sql.query("discovered_campaigns")
_PARTS = sql.query("discovered_parts")

_LOOK_S = 60.0

#: What known campaigns show is read of events of this time before now; of new campaigns it is read of all.
_RECENT_S = 2 * 86_400

#: Campaigns of one question, and rows of its answer.
_CAMPAIGNS_AT_ONCE = 500
_ROWS_LIMIT = 100_000


class Discovery:
    """A thread that enters what it finds into the registry, in the one process that leads."""

    def __init__(
        self,
        engine: Engine,
        catalog: Catalog,
        fleet: Fleet,
        now: Callable[[], datetime],
        *,
        look_s: float = _LOOK_S,
    ) -> None:
        self._engine = engine
        self._catalog = catalog
        self._fleet = fleet
        self._now = now
        self._look_s = look_s
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="turnout-discovery", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Stop looking; a look that is under way is ended first."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Look once."""
        since_s = max(0, int(self._now().timestamp()) - _RECENT_S)
        found: dict[str, dict[str, int]] = {}
        for workspace, campaign, last_s in rows(self._engine, _CAMPAIGNS):
            found.setdefault(workspace, {})[campaign] = int(last_s)
        for workspace, lasts_s in found.items():
            try:
                self._catalog.workspace(workspace)
            except NotFound:
                # Rows of a workspace that nobody has made are nobody's.
                continue
            known = {name for name in lasts_s if self._catalog.has_campaign(workspace, name)}
            self._enter(workspace, [name for name in lasts_s if name not in known], 0)
            self._enter(workspace, [name for name in known if lasts_s[name] >= since_s], since_s)

    def _enter(self, workspace: str, campaigns: list[str], from_s: int) -> None:
        for names in _at_once(campaigns):
            asked: dict[str, Value] = {
                "workspace": workspace,
                "campaigns": names,
                "from_s": from_s,
                "limit": _ROWS_LIMIT,
            }
            self._catalog.observe(workspace, _sightings(rows(self._engine, _PARTS, asked)))

    def _run(self) -> None:
        while not self._closing.wait(self._look_s):
            try:
                if self._fleet.leads():
                    self.look()
            except TurnoutError as error:
                log.info("new campaigns could not be looked for: %s", error.message)
            except Exception:
                log.exception("new campaigns could not be looked for")


def _at_once(campaigns: list[str]) -> Iterator[list[str]]:
    for at in range(0, len(campaigns), _CAMPAIGNS_AT_ONCE):
        yield campaigns[at : at + _CAMPAIGNS_AT_ONCE]


def _sightings(found: Iterable[list[object]]) -> set[Sighting]:
    return {
        Sighting(str(campaign), str(channel), str(message), str(variation), bool(control))
        for campaign, channel, message, variation, control in found
    }
