"""GET /2.N/orchestrations/stats: the documented body, names, windows, and errors of a shape of their own."""

from __future__ import annotations

import datetime as dt
from typing import Any

import httpx
import pytest

from turnout.dialects.batch import stats

ID = "orchestration_0664hyh918hr1gnzka9py5t62nrc0e1q"

# documented
BODY = (
    f'{{"id":"{ID}","details":[{{"date":"2025-03-18","sent":972,"delivered":847,"unique_open":214,"total_open":259,'
    '"unique_machine_open":126,"unique_click":37,"total_click":41,"spam":4,"unsubscribe":13,"total_bounce":14,'
    '"skipped":15,"versions":[{"version":"a","sent":530,"delivered":465,"unique_open":139,"total_open":161,'
    '"unique_machine_open":37,"unique_click":14,"total_click":16,"spam":3,"unsubscribe":10,"total_bounce":4,'
    '"skipped":10},{"version":"b","sent":442,"delivered":382,"unique_open":75,"total_open":98,'
    '"unique_machine_open":89,"unique_click":23,"total_click":25,"spam":1,"unsubscribe":3,"total_bounce":10,'
    '"skipped":5}]}]}'
)
# what each version's people do, in the order of the body: distinct ones, and how often in all
A = {"sent": 530, "delivered": 465, "opened": (139, 161), "machine": 37, "clicked": (14, 16), "complained": 3}
A |= {"unsubscribed": 10, "bounced": 4, "skipped": 10}
B = {"sent": 442, "delivered": 382, "opened": (75, 98), "machine": 89, "clicked": (23, 25), "complained": 1}
B |= {"unsubscribed": 3, "bounced": 10, "skipped": 5}


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the day that is today: `on("2025-04-01")`."""
    return lambda day: monkeypatch.setattr(stats, "_today", lambda call: dt.date.fromisoformat(day))


def events(campaign: str, variation: str, counts: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for order, (kind, count) in enumerate(counts.items()):
        distinct, total = count if isinstance(count, tuple) else (count, count)
        for number in range(total):
            found.append(
                {
                    "type": "opened" if kind == "machine" else kind,
                    "traffic": "prefetch" if kind == "machine" else "human",
                    "campaign": campaign, "variation": variation, "channel": "email",
                    "recipient": f"{variation}{number % distinct}@example.com",
                    "time": f"2025-03-18T1{order}:{number % 60:02}:00Z",
                    "id": f"{variation}-{kind}-{number}",
                }
            )  # fmt: skip
    return found


def test_the_documented_body(client: Any, tenant: Any, on: Any) -> None:
    on("2025-04-01")
    variations = [{"id": "a"}, {"id": "b"}]
    tenant.client.put(f"/v1/campaigns/{ID}", json={"variations": variations}).raise_for_status()
    # a day of their own would be wrong: every send is before what it led to
    tenant.send(*events(ID, "a", A), *events(ID, "b", B))
    answer = client.orchestration(orchestration_id=ID, from_="2025-03-01", to="2025-03-31")
    assert answer.text == BODY
    assert answer.headers["content-type"] == "application/json"


def test_a_campaign_that_is_no_test_has_no_versions(client: Any, tenant: Any, on: Any, push: Any) -> None:
    on("2026-03-20")
    tenant.send(*push("c", "2026-03-05T10:00:00Z", "r", sent=2, direct=1, errors=1))
    answer = client.orchestration(orchestration_id="c", from_="2026-03-05", to="2026-03-05")
    assert answer.json() == {
        "id": "c",
        "details": [
            {
                "date": "2026-03-05", "sent": 2, "delivered": 0, "unique_open": 1, "total_open": 1,
                "unique_machine_open": 0, "unique_click": 0, "total_click": 0, "spam": 0, "unsubscribe": 0,
                "total_bounce": 1, "skipped": 0,
            }
        ],
    }  # fmt: skip


def test_every_name_and_every_version_of_the_path(client: Any, tenant: Any, on: Any, push: Any) -> None:
    on("2026-03-20")
    tenant.send(*push("c", "2026-03-05T10:00:00Z", "r", sent=2))
    token = tenant.client.get("/v1/campaigns/c").json()["token"]
    for name in ("c", token, f"orchestration_{token}"):
        for version in ("2.0", "2.4", "2.11", "2.999"):
            answer = client.orchestration(version, orchestration_id=name, from_="2026-03-01", to="2026-03-20")
            assert answer.status_code == 200, answer.text
            assert (answer.json()["id"], answer.json()["details"][0]["sent"]) == (name, 2)


@pytest.mark.parametrize(
    ("start", "end", "sent"),
    [
        ("2026-03-01", "2026-03-10", [1, 2]),
        ("2026-03-02", "2026-03-10", [2]),
        ("2026-03-01", "2026-03-09", [1]),
        ("2026-03-10", "2026-03-10", [2]),
        ("2026-03-11", "9999-12-31", []),
        ("2025-09-20", "2026-03-20", [1, 2]),  # six months ago to the day
    ],
)
def test_both_days_of_the_window_are_in_it(
    client: Any, tenant: Any, push: Any, on: Any, start: str, end: str, sent: list[int]
) -> None:
    on("2026-03-20")
    tenant.send(*push("c", "2026-03-01T00:00:00Z", "a", sent=1), *push("c", "2026-03-10T23:59:59.999Z", "b", sent=2))
    answer = client.orchestration(orchestration_id="c", from_=start, to=end)
    assert [day["sent"] for day in answer.json()["details"]] == sent


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"orchestration_id": None}, "MISSING_PARAMETER"),
        ({"orchestration_id": " "}, "MISSING_PARAMETER"),
        ({"from": None}, "MISSING_PARAMETER"),
        ({"to": None}, "MISSING_PARAMETER"),
        ({"orchestration_id": "nothing"}, "MALFORMED_PARAMETER"),
        ({"orchestration_id": "c\0"}, "MALFORMED_PARAMETER"),
        ({"orchestration_id": "x" * 5000}, "MALFORMED_PARAMETER"),
        ({"from": "2025-09-19"}, "MALFORMED_PARAMETER"),
        ({"from": "0001-01-01"}, "MALFORMED_PARAMETER"),
        ({"from": "2026-03-11"}, "MALFORMED_PARAMETER"),
        ({"from": "18/03/2026"}, "MALFORMED_PARAMETER"),
        ({"to": "2026-13-01"}, "MALFORMED_PARAMETER"),
    ],
)
def test_what_is_refused(
    client: Any, tenant: Any, push: Any, on: Any, changes: dict[str, str | None], name: str
) -> None:
    on("2026-03-20")
    tenant.send(*push("c", "2026-03-05T10:00:00Z", "r", sent=2))
    query = {"orchestration_id": "c", "from": "2026-03-01", "to": "2026-03-10", **changes}
    answer = client.orchestration(**{key: value for key, value in query.items() if value is not None})
    refused(answer, 400, name)


def refused(answer: httpx.Response, status: int, name: str) -> None:
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["error_code", "error_message"]
    assert answer.json()["error_code"] == name
    assert answer.json()["error_message"]


def test_another_workspace_s_campaign_is_unknown(client_of: Any, make_tenant: Any, on: Any, push: Any) -> None:
    on("2026-03-20")
    mine, theirs = make_tenant(), make_tenant()
    theirs.send(*push("c", "2026-03-05T10:00:00Z", "r", sent=2))
    token = theirs.client.get("/v1/campaigns/c").json()["token"]
    for name in ("c", token, f"orchestration_{token}"):
        answer = client_of(mine).orchestration(orchestration_id=name, from_="2026-03-01", to="2026-03-10")
        refused(answer, 400, "MALFORMED_PARAMETER")


def test_credentials(tenant: Any, make_tenant: Any, url: str) -> None:
    mine, theirs = tenant.workspace.access_key, make_tenant().workspace.access_key
    bearer = {"Authorization": f"Bearer {tenant.key}"}
    for headers, status, name in (
        ({}, 401, "AUTHENTICATION_INVALID"),
        ({"X-Batch-Project": mine}, 401, "AUTHENTICATION_INVALID"),
        ({"X-Batch-Project": mine, "Authorization": tenant.key}, 401, "AUTHENTICATION_INVALID"),
        ({"X-Batch-Project": mine, "Authorization": "Bearer wrong"}, 401, "AUTHENTICATION_INVALID"),
        ({"X-Batch-Project": mine, "X-Authorization": tenant.key}, 401, "AUTHENTICATION_INVALID"),
        (bearer, 400, "MISSING_PARAMETER"),
        ({**bearer, "X-Batch-Project": theirs}, 401, "AUTHENTICATION_INVALID"),
        ({**bearer, "X-Batch-Project": f"project_{theirs}"}, 401, "AUTHENTICATION_INVALID"),
    ):
        refused(httpx.get(f"{url}/2.8/orchestrations/stats", headers=headers), status, name)
    today = dt.datetime.now(dt.UTC).date().isoformat()
    tenant.send({"type": "sent", "campaign": "c", "recipient": "r", "time": dt.datetime.now(dt.UTC).isoformat()})
    query = {"orchestration_id": "c", "from": today, "to": today}
    for project in (mine, f"project_{mine}", "project_0664hxvwffvbpn278gxdyhsadddqgna6"):
        headers = {**bearer, "X-Batch-Project": project}
        assert httpx.get(f"{url}/2.8/orchestrations/stats", params=query, headers=headers).status_code == 200


def test_unknown_paths_and_verbs(client: Any, url: str) -> None:
    for answer in (
        httpx.get(f"{url}/2.8/orchestrations/nothing"),
        httpx.get(f"{url}/2.8"),
        httpx.post(f"{url}/2.8/orchestrations/stats", json={}),
        client.orchestration("2.x"),
    ):
        refused(answer, 404, "ROUTE_NOT_FOUND")
