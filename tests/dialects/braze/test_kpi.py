"""GET /kpi/…/data_series: a number a day of the workspace's apps."""

from __future__ import annotations

from typing import Any

D1, D2, D3 = "2026-10-05", "2026-10-06", "2026-10-07"
KPIS = ("dau", "mau", "new_users", "uninstalls")


def numbers(tenant: Any, name: str, length: int = 3, ending_at: str = "2026-10-08", **query: str) -> list[int]:
    answer = tenant.client.get(
        f"/kpi/{name}/data_series", params={"length": str(length), "ending_at": ending_at, **query}
    )
    assert answer.status_code == 200, answer.text
    body = answer.json()
    # documented: these keys in this order
    assert list(body) == ["message", "data"]
    assert body["message"] == "success"
    assert len(body["data"]) == length
    assert all(list(day) == ["time", name] for day in body["data"])
    days = [day["time"] for day in body["data"]]
    assert days == sorted(set(days))
    return [day[name] for day in body["data"]]


def opened(who: str, time: str, **fields: Any) -> dict[str, Any]:
    return {"type": "app_opened", "recipient": who, "time": time, **fields}


def test_active_users_of_a_day(tenant: Any) -> None:
    tenant.send(
        opened("x", f"{D1}T00:00:00Z"), opened("x", f"{D1}T23:59:59Z"), opened("y", f"{D1}T12:00:00Z"),
        opened("x", f"{D2}T00:00:00Z"), opened("bot", f"{D2}T00:00:00Z", traffic="bot"),
        opened("z", f"{D3}T12:00:00Z", campaign="c"),
    )  # fmt: skip
    assert numbers(tenant, "dau") == [2, 1, 1]
    assert numbers(tenant, "dau", 1, D1) == [0]
    assert numbers(tenant, "dau", 1, f"{D1}T12:00:00Z") == [2]


def test_active_users_of_a_month_are_those_of_thirty_days(tenant: Any) -> None:
    tenant.send(
        opened("x", "2026-09-06T00:00:00Z"),  # thirty days that end with October 5 begin here
        opened("y", "2026-09-06T23:59:59Z"),
        opened("y", "2026-10-06T00:00:00Z"),
        opened("z", "2026-09-08T12:00:00Z"),
    )
    assert numbers(tenant, "mau", 5, "2026-10-09") == [3, 3, 2, 2, 1]
    assert numbers(tenant, "mau", 2, "2026-09-07") == [0, 2]
    # of September 6 to October 5 it is x and y on two days, x, y and z on 28, and then as above
    assert sum(numbers(tenant, "mau", 100, "2026-10-09")) == 2 * 2 + 3 * 28 + 2 + 2 + 1


def test_new_users_are_new_once(tenant: Any) -> None:
    tenant.send(
        opened("x", f"{D1}T12:00:00Z"), opened("x", f"{D2}T12:00:00Z"), opened("y", f"{D2}T12:00:00Z"),
        opened("old", "2025-01-01T12:00:00Z"), opened("old", f"{D3}T12:00:00Z"),
    )  # fmt: skip
    assert numbers(tenant, "new_users") == [1, 1, 0]


def test_uninstalls(tenant: Any) -> None:
    def performed(name: str, who: str, day: str) -> dict[str, Any]:
        return {"type": "performed", "name": name, "recipient": who, "time": f"{day}T12:00:00Z"}

    tenant.send(
        performed("uninstalled", "x", D1), performed("uninstall", "y", D1), performed("signup", "z", D1),
        performed("app_uninstalled", "x", D3), performed("app_uninstall", "w", D3),
    )  # fmt: skip
    assert numbers(tenant, "uninstalls") == [2, 0, 2]


def test_of_one_app(tenant: Any) -> None:
    tenant.send(
        *(
            {"type": kind, "name": word, "recipient": app, "profile": app, "time": f"{D1}T12:00:00Z"}
            for kind, word in (("app_opened", ""), ("performed", "uninstalled"))
            for app in ("ios", "web")
        )
    )
    for name in KPIS:
        assert numbers(tenant, name, 1, D2, app_id="ios") == [1]
        assert numbers(tenant, name, 1, D2, app_id="nothing") == [0]
        assert numbers(tenant, name, 1, D2, app_id="") == [2]


def test_days_are_those_of_the_workspace(make_tenant: Any) -> None:
    kolkata = make_tenant(timezone="Asia/Kolkata")
    kolkata.send(opened("x", "2026-10-05T18:29:59Z"), opened("y", "2026-10-05T18:30:00Z"))
    assert numbers(kolkata, "dau") == [1, 1, 0]
    assert numbers(kolkata, "mau") == [1, 2, 2]


def test_of_another_workspace(make_tenant: Any) -> None:
    mine, theirs = make_tenant(), make_tenant()
    theirs.send(opened("x", f"{D1}T12:00:00Z"))
    for name in KPIS:
        assert numbers(mine, name) == [0, 0, 0]
    assert numbers(theirs, "dau") == [1, 0, 0]


REFUSED = [
    ({}, "length must be between 1 and 100"),
    ({"length": "0"}, "length must be between 1 and 100"),
    ({"length": "101"}, "length must be between 1 and 100"),
    ({"length": "9" * 400}, "length must be between 1 and 100"),
    ({"length": "1", "ending_at": "soon"}, "ending_at must be an ISO 8601 datetime"),
    ({"length": "1", "ending_at": "9999-12-31T12:00:00"}, "ending_at must be an ISO 8601 datetime"),
    ({"length": "100", "ending_at": "0001-01-05"}, "ending_at must be an ISO 8601 datetime"),
    ({"length": "1", "app_id": "a\0b"}, "app_id must be a string of the app api identifier"),
    ({"length": "1", "app_id": "a" * 513}, "app_id must be a string of the app api identifier"),
]


def test_what_is_refused(tenant: Any) -> None:
    for name in KPIS:
        for query, message in REFUSED:
            answer = tenant.client.get(f"/kpi/{name}/data_series", params=query)
            assert (answer.status_code, answer.json()) == (400, {"message": message}), query


def test_where_no_event_can_be(tenant: Any) -> None:
    for far in ("1800-05-05", "1999-12-31", "2000-01-02", "2100-01-01", "2300-05-05"):
        for name in KPIS:
            assert set(numbers(tenant, name, 3, far)) == {0}


def test_there_is_no_other_number(tenant: Any) -> None:
    answer = tenant.client.get("/kpi/wau/data_series", params={"length": "1"})
    assert (answer.status_code, answer.json()) == (404, {"message": "Invalid URL"})
