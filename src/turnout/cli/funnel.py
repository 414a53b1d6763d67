"""What a campaign's statistics look like on a page. Pure: which metrics to ask for, and totals to lines.

A line is there only if its campaign has such events, so an e-mail shows no viewers and a show no bounces.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

Totals = Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """One line of the funnel: an event type, its distinct recipients, its rate and what that is of."""

    count: str
    rate: str = ""
    of: str = ""
    details: tuple[str, ...] = ()
    unique: bool = True


STEPS: tuple[Step, ...] = (
    Step("enrolled"),
    Step("skipped", unique=False),
    Step("queued", unique=False),
    Step("sent", details=("opted_in",)),
    Step("carrier_accepted", unique=False),
    Step("deferred", unique=False),
    Step("delivered", "delivery_rate", "sent"),
    Step("bounced", "bounce_rate", "sent", ("hard", "soft")),
    Step("rejected", details=("permanent", "temporary"), unique=False),
    Step("failed", details=("permanent", "temporary"), unique=False),
    Step("impression"),
    Step("opened", "open_rate", "delivered", ("direct", "influenced")),
    Step("clicked", "click_rate", "delivered", ("link", "body", "button_1", "button_2")),
    Step("dismissed"),
    Step("replied", details=("help", "stop")),
    Step("unsubscribed", "unsubscribe_rate", "delivered"),
    Step("complained", "complaint_rate", "delivered"),
    Step("conversions", "conversion_rate", "delivered"),
    Step("conversions_1"),
    Step("conversions_2"),
    Step("conversions_3"),
    Step("purchased"),
    Step("performed"),
    Step("app_opened"),
)
REVENUES = ("revenue", "revenue_1", "revenue_2", "revenue_3")
REACTIONS = ("liked", "chatted", "product_clicked", "banner_clicked")
LIVE = ("viewers", "login_viewers", "peak_concurrent_viewers", "viewing_time_s", "average_viewing_time_s")

#: What says whether a line has data; cheap to ask, all additive.
PROBES: tuple[str, ...] = (*(step.count for step in STEPS), *REVENUES, "watched", *REACTIONS)

#: Columns of the table of days, in order, and those of the overview.
DAILY = (
    "sent", "delivered", "bounced", "impression", "unique_opened", "unique_clicked", "unsubscribed", "conversions",
    "revenue", "viewers", "peak_concurrent_viewers", "viewing_time_s",
)  # fmt: skip
OVERVIEW = (
    "sent", "delivered", "bounce_rate", "unique_opened", "open_rate", "unique_clicked", "click_rate", "unsubscribed",
    "conversions", "revenue", "viewers", "peak_concurrent_viewers",
)  # fmt: skip


#: What of the overview is shown where there is little room.
_FOREMOST = ("sent", "open_rate", "click_rate", "viewers", "revenue", "unique_opened", "unique_clicked", "delivered")


def foremost(names: Sequence[str], count: int) -> list[str]:
    """The `count` most telling of the names, in their order."""
    ranked = sorted(names, key=lambda name: _FOREMOST.index(name) if name in _FOREMOST else len(_FOREMOST))
    kept = set(ranked[:count])
    return [name for name in names if name in kept]


def metrics(probed: Totals) -> list[str]:
    """The metrics that are worth asking for, given the totals of PROBES."""
    found: list[str] = []
    for step in STEPS:
        if not probed.get(step.count):
            continue
        found.append(step.count)
        if step.unique:
            found.append(f"unique_{step.count}")
        found += [f"{step.count}_{detail}" for detail in step.details]
        if step.rate and probed.get(step.of):
            found.append(step.rate)
    if probed.get("opened") and probed.get("clicked"):
        found.append("click_to_open_rate")
    found += [name for name in REVENUES if probed.get(name)]
    if probed.get("watched"):
        found += LIVE
    for name in REACTIONS:
        if probed.get(name):
            found += [name, f"unique_{name}", f"{name}_quantity"]
    return found or ["events", "recipients"]


@dataclass(frozen=True)
class Line:
    """One line as it is shown; None where there is nothing to say. `metric` is what its trend is of."""

    label: str
    metric: str
    events: Any = None
    recipients: Any = None
    rate: float | None = None
    of: str = ""
    detail: bool = False


def lines(totals: Totals) -> list[Line]:
    """The funnel, top to bottom."""
    found = []
    for step in STEPS:
        if not totals.get(step.count):
            continue
        of = f"of {step.of}" if totals.get(step.rate) is not None else ""
        unique = totals.get(f"unique_{step.count}")
        label = _words(step.count)
        found.append(Line(label, step.count, totals[step.count], unique, totals.get(step.rate), of))
        if step.count == "clicked" and totals.get("click_to_open_rate") is not None:
            found.append(Line("to open", "", None, None, totals["click_to_open_rate"], "of opened", detail=True))
        details = [(detail, totals.get(f"{step.count}_{detail}")) for detail in step.details]
        found += [
            Line(_words(detail), f"{step.count}_{detail}", value, detail=True)
            for detail, value in details
            # All of them being of one kind is no news, but that bounces are hard is.
            if value and (value != totals[step.count] or step.count == "bounced")
        ]
    for name in REACTIONS:
        if totals.get(name):
            times = totals.get(f"{name}_quantity")
            of = f"{times:,} times" if times is not None and times != totals[name] else ""
            found.append(Line(_words(name), name, totals[name], totals.get(f"unique_{name}"), None, of))
    return found


def _words(name: str) -> str:
    return name.replace("_", " ")


def every_day(rows: Iterable[Mapping[str, Any]], metric: str) -> list[float]:
    """A metric from the first day that has any event to the last, days without any being 0."""
    by_day: dict[date, float] = {}
    for row in rows:
        value = row.get(metric)
        if isinstance(value, dict):
            value = sum(float(amount) for amount in value.values())
        by_day[date.fromisoformat(row["day"])] = float(value or 0)
    if not by_day:
        return []
    first, last = min(by_day), max(by_day)
    return [by_day.get(first + timedelta(days), 0.0) for days in range((last - first).days + 1)]


def with_data(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Those of the metrics that are not nothing in every row."""
    return [name for name in names if any(row.get(name) for row in rows)]
