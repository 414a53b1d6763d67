"""What can be known of the request behind an event: the program, the place, and who is human.

An event that says its `user_agent` or `ip` enters, and leaves with device, browser, operating system, country, and its
class of traffic with the reasons. What the sender has said stands.
"""

from __future__ import annotations

from typing import Any

from turnout.ingest.steps import Look
from turnout.model import Workspace
from turnout.settings import Settings


class Context:
    """Looks at events for every workspace, by the workspace's own lists."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def of(self, workspace: Workspace) -> Look:
        """What looks at this workspace's events."""
        return self._look

    def _look(self, event: Any, said: bool) -> None:
        if said and not event.rule_version:
            event.reasons = tuple({*event.reasons, "said"})
