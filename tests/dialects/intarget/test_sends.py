"""sendFrom and sendTo: the counters hold what became of what was sent in the range, whenever it did."""

from __future__ import annotations

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
