"""Messages that were delivered a moment ago, to tell what follows too soon to be a person's doing.

Deliveries enter as they are taken in; whether an open or click follows one within seconds leaves. A memory of bounded
size and of this process alone: what it has forgotten, or was told too late, the rules over stored events find.
"""

from __future__ import annotations

from collections.abc import Iterable

from turnout.ingest.traffic import SOON_AFTER_DELIVERY_S, SOON_SKEW_S

#: Types that say when a message reached its recipient; of a pair, the later one is believed.
DELIVERING = frozenset({"sent", "delivered"})

#: Deliveries that are remembered: the youngest half of them always, the others until that half is full. About 150
#: bytes each.
DELIVERIES_KEPT = 131_072

#: Of a large batch, the last deliveries that are remembered. Each takes half a microsecond, where the way in of an
#: event in bulk takes six; and whoever sends so many at once learns of opens and clicks later, too.
SAMPLED_OF_BATCH = 1024

#: A delivery older than this when it comes in has nothing left to tell.
RECENT_S = 120

_SOON_US = {kind: seconds * 1_000_000 for kind, seconds in SOON_AFTER_DELIVERY_S.items()}
_SKEW_US = SOON_SKEW_S * 1_000_000


class Deliveries:
    """The last deliveries of all workspaces. Safe to use from several threads: at worst one is forgotten."""

    def __init__(self, limit: int = DELIVERIES_KEPT) -> None:
        self._half = max(1, limit // 2)
        self._young: dict[int, int] = {}
        self._old: dict[int, int] = {}

    def note(self, workspace: str, campaign: str, message: str, recipient: str, time_us: int) -> None:
        """A message reached its recipient."""
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        key = hash((workspace, campaign, message, recipient))
        if time_us > self._young.get(key, 0):
            self._young[key] = time_us

    def note_all(self, workspace: str, of: Iterable[tuple[str | None, str | None, str | None, int]]) -> None:
        """Many at once: campaign, message, recipient and time of each."""
        for campaign, message, recipient, time_us in of:
            if recipient:
                self.note(workspace, campaign or "", message or "", recipient, time_us)

    def is_soon(self, workspace: str, kind: str, campaign: str, message: str, recipient: str, time_us: int) -> bool:
        """Whether an event of this type follows the last delivery of its message within the seconds for that type."""
        window_us = _SOON_US.get(kind)
        if window_us is None or not recipient or not (self._young or self._old):
            return False
        key = hash((workspace, campaign, message, recipient))
        delivered_us = self._young.get(key) or self._old.get(key)
        return delivered_us is not None and -_SKEW_US <= time_us - delivered_us <= window_us
