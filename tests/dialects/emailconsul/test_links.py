"""Custom links, and the titles of the links that clicks went through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.dialects.emailconsul.conftest import CUSTOM, LINK_DAYS, LINKS

from turnout.dialects.emailconsul import counts

Get = Callable[..., dict[str, Any]]

#: The documented keys, in the documented order.
KEYS = ["id", "user_id", "profile_id", "title", "redirection_url", "params_suffix"]
T, U = "title", "redirection_url"


def add(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    answer = client.post(CUSTOM, json={T: "Shop", U: "https://x.org/shop", **fields})
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert list(body) == ["data"]
    found: dict[str, Any] = body["data"]
    assert list(found) == KEYS
    return found


def refused(answer: httpx.Response, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    assert answer.json()["message"] == {400: "Bad Request", 404: "Not Found"}[status]
    details: str = answer.json()["details"]
    return details


# ---- the registry -----------------------------------------------------------------------------------


def test_a_whole_link(tenant: Any, client: httpx.Client) -> None:
    link = add(
        client,
        profile_id="brand",
        params_suffix="utm_source=mail&utm_term=a%20b",
        redirection_url="https://x.org/a?b=1#c",
    )
    assert {**link, "id": ""} == {
        "id": "",
        "user_id": tenant.workspace.id,
        "profile_id": "brand",
        "title": "Shop",
        "redirection_url": "https://x.org/a#c",  # documented: query parameters are removed
        "params_suffix": "utm_source=mail&utm_term=a%20b",
    }
    assert all(type(value) is str for value in link.values())
    assert link["id"]
    for prefix in ("", "/api/v1.0"):
        assert client.get(f"{prefix}{CUSTOM}/{link['id']}").json() == {"data": link}


def test_what_isn_t_set_is_null(client: httpx.Client) -> None:
    for empty in ({}, {"profile_id": None, "params_suffix": None}, {"profile_id": "", "params_suffix": ""}):
        link = add(client, **empty)
        assert (link["profile_id"], link["params_suffix"]) == (None, None)


def test_changes(client: httpx.Client) -> None:
    link = add(client, profile_id="brand", params_suffix="a=1")
    path = f"{CUSTOM}/{link['id']}"
    for change, wanted in (
        ({}, {}),
        ({T: "Store"}, {T: "Store"}),
        ({U: "http://y.org/?q=1"}, {U: "http://y.org/"}),
        ({"profile_id": "other"}, {"profile_id": "other"}),
        ({"profile_id": None}, {"profile_id": None}),
        ({"params_suffix": None}, {"params_suffix": None}),
        ({"params_suffix": "b=2", "profile_id": "p"}, {"params_suffix": "b=2", "profile_id": "p"}),
        ({"id": "mine", "user_id": "me", "other": {}}, {}),
    ):
        link |= wanted
        answer = client.patch(path, json=change)
        assert (answer.status_code, answer.json()) == (200, {"data": link})
        assert list(answer.json()["data"]) == KEYS
        assert client.get(path).json() == {"data": link}
    answer = client.patch(f"/api/v1.0{path}", json={T: "Last"})
    assert answer.json()["data"][T] == "Last"


BAD_FIELDS: list[dict[str, Any]] = [
    {T: None}, {T: ""}, {T: "  "}, {T: 1}, {T: "x" * 2049}, {T: "a\0b"}, {U: None}, {U: ""}, {U: "x.org"},
    {U: "javascript:alert(1)"}, {U: "ftp://x.org"}, {U: "https://"}, {U: "https://x.org/\r\nA: b"}, {U: []},
    {U: "https://x.org/" + "a" * 8192}, {"profile_id": 1}, {"profile_id": "x" * 257}, {"params_suffix": "a b"},
    {"params_suffix": "a=1#b"}, {"params_suffix": "%zz"}, {"params_suffix": "a" * 2049}, {"params_suffix": {}},
]  # fmt: skip


def test_what_is_refused(client: httpx.Client) -> None:
    link = add(client)
    for fields in BAD_FIELDS:
        refused(client.post(CUSTOM, json={T: "Shop", U: "https://x.org", **fields}))
        refused(client.patch(f"{CUSTOM}/{link['id']}", json=fields))
    assert client.get(CUSTOM).json()["data"] == [link]


BAD_BODIES = [
    b"", b"[]", b"null", b'"x"', b"{", b"\xff", b'{"title":"\xff","redirection_url":"https://x.org"}',
    b'{"title":"\\ud800","redirection_url":"https://x.org"}', b'{"title":"a\\u0000","redirection_url":"https://x.org"}',
    b"[" * 50_000, b'{"title":' + b"[" * 50_000, b"title=T&redirection_url=https://x.org", b" " * 70_000,
]  # fmt: skip


def test_what_is_no_body(client: httpx.Client) -> None:
    link = add(client)
    for body in BAD_BODIES:
        refused(client.post(CUSTOM, content=body))
        refused(client.patch(f"{CUSTOM}/{link['id']}", content=body))
    for body in (b"{}", b'{"title":"T"}', b'{"redirection_url":"https://x.org"}'):
        assert "missing required field" in refused(client.post(CUSTOM, content=body))
    assert client.get(CUSTOM).json()["data"] == [link]


def test_links_that_are_not_there(client: httpx.Client) -> None:
    for name in ("nothing", "0", "x" * 3000, "%00", "%ff", "a%2Fb", "..%2f", "'"):
        refused(client.get(f"{CUSTOM}/{name}"), 404)
        refused(client.patch(f"{CUSTOM}/{name}", json={T: "x"}), 404)
        refused(client.delete(f"{CUSTOM}/{name}"), 404)
    refused(client.patch(f"{CUSTOM}/nothing", json={T: 1}), 404)


def test_a_deleted_link(client: httpx.Client) -> None:
    link, other = add(client), add(client, title="Other")
    answer = client.delete(f"{CUSTOM}/{link['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    for verb in ("GET", "PATCH", "DELETE"):
        refused(client.request(verb, f"{CUSTOM}/{link['id']}", json={}), 404)
    assert client.get(CUSTOM).json() == {"data": [other], "meta": {"count": 1, "offset": 0, "limit": 50}}


def test_listing(client: httpx.Client) -> None:
    links = [add(client, title=f"L{number % 3}", profile_id="p" if number < 4 else "q") for number in range(7)]
    body = client.get(CUSTOM).json()
    assert list(body) == ["data", "meta"]
    assert body == {"data": links, "meta": {"count": 7, "offset": 0, "limit": 50}}

    def listed(**query: str) -> tuple[list[Any], dict[str, int]]:
        found = client.get(CUSTOM, params=query).json()
        return found["data"], found["meta"]

    assert listed(offset="2", limit="3") == (links[2:5], {"count": 7, "offset": 2, "limit": 3})
    assert listed(offset="7") == ([], {"count": 7, "offset": 7, "limit": 50})
    assert listed(limit="99999999") == (links, {"count": 7, "offset": 0, "limit": 100_000})
    assert listed(title="L1") == ([links[1], links[4]], {"count": 2, "offset": 0, "limit": 50})
    assert listed(profile_id="q", title="L0") == ([links[6]], {"count": 1, "offset": 0, "limit": 50})
    for query in ({"offset": "-1"}, {"limit": "x"}):
        refused(client.get(CUSTOM, params=query))


def test_another_workspace_s_links_are_not_there(make_tenant: Any, connect: Any) -> None:
    mine, theirs = connect(make_tenant()), connect(make_tenant())
    link = add(theirs)
    refused(mine.get(f"{CUSTOM}/{link['id']}"), 404)
    refused(mine.patch(f"{CUSTOM}/{link['id']}", json={T: "stolen"}), 404)
    refused(mine.delete(f"{CUSTOM}/{link['id']}"), 404)
    assert mine.get(CUSTOM).json()["data"] == []
    assert theirs.get(f"{CUSTOM}/{link['id']}").json() == {"data": link}


# ---- titles of clicks -------------------------------------------------------------------------------


def titled(get: Get, **query: str) -> list[tuple[str, int]]:
    body = get(LINKS, group="custom_link_title", **query)
    for row in body["data"]:
        assert list(row) == ["custom_link_title", "count"]
    return [(row["custom_link_title"], row["count"]) for row in body["data"]]


def test_clicks_through_a_registered_link_have_its_title(client: httpx.Client, click: Any, get: Get) -> None:
    shop, blog, again = add(client), add(client, title="Blog"), add(client)
    for link, title, count in (
        (shop["id"], "", 3), (blog["id"], "", 1), (again["id"], "", 2),  # two links of one title are one group
        (shop["id"], "Said by the click", 4),  # its own title goes before
        ("", "Shop", 5),  # and a title without a link is the same group
        ("unknown", "", 6), ("", "", 1),
    ):  # fmt: skip
        click(count, link=link, link_title=title)
    wanted = [("Shop", 10), ("", 7), ("Said by the click", 4), ("Blog", 1)]
    assert titled(get) == wanted
    assert get(LINKS)["data"] == [{"count": 22}]
    assert titled(get, sort="count") == wanted[::-1]
    assert titled(get, sort="custom_link_title") == sorted(wanted)
    assert titled(get, sort="-custom_link_title") == sorted(wanted, reverse=True)
    for offset in range(5):
        body = get(LINKS, group="custom_link_title", offset=str(offset), limit="2")
        assert [row["count"] for row in body["data"]] == [count for _, count in wanted[offset : offset + 2]]
        assert body["meta"] == {"count": 4, "offset": offset, "limit": 2}


def test_a_new_title_is_that_of_the_earlier_clicks_too(client: httpx.Client, click: Any, get: Get) -> None:
    link, other = add(client), add(client, title="Blog")
    click(2, link=link["id"])
    click(link=other["id"])
    assert titled(get) == [("Shop", 2), ("Blog", 1)]
    client.patch(f"{CUSTOM}/{link['id']}", json={T: "Store"}).raise_for_status()
    assert titled(get) == [("Store", 2), ("Blog", 1)]
    client.patch(f"{CUSTOM}/{link['id']}", json={T: "Blog"}).raise_for_status()
    assert titled(get) == [("Blog", 3)]
    client.patch(f"{CUSTOM}/{link['id']}", json={U: "https://y.org"}).raise_for_status()
    assert titled(get) == [("Blog", 3)]
    client.delete(f"{CUSTOM}/{link['id']}").raise_for_status()
    assert titled(get) == [("Blog", 3)]


def test_clicks_from_before_a_link_was_renamed_with_filters_and_days(client: Any, click: Any, get: Get) -> None:
    link = add(client)["id"]
    for day, campaign, title in (
        ("05", "a", ""), ("05", "a", "Shop"), ("05", "b", ""), ("07", "a", ""), ("07", "a", "Other"),
        ("08", "b", "Other"),
    ):  # fmt: skip
        click(link=link, link_title=title, campaign=campaign, time=f"2026-10-{day}T10:00:00Z")
    click(time="2026-10-06T00:00:00Z")
    assert titled(get, campaign_id="a") == [("Shop", 3), ("Other", 1)]
    rows = get(LINK_DAYS, group="custom_link_title")["data"]
    assert [list(row) for row in rows] == [["date", "custom_link_title", "count"]] * 5
    assert [tuple(row.values()) for row in rows] == [
        ("2026-10-05", "Shop", 3), ("2026-10-06", "", 1), ("2026-10-07", "Other", 1), ("2026-10-07", "Shop", 1),
        ("2026-10-08", "Other", 1),
    ]  # fmt: skip
    assert titled(get, period_from="2026-10-06", period_to="2026-10-06") == [("", 1)]


def test_another_workspace_s_titles_are_unknown(make_tenant: Any, connect: Any) -> None:
    mine, theirs = make_tenant(), make_tenant()
    link = add(connect(theirs))["id"]
    add(connect(mine), title="Mine")
    mine.send({"type": "clicked", "campaign": "c", "link": link, "time": "2026-10-05T10:00:00Z"})
    query = {"period_from": "2026-10-05", "period_to": "2026-10-05", "group": "custom_link_title"}
    assert connect(mine).get(LINKS, params=query).json()["data"] == [{"custom_link_title": "", "count": 1}]


def test_many_links(client: httpx.Client, click: Any, get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are too many to name, all links are asked for."""
    monkeypatch.setattr(counts, "_NAMED_LINKS", 1)
    shop, blog = add(client), add(client, title="Blog")
    click(2, link=shop["id"])
    click(link=blog["id"])
    click(link="unknown")
    click(url="https://x.org/page")
    assert titled(get) == [("", 2), ("Shop", 2), ("Blog", 1)]


def test_titles_of_more_groups_than_can_be_merged(
    client: httpx.Client, click: Any, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = add(client)["id"]
    for title in ("", "A", "B"):
        click(link=link, link_title=title)
    monkeypatch.setattr(counts, "LIMIT_ROWS", 3)
    assert titled(get) == [("A", 1), ("B", 1), ("Shop", 1)]
    click(link_title="C")
    query = {"period_from": "2026-10-05", "period_to": "2026-10-05", "group": "custom_link_title"}
    assert refused(client.get(LINKS, params=query)) == "there are more than 3 groups: ask for a shorter period"
