"""GET /campaigns/list: what an entry says, pages, order and filters."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from turnout.app import House
from turnout.model import CampaignFields


def names(tenant: Any, query: str = "") -> list[str]:
    answer = tenant.client.get(f"/campaigns/list{query}")
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["campaigns"]]


def put(house: House, tenant: Any, *campaigns: str, **fields: Any) -> None:
    for name in campaigns:
        house.services.catalog.put_campaign(tenant.workspace.id, name, CampaignFields(**fields))


def test_an_entry(house: House, tenant: Any) -> None:
    uuid = "0c38a773-8e62-4dcb-a492-c973c8c6ab9b"
    put(house, tenant, "c", title="Test Campaign", uuid=uuid, tags=("airbyte", "test"))
    put(house, tenant, "d", type="API")
    edited = house.services.catalog.campaign(tenant.workspace.id, "c").updated_at
    answer = tenant.client.get("/campaigns/list")
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["campaigns", "message"]  # live: the payload first
    first, second = answer.json()["campaigns"]
    # documented: these keys in this order; live: these values' forms
    assert list(first.items()) == [
        ("id", uuid),
        ("last_edited", edited.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")),
        ("name", "Test Campaign"),
        ("is_api_campaign", False),
        ("tags", ["airbyte", "test"]),
    ]
    assert (second["name"], second["is_api_campaign"], second["tags"]) == ("d", True, [])


def test_pages_of_a_hundred_and_nothing_past_the_end(house: House, tenant: Any) -> None:
    everyone = [f"c{number:03}" for number in range(103)]
    put(house, tenant, *everyone)
    assert names(tenant) == names(tenant, "?page=0") == everyone[:100]
    assert names(tenant, "?page=1") == everyone[100:]
    assert names(tenant, "?page=1&sort_direction=desc") == everyone[2::-1]
    assert names(tenant, "?sort_direction=asc") == everyone[:100]
    assert names(tenant, f"?page={'0' * 20}1") == everyone[100:]
    for page in ("2", "9" * 5000):
        answer = tenant.client.get(f"/campaigns/list?page={page}")
        assert (answer.status_code, answer.json()) == (200, {"campaigns": [], "message": "success"})


def test_archived_campaigns_only_when_asked_for(house: House, tenant: Any) -> None:
    put(house, tenant, "a")
    put(house, tenant, "old", archived=True)
    put(house, tenant, "draft", draft=True)
    assert names(tenant) == names(tenant, "?include_archived=false") == ["a", "draft"]
    assert names(tenant, "?include_archived=true") == ["a", "old", "draft"]


def test_only_what_was_edited_later(house: House, tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = house.services.catalog
    for name, moment in (("a", "2026-03-01T12:00:00+00:00"), ("b", "2026-03-02T00:00:00+00:00")):
        monkeypatch.setattr(catalog._campaigns, "_now", lambda moment=moment: dt.datetime.fromisoformat(moment))
        put(house, tenant, name)
    monkeypatch.undo()
    wanted = {
        "last_edit.time[gt]=2026-03-01T11:59:59": ["a", "b"],
        "last_edit.time[gt]=2026-03-01T12:00:00": ["b"],
        "last_edit.time%5Bgt%5D=2026-03-01T12:00:00": ["b"],
        "last_edit.time%5Bgt%5D=2026-03-01T14:00:00%2B02:00": ["b"],
        "last_edit.time%5Bgt%5D=2026-03-01T13:59:59+02:00": ["a", "b"],
        "last_edit.time[gt]=2026-03-01": ["a", "b"],  # live: a date will do
        "last_edit.time[gt]=2026-03-02": [],
        "last_edit.time[gt]=": ["a", "b"],
    }
    assert {query: names(tenant, f"?{query}") for query in wanted} == wanted


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("page=-1", "page must be a whole number from 0"),
        ("page=one", "page must be a whole number from 0"),
        ("sort_direction=up", "sort_direction must be asc or desc"),
        ("include_archived=perhaps", "include_archived must be true or false"),
        ("last_edit.time[gt]=lately", "last_edit.time must be an ISO 8601 datetime"),
    ],
)
def test_what_is_refused(tenant: Any, query: str, message: str) -> None:
    answer = tenant.client.get(f"/campaigns/list?{query}")
    assert (answer.status_code, answer.json()) == (400, {"message": message})


def test_another_workspace_has_another_list(house: House, make_tenant: Any) -> None:
    mine, theirs = make_tenant(), make_tenant()
    put(house, theirs, "theirs")
    assert (names(mine), names(theirs)) == ([], ["theirs"])
