"""What is asked, and in which groups of an answer an event is."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from tests.judge.events import BEHAVIOURS, REACTIONS, Event

TIMES = ("minute", "hour", "day", "week", "month")

# Of the domains that are ever posted here, those of a provider that the dictionary names.
PROVIDERS = {"gmail.com": "Gmail", "yahoo.co.uk": "Yahoo", "hotmail.fr": "Microsoft", "web.de": "GMX"}

# What a program of the recipient's asks for.
OF_REQUESTS = (
    *("impression", "dismissed", "opened", "clicked", "unsubscribed", "complained", "converted", "watched"),
    *BEHAVIOURS,
    *REACTIONS,
)

# An event has as many of each as its link has parameters.
OF_PARAMETERS = ("param", "param_value")


@dataclass(frozen=True)
class Asked:
    """A question. Moments are epoch milliseconds; the range is half-open; `sort` is of (name, descending).

    `placed_by` "send" asks for events by the time of the message that they belong to.
    """

    metrics: tuple[str, ...]
    dimensions: tuple[str, ...] = ()
    filters: tuple[tuple[str, tuple[str, ...]], ...] = ()
    from_ms: int | None = None
    to_ms: int | None = None
    timezone: str = "UTC"
    traffic: tuple[str, ...] = ("human", "proxy")
    sort: tuple[tuple[str, bool], ...] = ()
    limit: int = 1000
    offset: int = 0
    placed_by: str = "event"

    def in_range(self, moment_ms: int) -> bool:
        after = self.from_ms is None or moment_ms >= self.from_ms
        return after and (self.to_ms is None or moment_ms < self.to_ms)


def label(name: str, moment_ms: int, timezone: str) -> str:
    """Which local minute, hour, day, week or month an instant is in."""
    local = dt.datetime.fromtimestamp(moment_ms // 1000, ZoneInfo(timezone))
    if name in ("minute", "hour"):
        offset = local.utcoffset()
        assert offset is not None
        begun = local.replace(second=0, minute=local.minute if name == "minute" else 0, fold=0)
        return begun.replace(tzinfo=dt.timezone(offset)).isoformat()
    day = local.date()
    if name == "month":
        return f"{day:%Y-%m}"
    return (day - dt.timedelta(days=day.weekday()) if name == "week" else day).isoformat()


def value_of(name: str, event: Event, moment_ms: int, timezone: str) -> str:
    """An event's value of a dimension of which it has one, were it at that moment."""
    if name in TIMES:
        return label(name, moment_ms, timezone)
    if name == "link":
        return event.get("link") or event.get("url", "")
    if name == "recipient_domain":
        return _domain(event)
    if name == "mailbox_provider":
        domain = _domain(event)
        return PROVIDERS.get(domain, "other") if domain else ""
    if name == "position":
        return str(event.get("position") or "")
    found: str = event.get(name, "")
    return found


def _domain(event: Event) -> str:
    _, at, domain = event.get("recipient", "").rpartition("@")
    return domain.lower() if at else ""


def values_of(name: str, event: Event, moment_ms: int, timezone: str) -> list[str]:
    """All of an event's values of a dimension, were it at that moment."""
    if name == "reason":
        return reasons(event)
    if name in OF_PARAMETERS:
        return [pair[OF_PARAMETERS.index(name)] for pair in parameters(event)]
    return [value_of(name, event, moment_ms, timezone)]


def reasons(event: Event) -> list[str]:
    """Why an event is of its class: its sender said so; or nothing speaks against a person but a program unknown."""
    found = ["no_agent"] if event.get("ip") and event["type"] in OF_REQUESTS else []
    return [*found, *(["said"] if event.get("class_said") else [])] or [""]


def parameters(event: Event) -> list[tuple[str, str]]:
    """The parameters of an event's link; a value that is no text is as JSON writes it."""
    return [
        (name, value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False))
        for name, value in event.get("params", {}).items()
    ]


def groups(asked: Asked, dimensions: Sequence[str], event: Event, moment_ms: int) -> set[tuple[str, ...]]:
    """The keys of the groups that an event is in, were it at that moment: none if a filter keeps it out.

    Where the question groups by parameters, an event is in a group for each of them, and what is asked of
    parameters is asked of that one. Else one of them will do. The same goes for the reasons for its class.
    """
    plain = [(name, values) for name, values in asked.filters if name not in (*OF_PARAMETERS, "reason")]
    of_parameters = [(name, values) for name, values in asked.filters if name in OF_PARAMETERS]
    if any(value_of(name, event, moment_ms, asked.timezone) not in values for name, values in plain):
        return set()
    of_reason = [values for name, values in asked.filters if name == "reason"]
    why = [reason for reason in reasons(event) if all(reason in values for values in of_reason)]
    if "reason" in dimensions:
        # A row for each reason that is asked for.
        rest = replace(asked, filters=tuple(one for one in asked.filters if one[0] != "reason"))
        found = groups(rest, [name for name in dimensions if name != "reason"], event, moment_ms)
        at = list(dimensions).index("reason")
        return {(*key[:at], reason, *key[at:]) for key in found for reason in why}
    if not why:
        return set()
    if any(name in OF_PARAMETERS for name in asked.dimensions):
        pairs = [pair for pair in parameters(event) if _is_wanted(pair, of_parameters)]
        if of_parameters and not pairs:
            return set()
        if any(name in OF_PARAMETERS for name in dimensions):
            return {_key(asked, dimensions, event, moment_ms, pair) for pair in pairs}
    elif not all(any(_is_wanted(pair, [one]) for pair in parameters(event)) for one in of_parameters):
        return set()
    return {_key(asked, dimensions, event, moment_ms, ("", ""))}


def _is_wanted(pair: tuple[str, str], filters: Iterable[tuple[str, tuple[str, ...]]]) -> bool:
    return all(pair[OF_PARAMETERS.index(name)] in values for name, values in filters)


def _key(
    asked: Asked, dimensions: Sequence[str], event: Event, moment_ms: int, pair: tuple[str, str]
) -> tuple[str, ...]:
    return tuple(
        pair[OF_PARAMETERS.index(name)] if name in OF_PARAMETERS else value_of(name, event, moment_ms, asked.timezone)
        for name in dimensions
    )
