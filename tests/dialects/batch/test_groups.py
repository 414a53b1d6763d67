"""GET transactional/stats/{group}: the documented body, the window's bounds, what is refused."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

# documented
BODY = (
    '{"group_id":"welcome","detail":[{"date":"2018-03-05","sent":754,"direct_open":102,"influenced_open":98,'
    '"reengaged":12,"errors":0},{"date":"2018-03-07","sent":582,"direct_open":96,"influenced_open":85,"reengaged":12,'
    '"errors":1}]}'
)


def test_the_documented_group(client: Any, tenant: Any, push: Any) -> None:
    tenant.send(
        *push("welcome", "2018-03-05T10:00:00Z", "a", sent=754, direct=102, influenced=98, reengaged=12),
        *push("welcome", "2018-03-07T10:00:00Z", "b", sent=582, direct=96, influenced=85, reengaged=12, errors=1),
    )
    answer = client.get("/transactional/stats/welcome", since="2018-03-01", until="2018-03-10")
    assert answer.text == BODY
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("since", "until", "sent"),
    [
        ("2026-03-01", "2026-03-10", [1, 2, 3]),  # documented: from 1 to 10 March
        ("2026-03-02", "2026-03-09", [2]),
        ("2026-02-01", "2026-03-01", [1]),
        ("2026-03-10", "2026-03-11", [3]),
        ("2026-03-11", "2026-03-12", []),
    ],
)
def test_both_days_of_the_window_are_in_it(
    client: Any, tenant: Any, push: Any, since: str, until: str, sent: list[int]
) -> None:
    tenant.send(
        *push("g", "2026-03-01T00:00:00Z", "a", sent=1),
        *push("g", "2026-03-05T10:00:00Z", "b", sent=2),
        *push("g", "2026-03-10T23:59:59.999Z", "c", sent=3),
    )
    answer = client.get("/transactional/stats/g", since=since, until=until)
    assert [day["sent"] for day in answer.json()["detail"]] == sent


def test_without_an_end_today_is_the_last_day(client: Any, tenant: Any, push: Any) -> None:
    now = dt.datetime.now(dt.UTC)
    yesterday = (now - dt.timedelta(days=1)).date().isoformat()
    tenant.send(*push("g", now.isoformat(), "a", sent=2))
    days = client.get("/transactional/stats/g", since=yesterday).json()["detail"]
    assert [(day["date"], day["sent"]) for day in days] == [(now.date().isoformat(), 2)]


def test_an_unknown_group_and_another_workspace_s(client_of: Any, make_tenant: Any, push: Any) -> None:
    mine, theirs = make_tenant(), make_tenant()
    theirs.send(*push("g", "2026-03-05T10:00:00Z", "a", sent=1))
    window = {"since": "2026-03-01", "until": "2026-03-10"}
    assert len(client_of(theirs).get("/transactional/stats/g", **window).json()["detail"]) == 1
    for group in ("g", "nothing", "a%20b", "%ff", "%00", "'; DROP", "x" * 256):
        answer = client_of(mine).get(f"/transactional/stats/{group}", **window)
        assert (answer.status_code, answer.json()["detail"]) == (200, []), group


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, 30),
        ({"until": "2026-03-10"}, 30),
        ({"since": "", "until": "2026-03-10"}, 30),
        ({"since": "2026-03-10", "until": "2026-03-10"}, 31),
        ({"since": "2026-03-11", "until": "2026-03-10"}, 31),
        ({"since": "2026-03-1", "until": "2026-03-10"}, 31),
        ({"since": "2026-02-30", "until": "2026-03-10"}, 31),
        ({"since": "0000-01-01", "until": "2026-03-10"}, 31),
        ({"since": "\u0662\u0660\u0662\u0666-03-01", "until": "2026-03-10"}, 31),
        ({"since": "2026-03-01T00:00:00", "until": "2026-03-10"}, 31),
        ({"since": "2026-03-01", "until": "soon"}, 31),
        ({"since": "2026-03-01\0", "until": "2026-03-10"}, 31),
        ({"since": "2026-03-01", "until": "2026-09-02"}, 31),  # six months and a day
        ({"since": "2025-08-31", "until": "2026-03-01"}, 31),  # half a year after it February ends
        ({"since": "0001-01-01", "until": "9999-12-31"}, 31),
        ({"since": "9" * 4000, "until": "2026-03-10"}, 31),
    ],
)
def test_what_is_refused(client: Any, tenant: Any, query: dict[str, str], code: int) -> None:
    answer = client.get("/transactional/stats/g", **query)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert list(answer.json()) == ["code", "message"]


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("2026-03-01", "2026-09-01"),
        ("2025-08-31", "2026-02-28"),
        ("9999-12-30", "9999-12-31"),
        ("0001-01-01", "0001-01-02"),
        ("9999-07-01", "9999-12-31"),
    ],
)
def test_windows_that_are_just_allowed(client: Any, tenant: Any, push: Any, since: str, until: str) -> None:
    tenant.send(*push("g", "2026-03-05T10:00:00Z", "a", sent=1))
    answer = client.get("/transactional/stats/g", since=since, until=until)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["detail"]) == (since == "2026-03-01")


def test_a_name_that_is_too_long(client: Any) -> None:
    answer = client.get(f"/transactional/stats/{'x' * 257}", since="2026-03-01", until="2026-03-10")
    assert (answer.status_code, answer.json()["code"]) == (400, 31)
