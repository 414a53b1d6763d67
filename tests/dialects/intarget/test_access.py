"""Who may ask, and how the room says no: the framework's two shapes, whatever went wrong."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from turnout.app import House
from turnout.dialects.intarget import routes
from turnout.errors import Overloaded, StoreError

STATISTICS = "/rest/campaign/statistics"
CONVERSIONS = "/rest/campaign/statistic-conversions"
BOTH = (STATISTICS, CONVERSIONS)

MESSAGES = {
    401: ("Unauthorized", "Your request was made with invalid credentials."),
    403: ("Forbidden", "You are not allowed to perform this action."),
    404: ("Not Found", "Page not found."),
    405: (
        "Method Not Allowed",
        "Method Not Allowed. This URL can only handle the following request methods: GET.",
    ),
    500: ("Internal Server Error", "An internal server error occurred."),
}


def refused(answer: httpx.Response, status: int) -> None:
    name, message = MESSAGES[status]
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    assert list(answer.json().items()) == [("name", name), ("message", message), ("code", 0), ("status", status)]


# ---- tokens -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", BOTH)
def test_the_token_counts_wherever_it_stands(tenant: Any, url: str, path: str) -> None:
    for query in (
        f"access-token={tenant.key}",
        f"access-token={tenant.key}&campaignIds[]=1",
        f"campaignIds[]=1&access-token={tenant.key}&perPage=3",
        f"perPage=3&access%2Dtoken={tenant.key}",
        f"access-token=another&access-token={tenant.key}",
    ):
        assert httpx.get(f"{url}{path}?{query}").status_code == 200, query


@pytest.mark.parametrize("path", BOTH)
def test_a_wrong_token(tenant: Any, url: str, path: str) -> None:
    bearer = {"Authorization": f"Bearer {tenant.key}", "X-API-Key": tenant.key, "access-token": tenant.key}
    for query in ("", "access-token=", "access-token=wrong", f"access_token={tenant.key}", "access-token=%00%FF"):
        refused(httpx.get(f"{url}{path}?{query}"), 401)
        refused(httpx.get(f"{url}{path}?{query}", headers=bearer), 401)  # the query is the only place


@pytest.mark.parametrize(
    ("scopes", "statistics", "conversions"),
    [
        (("read",), 200, 200),
        (("admin",), 200, 200),
        (("ingest",), 403, 403),
        (("rest.campaign.statistics",), 200, 403),
        (("rest.campaign.statistic-conversions",), 403, 200),
    ],
)
def test_permissions(
    tenant: Any, house: House, url: str, scopes: tuple[str, ...], statistics: int, conversions: int
) -> None:
    _, key = house.services.catalog.add_key(tenant.workspace.id, scopes=scopes)
    for path, status in ((STATISTICS, statistics), (CONVERSIONS, conversions)):
        answer = httpx.get(f"{url}{path}?access-token={key}")
        assert answer.status_code == status
        if status == 403:
            refused(answer, 403)


def test_a_revoked_token(tenant: Any, house: House, url: str) -> None:
    key, secret = house.services.catalog.add_key(tenant.workspace.id)
    assert httpx.get(f"{url}{STATISTICS}?access-token={secret}").status_code == 200
    house.services.catalog.revoke_key(tenant.workspace.id, key.id)
    refused(httpx.get(f"{url}{STATISTICS}?access-token={secret}"), 401)


def test_another_workspace_s_campaign_does_not_exist(make_tenant: Any, rows: Any, put: Any) -> None:
    mine, theirs = make_tenant(), make_tenant()
    goals = [{"event": "purchased"}]
    for one, number in ((mine, 1), (theirs, 1), (theirs, 2)):
        put(one, f"c{number}", number=number, goals=goals)
        one.send(
            {"type": "sent", "campaign": f"c{number}", "recipient": "r", "time": "2026-10-05T12:00:00Z"},
            {"type": "delivered", "campaign": f"c{number}", "recipient": "r", "time": "2026-10-05T12:00:00Z"},
        )
    theirs.send({"type": "sent", "campaign": "c1", "recipient": "s", "time": "2026-10-05T12:00:00Z"})
    for what in ("statistics", "statistic-conversions"):
        assert [row["campaign_id"] for row in rows(mine, what)] == [1]
        assert rows(mine, what, "campaignIds[]=2") == []
    # Asked in the same words, and remembered apart.
    assert [row["sent"] for one in (mine, theirs, mine) for row in rows(one, "statistics", "campaignIds[]=1")] == [
        1,
        2,
        1,
    ]


# ---- errors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", BOTH)
@pytest.mark.parametrize(
    ("query", "problems"),
    [
        ("startFrom=soon", [("startFrom", "The format of Start From is invalid.")]),
        ("startTo=%FF", [("startTo", "The format of Start To is invalid.")]),
        ("sendFrom=%00", [("sendFrom", "The format of Send From is invalid.")]),
        ("sendTo=2025-02-30", [("sendTo", "The format of Send To is invalid.")]),
        ("campaignIds[]=1&campaignIds[]=x", [("campaignIds", "Campaign Ids must be an integer.")]),
        (
            "perPage=0&page=first",
            [("page", "Page must be an integer."), ("perPage", "Per Page must be no less than 1.")],
        ),
    ],
)
def test_bad_parameters(tenant: Any, url: str, path: str, query: str, problems: list[tuple[str, str]]) -> None:
    answer = httpx.get(f"{url}{path}?{query}&access-token={tenant.key}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    assert [list(one.items()) for one in answer.json()] == [
        [("field", field), ("message", message)] for field, message in problems
    ]


def test_unknown_paths_and_verbs(tenant: Any, url: str) -> None:
    token = f"?access-token={tenant.key}"
    for path in ("/rest/campaign", "/rest/campaign/statistics/", "/rest/campaign/statistics-conversions", "/rest"):
        refused(httpx.get(f"{url}{path}{token}"), 404)
    for path in BOTH:
        for verb in ("POST", "PUT", "DELETE", "PATCH"):
            answer = httpx.request(verb, f"{url}{path}{token}")
            refused(answer, 405)
            assert answer.headers["allow"] == "GET"


def test_a_server_that_can_t_answer(tenant: Any, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for error, status, retry in (
        (Overloaded("busy", retry_after_s=7), 503, "7"),
        (StoreError("/secret/path"), 503, None),
        (RuntimeError("a secret"), 500, None),
    ):

        def fail(*_: object, error: Exception = error, **__: object) -> None:
            raise error

        monkeypatch.setattr(routes, "lines", fail)
        answer = httpx.get(f"{url}{STATISTICS}?access-token={tenant.key}")
        assert (answer.status_code, answer.headers.get("retry-after")) == (status, retry)
        assert list(answer.json()) == ["name", "message", "code", "status"]
        assert "secret" not in answer.text
    refused(answer, 500)


def test_hostile_queries_are_answered(tenant: Any, url: str) -> None:
    ids = "&".join(f"campaignIds[]={number}" for number in range(1000))
    for query, status in (
        (ids, 200),
        (f"{ids}&campaignIds[]=1000", 422),
        ("&" * 2000, 200),
        ("=&=1&campaignIds[=1&campaignIds]=1&campaignIds[][]=1", 200),
        ("campaignIds[%00]=1", 200),
        ("campaignIds[]=" + "9" * 4000, 422),
        ("page=" + "9" * 4000, 422),
        ("startFrom=1900-01-01&startTo=2299-01-01", 200),
        ("sendFrom=0001-01-01&sendTo=9999-12-31", 200),
        ("sendFrom=1999-01-01&sendTo=1999-12-31", 200),
        ("sendFrom=2200-01-01", 200),
        ("sendFrom=2026-10-05&sendTo=2026-10-04", 200),
        ("sendTo=2026-10-05%2000:00:00%2B14:00", 200),
        ("startFrom=%F0%9F%92%A9", 422),
    ):
        for path in BOTH:
            answer = httpx.get(f"{url}{path}?{query}&access-token={tenant.key}")
            assert answer.status_code == status, (query[:80], answer.text)


def test_what_is_kept_is_made_anew_when_something_happens(tenant: Any, rows: Any, put: Any) -> None:
    put(tenant, "c", number=1, title="Before")
    for count in (1, 2, 3):
        sent = {"type": "sent", "campaign": "c", "recipient": f"r{count}", "time": "2026-10-05T12:00:00Z"}
        tenant.send(sent)
        for _ in range(2):
            assert [row["sent"] for row in rows(tenant, "statistics")] == [count]
    put(tenant, "c", number=2, title="After")
    assert [(row["campaign_id"], row["message_title"]) for row in rows(tenant, "statistics")] == [(2, "After")]
