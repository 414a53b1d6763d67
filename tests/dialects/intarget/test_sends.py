"""sendFrom and sendTo: the counters hold what became of what was sent in the range, whenever it did."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest

COUNTERS = ("sent", "delivered", "opened", "clicked", "bounced", "unsubscribed")


def numbers(row: dict[str, Any]) -> dict[str, int]:
    return {key: row[key] for key in COUNTERS if row[key]}


def at(moment: str, kind: str, **fields: Any) -> dict[str, Any]:
    """An event of October 2026: `at("05 12:00:00", "sent")`."""
    day, time = moment.split()
    return {
        "type": kind, "campaign": "c", "message": "m", "channel": "email", "recipient": "r",
        "time": f"2026-10-{day}T{time}Z", **fields,
    }  # fmt: skip


@pytest.fixture
def three_days(tenant: Any, put: Any) -> Any:
    """Campaign 1: `m` sent to `a` on the 5th at noon, to `b` at the last second of the 6th, to `a` again on the 7th.

    Campaign 2: `other` sent on the 6th; nobody knows when `imported` was sent.
    """
    put(tenant, "c", number=1, messages=[{"id": "m", "title": "M"}, {"id": "later", "title": "Later"}])
    put(tenant, "d", number=2, messages=[{"id": "other", "title": "Other"}, {"id": "imported", "title": "Imported"}])
    tenant.send(
        at("05 12:00:00", "sent", recipient="a"),
        at("05 12:00:01", "delivered", recipient="a"),
        at("06 09:00:00", "opened", recipient="a"),  # of the 5th
        at("06 23:59:59.900", "sent", recipient="b"),
        at("07 00:00:02", "delivered", recipient="b"),  # of the 6th
        at("07 08:00:00", "opened", recipient="b"),  # of the 6th
        at("07 10:00:00", "sent", recipient="a"),
        at("07 10:00:05", "bounced", recipient="a"),
        at("08 10:00:00", "unsubscribed", recipient="a"),  # of the 7th
        at("06 12:00:00", "sent", campaign="d", message="other", recipient="a"),
        at("09 12:00:00", "clicked", campaign="d", message="other", recipient="a"),  # of the 6th
        at("08 12:00:00", "opened", campaign="d", message="imported", recipient="z"),
    )
    return tenant


RANGES: dict[str, dict[str, dict[str, int]]] = {
    "sendFrom=2026-10-05%2000:00:00&sendTo=2026-10-05%2023:59:59": {"M": {"sent": 1, "delivered": 1, "opened": 1}},
    "sendFrom=2026-10-06%2000:00:00&sendTo=2026-10-06%2023:59:59": {
        "Other": {"sent": 1, "clicked": 1},
        "M": {"sent": 1, "delivered": 1, "opened": 1},
    },
    "sendFrom=2026-10-06+00:00:00&sendTo=2026-10-06+23:59:58": {"Other": {"sent": 1, "clicked": 1}},
    "sendFrom=2026-10-07": {
        "Imported": {"opened": 1},  # it has no known sending: its own time counts
        "M": {"sent": 1, "bounced": 1, "unsubscribed": 1},
    },
    "sendTo=2026-10-05%2012:00:00": {"M": {"sent": 1, "delivered": 1, "opened": 1}},
    "sendTo=2026-10-05%2011:59:59": {},
    "sendFrom=2026-10-05%2012:00:01&sendTo=2026-10-06%2011:59:59": {},
    "sendFrom=2026-10-09": {},
    "sendFrom=2026-10-05&sendTo=2026-10-09": {
        "Other": {"sent": 1, "clicked": 1},
        "Imported": {"opened": 1},
        "M": {"sent": 3, "delivered": 2, "opened": 2, "bounced": 1, "unsubscribed": 1},
    },
    "sendFrom=2026-10-06&sendTo=2026-10-06&campaignIds[]=1": {"M": {"sent": 1, "delivered": 1, "opened": 1}},
    "sendFrom=2026-10-06&sendTo=2026-10-06&campaignIds[]=2&startFrom=2026-10-06&startTo=2026-10-06": {
        "Other": {"sent": 1, "clicked": 1}
    },
    "sendFrom=2026-10-06&sendTo=2026-10-06&startTo=2026-10-04": {},
    "sendFrom=1980-01-01&sendTo=1990-01-01": {},
    "sendFrom=2150-01-01": {},
}


def test_what_became_of_what_was_sent_then(three_days: Any, rows: Any) -> None:
    found = {
        query: [(row["message_title"], numbers(row)) for row in rows(three_days, "statistics", query)]
        for query in RANGES
    }
    assert found == {query: list(wanted.items()) for query, wanted in RANGES.items()}


def test_days_that_meet_add_up(three_days: Any, rows: Any) -> None:
    """A person that was sent to on two days is one of the whole, so only events add up."""
    whole: dict[str, int] = {}
    for day in ("05", "06", "07", "08", "09"):
        for row in rows(three_days, "statistics", f"sendFrom=2026-10-{day}&sendTo=2026-10-{day}"):
            for key in ("sent", "delivered", "bounced"):
                whole[key] = whole.get(key, 0) + row[key]
    assert whole == {"sent": 4, "delivered": 2, "bounced": 1}


def test_the_page_is_of_the_rows_in_the_range(three_days: Any, get: Any) -> None:
    answer = get(three_days, "statistics", "sendFrom=2026-10-05&sendTo=2026-10-09&perPage=2&page=2")
    assert [row["message_title"] for row in answer.json()] == ["M"]
    assert answer.headers["x-pagination-total-count"] == "3"


# ---- by plain Python --------------------------------------------------------------------------------

FIRST = dt.datetime(2026, 10, 5, tzinfo=dt.UTC)
KINDS = ("sent", "sent", "sent", "delivered", "opened", "clicked", "bounced", "unsubscribed", "failed", "skipped")
UNIQUE = ("opened", "clicked", "unsubscribed")


def some_events(seed: int, count: int = 300) -> list[dict[str, Any]]:
    """Events of three campaigns, three messages (one of them unnamed) and five people in four days, any order."""
    dice = random.Random(seed)
    return [
        {
            "type": dice.choice(KINDS), "campaign": dice.choice("cde"), "message": dice.choice(("m1", "m2", "")),
            "channel": "email", "recipient": dice.choice("abcde"), "id": f"{seed}-{at}",
            "time": (FIRST + dt.timedelta(minutes=dice.randrange(4 * 1440))).isoformat(),
        }
        for at in range(count)
    ]  # fmt: skip


def sent_at(event: dict[str, Any], events: list[dict[str, Any]]) -> str:
    """When the message was sent that an event belongs to; the event's own time where nobody knows."""
    sends = [
        one["time"]
        for one in events
        if one["type"] == "sent"
        and (one["campaign"], one["recipient"]) == (event["campaign"], event["recipient"])
        and event["message"] in ("", one["message"])
        and one["time"] <= event["time"]
    ]
    return max(sends, default=event["time"])


@pytest.mark.parametrize("seed", [1, 2])
def test_any_events_in_any_range(tenant: Any, rows: Any, seed: int) -> None:
    events = some_events(seed)
    tenant.send(*events)
    places = [sent_at(one, events) for one in events]
    dice = random.Random(seed)
    for _ in range(5):
        first, last = sorted(FIRST + dt.timedelta(minutes=dice.randrange(4 * 1440)) for _ in range(2))
        wanted: dict[tuple[str, str], dict[str, int]] = {}
        people: dict[tuple[str, str, str], set[str]] = {}
        for event, place in zip(events, places, strict=True):
            if first.isoformat() <= place <= last.isoformat():
                row = wanted.setdefault((event["campaign"], event["message"] or event["campaign"]), {})
                kind = event["type"]
                row[kind] = row.get(kind, 0) + 1
                people.setdefault((event["campaign"], event["message"], kind), set()).add(event["recipient"])
        for (campaign, message, kind), who in people.items():
            if kind in UNIQUE:
                wanted[campaign, message or campaign][kind] = len(who)
        numbers = {one["id"]: one["number"] for one in tenant.client.get("/v1/campaigns").json()["campaigns"]}
        names = {number: name for name, number in numbers.items()}
        query = f"sendFrom={first:%Y-%m-%d+%H:%M:%S}&sendTo={last:%Y-%m-%d+%H:%M:%S}&perPage=50"
        found = {
            (names[row["campaign_id"]], row["message_title"]): {kind: row[kind] for kind in {*KINDS} if row[kind]}
            for row in rows(tenant, "statistics", query)
        }
        assert found == wanted, query
