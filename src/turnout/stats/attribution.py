"""Which touch of a campaign a conversion is credited to: a campaign and a goal go in, credits come out.

A goal says what counts (an event type, perhaps a name), after which touch, and for how long. A
recipient converts at most once per touch and goal, nothing before the touch counts, and of several
touches the latest is credited. 'converted' events are conversions that were attributed elsewhere: they
count as they are, and the same touch is not credited again for what the recipient did.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from turnout import sql
from turnout.model import BEHAVIOURS, DEFAULT_TRAFFIC, Goal
from turnout.store.engine import Engine, Value, rows

_CONVERSIONS = sql.query("conversions")
_EARNINGS = sql.query("earnings")

#: The control group is touched by being put in it.
_CONTROL_TOUCH = "enrolled"

#: No event is earlier or later: 2000 and 2100, the bounds of the engine's times as well.
_FIRST_MS = 946_684_800_000
_LAST_MS = 4_102_444_800_000


@dataclass(frozen=True)
class Conversions:
    """The conversions of goal `index` of a campaign, in buckets of time.

    Bucket `i` is [edges_ms[i], edges_ms[i + 1]), so there is one more edge than buckets. Without a
    `goal` only 'converted' events count, and their touch is `default_touch`.
    """

    workspace: str
    campaign: str
    index: int
    goal: Goal | None
    edges_ms: tuple[int, ...]
    default_touch: str = "sent"


@dataclass(frozen=True)
class Credit:
    """So many conversions: the bucket in which they happened and the bucket of their touch (None: outside).

    A conversion without a known touch is in its own bucket both times.
    """

    bucket: int | None
    touch_bucket: int | None
    channel: str
    message: str
    variation: str
    conversions: int


@dataclass(frozen=True)
class Earning:
    """What was spent in a bucket by recipients touched by this message, within the goal's window."""

    bucket: int
    channel: str
    message: str
    variation: str
    amount: Decimal


def conversions(engine: Engine, asked: Conversions) -> list[Credit]:
    """Every conversion that happened in, or is credited to a touch in, one of the buckets."""
    goal, window_ms = asked.goal, _window_ms(asked.goal)
    # 'converted' is what was said, never what is looked for.
    event = goal.event if goal is not None and goal.event != "converted" else ""
    of = ("", asked.campaign) if event in BEHAVIOURS else (asked.campaign,)
    parameters: dict[str, Value] = {
        **_shared(asked),
        "goal": asked.index,
        "event": event,
        "name": goal.name if goal is not None else "",
        "of": of,
        "search_from": _clamp(asked.edges_ms[0] - window_ms),
        "search_to": _clamp(asked.edges_ms[-1] + window_ms + 1),
        # What was said has no window: its touch may be as old as the campaign.
        "touched_from": _FIRST_MS,
    }
    return [
        Credit(
            int(bucket) if bucket >= 0 else None,
            int(touch_bucket) if touch_bucket >= 0 else None,
            channel,
            message,
            variation,
            int(count),
        )
        for bucket, touch_bucket, channel, message, variation, count in rows(engine, _CONVERSIONS, parameters)
    ]


def earnings(engine: Engine, asked: Conversions, currency: str) -> list[Earning]:
    """Purchases in the buckets that name no campaign, within the goal's window after a touch."""
    parameters: dict[str, Value] = {
        **_shared(asked),
        "currency": currency,
        "from": _clamp(asked.edges_ms[0]),
        "to": _clamp(asked.edges_ms[-1]),
        "touched_from": _clamp(asked.edges_ms[0] - _window_ms(asked.goal)),
    }
    return [
        Earning(int(bucket), channel, message, variation, Decimal(amount))
        for bucket, channel, message, variation, amount in rows(engine, _EARNINGS, parameters)
    ]


def _shared(asked: Conversions) -> dict[str, Value]:
    after = asked.goal.after if asked.goal is not None else asked.default_touch
    return {
        "workspace": asked.workspace,
        "campaign": asked.campaign,
        "edges": asked.edges_ms,
        "touches": tuple({after: None, _CONTROL_TOUCH: None}),
        "traffic": DEFAULT_TRAFFIC,
        "window": _window_ms(asked.goal),
    }


def _window_ms(goal: Goal | None) -> int:
    return goal.window_s * 1000 if goal is not None else 0


def _clamp(moment_ms: int) -> int:
    return max(_FIRST_MS, min(moment_ms, _LAST_MS))
