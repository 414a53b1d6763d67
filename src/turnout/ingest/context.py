"""What can be known of the request behind an event: the program, the place, and who is human.

An event that says its `user_agent` or `ip` enters, and leaves with device, browser, operating system, country, and its
class of traffic with the reasons. What the sender has said stands. Last of all, the workspace's policy says what is
kept of the address.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from turnout.ingest import agents
from turnout.ingest.agents import agent
from turnout.ingest.deliveries import RECENT_S, Deliveries
from turnout.ingest.places import Place, Places
from turnout.ingest.traffic import CLASSIFIED, ONLINE_REASONS, RULE_VERSION, SOON_AFTER_DELIVERY_S, Allowed, classify
from turnout.model import Workspace
from turnout.settings import Settings

#: Workspaces whose lists are taken apart already.
_WORKSPACES_KEPT = 1024

#: Reasons that are found here, and those of them that no sender can give.
_NOT_THEIRS = frozenset({"said", "allowed"})
_OURS = ONLINE_REASONS | _NOT_THEIRS

_RECENT_US = RECENT_S * 1_000_000

#: Classes whose requests come from somebody else's machine: their place is not the recipient's.
_ELSEWHERE = frozenset({"proxy", "prefetch"})


class Context:
    """Looks at events for every workspace, by the workspace's own lists."""

    def __init__(self, settings: Settings) -> None:
        """InvalidInput if a database of places can't be read."""
        self.places = Places(settings.mmdb)
        self.deliveries = Deliveries()
        self._looks = lru_cache(maxsize=_WORKSPACES_KEPT)(self._look)

    def of(self, workspace: Workspace) -> Looking:
        """What looks at this workspace's events."""
        return self._looks(workspace)

    def _look(self, workspace: Workspace) -> Looking:
        return Looking(workspace, self.places, self.deliveries)

    def warm(self) -> None:
        """Get ready for the first event, off everybody's way: half a second."""
        agents.warm()

    def close(self) -> None:
        """Close the databases of places."""
        self.places.close()


class Looking:
    """Looks at the events of one workspace, as its settings are. Called with each event and whether its class of
    traffic is the sender's word."""

    def __init__(self, workspace: Workspace, places: Places, deliveries: Deliveries) -> None:
        self._workspace = workspace.id
        self._policy = workspace.addresses
        self._places = places
        self._deliveries = deliveries
        listed = workspace.allow_agents or workspace.allow_networks
        self._allowed = Allowed.of(workspace.allow_agents, workspace.allow_networks) if listed else None

    def __call__(self, event: Any, said: bool) -> None:
        """Fill in what the event does not say; it is a `model.Event`, or has the fields of one."""
        said = said and not event.rule_version
        is_request = bool(event.user_agent or event.ip)
        if said and not is_request and not event.reasons:
            # There is nothing for rules to look at.
            event.reasons = ("said",)
            return
        program = agent(event.user_agent)
        kind = event.type
        reasons = event.reasons
        if reasons:
            # Without a request there is nothing to find them by again.
            ours = _OURS if is_request else _NOT_THEIRS
            # Each once: with more than an event may have, it could not be read back from the spool.
            reasons = tuple([name for name in dict.fromkeys(reasons) if name not in ours])
        if is_request and kind in CLASSIFIED:
            reasons += program.reasons
            if kind in SOON_AFTER_DELIVERY_S and "soon_after_delivery" not in reasons and self._is_soon(event):
                reasons += ("soon_after_delivery",)
            if self._allowed is not None and self._allowed.covers(event.user_agent, event.ip):
                reasons += ("allowed",)
        if said:
            reasons += ("said",)
        else:
            event.traffic = classify(kind, reasons) if reasons else "human"
        event.reasons = reasons
        event.rule_version = RULE_VERSION
        place = None
        if event.ip:
            full, truncated, place = self._places.seen(event.ip)
            event.ip = full if self._policy == "full" else truncated if self._policy == "truncated" else ""
        self._describe(event, program, place)

    def _is_soon(self, event: Any) -> bool:
        return self._deliveries.is_soon(
            self._workspace, event.type, event.campaign, event.message, event.recipient, event.time
        )

    def _describe(self, event: Any, program: agents.Agent, place: Place | None) -> None:
        """Program, device and place, where the event leaves them open and they are the recipient's."""
        if program.browser and not event.browser:
            is_mail = program.in_view and event.type == "opened" and event.channel in ("", "email")
            # On a phone, what shows a message in a view of its own is its mail program.
            event.browser = "Apple Mail" if is_mail else program.browser
            event.browser_version = event.browser_version or program.browser_version
        if event.traffic in _ELSEWHERE or "mail_proxy" in program.reasons:
            return
        event.device = event.device or program.device
        event.os = event.os or program.os
        # A program that hides what it is mostly hides where it is, too.
        if place is not None and "bare_agent" not in program.reasons:
            event.country = event.country or place.country
            event.city = event.city or place.city
            event.network = event.network or place.network

    def delivered(self, event: Any, received_us: int) -> None:
        """Remember a delivery, if it is of now."""
        if event.recipient and event.time > received_us - _RECENT_US:
            self._deliveries.note(self._workspace, event.campaign, event.message, event.recipient, event.time)

    def delivered_in_bulk(self, of: Iterable[tuple[str | None, str | None, str | None, int]]) -> None:
        """Remember deliveries of now: campaign, message, recipient and time of each."""
        self._deliveries.note_all(self._workspace, of)
