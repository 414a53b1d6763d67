"""Small worlds for a person to judge: what happened around a Monday, in minutes after it began."""

from __future__ import annotations

from typing import Any

from tests.judge.asking import Asked, label
from tests.judge.court import Judge

#: 2026-10-05T00:00Z, a Monday. Times below are minutes after it.
BASE_MS = 1_791_158_400_000
MINUTE_MS = 60_000
HOUR, DAY = 60, 1440


def event(kind: str, minute: float, recipient: str = "ann", **more: Any) -> dict[str, Any]:
    """Of the campaign "c" unless it says another; behaviours are of none."""
    fields = {"type": kind, "time": BASE_MS + round(minute * MINUTE_MS), "recipient": recipient}
    return fields | ({} if kind in ("app_opened", "purchased", "performed") else {"campaign": "c"}) | more


def bought(minute: float, amount: int = 5, **more: Any) -> dict[str, Any]:
    return event("purchased", minute, amount=amount, **more)


def court(events: list[dict[str, Any]], *goals: dict[str, Any], **windows: int) -> Judge:
    judge = Judge(**windows)
    judge.put("c", {"goals": list(goals)})
    for index, one in enumerate(events):
        assert judge.post([{"id": str(index), **one}]) == (1, 0)
    return judge


def number(judge: Judge, name: str, **asked: Any) -> Any:
    return judge.ask(Asked((name,), **asked)).totals[name]


def table(judge: Judge, name: str, *dimensions: str, **asked: Any) -> dict[Any, Any]:
    rows = judge.ask(Asked((name,), dimensions, **asked)).rows
    return {
        row[dimensions[0]] if len(dimensions) == 1 else tuple(row[one] for one in dimensions): row[name] for row in rows
    }


#: What a purchase says that names the campaign.
NAMED = {"campaign": "c"}
#: A purchase within ten minutes after it was sent.
SHORT = {"event": "purchased", "window_s": 600, "after": "sent"}
SENT = event("sent", 0)


def minutes(numbers: dict[float, int]) -> dict[str, int]:
    """Numbers by minutes after the beginning, by the labels of those."""
    return {label("minute", BASE_MS + round(at * MINUTE_MS), "UTC"): number for at, number in numbers.items()}
