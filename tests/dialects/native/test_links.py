"""/v1/links and /v1/rewrite: registering, signing, rewriting."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

NEW = {"url": "https://x.org/a", "campaign": "c"}


def add(client: httpx.Client, status: int = 201, **fields: Any) -> dict[str, Any]:
    answer = client.post("/v1/links", json={**NEW, **fields})
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def code() -> str:
    return f"c-{uuid.uuid4().hex[:12]}"


def test_a_whole_link(tenant, url):
    mine = code()
    fields = {
        "url": "https://x.org/a?b=1#c", "campaign": "spring", "message": "m", "title": "Shop", "params": "utm=a%20b",
        "profile": "brand", "code": mine, "hidden": True, "expires_at": "2030-01-02T03:04:05Z",
    }  # fmt: skip
    link = add(tenant.client, **fields)
    assert {name: link[name] for name in fields} == fields
    assert link["tracked_url"] == f"{url}/r/{mine}"
    assert "addresses" not in link
    for name in (mine, link["id"]):
        assert tenant.client.get(f"/v1/links/{name}").json() == link
    assert tenant.client.get("/v1/links").json() == {"links": [link], "total": 1}


def test_the_same_link_is_registered_once(tenant):
    link = add(tenant.client, title="T")
    assert add(tenant.client, 200, title="T") == link
    others = [add(tenant.client, **other) for other in (
        {"title": "U"}, {"url": "https://x.org/b", "title": "T"}, {"title": "T", "message": "m"},
        {"title": "T", "campaign": "d"}, {"title": "T", "params": "a=1"}, {"title": "T", "hidden": True},
        {"title": "T", "code": code()},
    )]  # fmt: skip
    assert len({one["id"] for one in (link, *others)}) == 8
    coded = others[-1]
    assert add(tenant.client, 200, title="T", code=coded["code"]) == coded
    tenant.client.delete(f"/v1/links/{link['id']}")
    assert add(tenant.client, title="T")["id"] != link["id"]
    add(tenant.client, 409, title="other", code=coded["code"])


def test_parameters_may_be_an_object(tenant):
    assert add(tenant.client, params={"a": "x y", "b": ["1", "2"]})["params"] == "a=x+y&b=1&b=2"
    assert add(tenant.client, params="?a=1")["params"] == "a=1"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"url": "ftp://x.org"}, "url"), ({"url": "javascript:alert(1)"}, "url"), ({"campaign": ""}, "campaign"),
        ({"params": "a b"}, "params"), ({"code": "ab"}, "code"), ({"code": "a.b.c"}, "code"), ({"code": "a/b"}, "code"),
        ({"code": "-abc"}, "code"), ({"code": "a" * 65}, "code"), ({"nothing": 1}, "body"),
        ({"expires_at": "soon"}, "expires_at"), ({"recipients": [""]}, "recipients[0]"),
        ({"recipients": ["a"] * 1001}, "recipients"),
    ],
)  # fmt: skip
def test_what_is_refused(tenant, fields, field):
    answer = tenant.client.post("/v1/links", json={**NEW, **fields})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["field"] == field
    assert tenant.client.get("/v1/links").json()["total"] == 0


def test_a_code_is_nobody_else_s(tenant, make_tenant):
    mine = code()
    link = add(tenant.client, code=mine)
    other = make_tenant().client
    add(other, 409, code=mine)
    add(other, 409, code=link["id"])
    for path in (f"/v1/links/{mine}", f"/v1/links/{link['id']}"):
        assert other.get(path).status_code == 404
        assert other.patch(path, json={"title": "mine now"}).status_code == 404
        assert other.delete(path).status_code == 404
        assert other.post(f"{path}/addresses", json={"recipients": ["eve"]}).status_code == 404
    tenant.client.delete(f"/v1/links/{mine}")
    add(tenant.client, 409, code=mine)  # an old mail leads nowhere, and not elsewhere


def test_changes(tenant):
    link = add(tenant.client, code=code(), title="T", params="a=1")
    changes = {"title": "U", "url": "https://y.org", "params": {"b": "2"}, "hidden": True, "campaign": "d"}
    changed = tenant.client.patch(f"/v1/links/{link['code']}", json=changes).json()
    assert {name for name in link if link[name] != changed[name]} == {*changes, "updated_at"}
    assert changed["params"] == "b=2"
    ended = tenant.client.patch(f"/v1/links/{link['id']}", json={"expires_at": "2020-01-01T00:00:00"}).json()
    assert ended["expires_at"] == "2020-01-01T00:00:00Z"
    assert httpx.get(link["tracked_url"]).status_code == 410
    assert tenant.client.patch(f"/v1/links/{link['id']}", json={"expires_at": None}).json()["expires_at"] is None
    assert httpx.get(link["tracked_url"]).headers["location"] == "https://y.org?b=2"
    for bad in ({"code": "new"}, {"url": "x"}, {"campaign": ""}):
        assert tenant.client.patch(f"/v1/links/{link['id']}", json=bad).status_code == 400


def test_links_are_found(tenant):
    a = add(tenant.client, title="Shoes", message="m")
    b = add(tenant.client, url="https://x.org/HATS", campaign="d", profile="p")
    for query, wanted in (
        ({"search": "shoes"}, [a]), ({"search": "hats"}, [b]), ({"campaign": "d"}, [b]), ({"message": "m"}, [a]),
        ({"profile": "p"}, [b]), ({"limit": 1}, [a]), ({"limit": 1, "offset": 1}, [b]), ({"search": "no"}, []),
    ):  # fmt: skip
        found = tenant.client.get("/v1/links", params=query).json()
        assert found["links"] == wanted, query
    assert found["total"] == 0


def test_who_may(make_tenant):
    reader, sender = make_tenant(scopes=("read",)).client, make_tenant(scopes=("ingest",)).client
    assert reader.post("/v1/links", json=NEW).status_code == 403
    assert reader.post("/v1/rewrite", json={"html": "", "campaign": "c"}).status_code == 403
    link = add(sender)
    assert sender.get(f"/v1/links/{link['id']}").status_code == 403
    assert reader.get("/v1/links").json()["total"] == 0
    assert httpx.post(reader.base_url.join("/v1/links"), json=NEW).status_code == 401


def test_the_address_that_people_are_given(tenant, served_with):
    url = served_with(public_url="https://click.example/")
    answer = tenant.client.post(f"{url}/v1/links", json={**NEW, "recipients": ["ann"], "code": code()}).json()
    assert answer["tracked_url"] == f"https://click.example/r/{answer['code']}"
    (address,) = answer["addresses"]
    assert address["tracked_url"] == f"https://click.example/r/{answer['code']}.{address['token']}"


# ---- rewriting --------------------------------------------------------------------------------------

HTML = (
    '<html><body><p>Hi</p><a href="https://x.org/?a=1&amp;b=2">Shoes</a> <a href="https://x.org/?a=1&amp;b=2">Shoes</a>'
    '<a href="mailto:a@x.org">write</a><a href="https://x.org/out" rel="unsubscribe">out</a></body></html>'
)


def rewrite(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    answer = client.post("/v1/rewrite", json={"html": HTML, "campaign": "c", **fields})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_body_for_one_recipient(tenant, url):
    answer = rewrite(tenant.client, message="m", recipient="ann", send_id="s", variation="v")
    (link,) = answer["links"]
    assert (link["url"], link["title"], link["count"]) == ("https://x.org/?a=1&b=2", "Shoes", 2)
    assert answer["left"] == [
        {"url": "mailto:a@x.org", "reason": "not http"}, {"url": "https://x.org/out", "reason": "opted out"},
    ]  # fmt: skip
    before, _, rest = answer["html"].partition(link["tracked_url"] + ".1.")
    token = rest.partition('"')[0]
    wanted = HTML
    for position in (1, 2):
        wanted = wanted.replace("https://x.org/?a=1&amp;b=2", f"{link['tracked_url']}.{position}.{token}", 1)
    assert link["positions"] == [1, 2]
    assert answer["html"] == wanted.replace(
        "</body>",
        f'<img src="{answer["pixel"]}" width="1" height="1" alt="" style="border:0;width:1px;height:1px"></body>',
    )
    assert before == '<html><body><p>Hi</p><a href="'
    browser = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
    for position in (2, 2, 1):
        followed = httpx.get(f"{link['tracked_url']}.{position}.{token}", headers=browser)
        assert followed.headers["location"] == "https://x.org/?a=1&b=2"
    httpx.get(answer["pixel"], headers=browser)
    rows = tenant.stats("clicked,unique_clicked", dimensions="link,position")["rows"]
    assert rows == [
        {"link": link["id"], "position": position, "clicked": clicked, "unique_clicked": 1}
        for position, clicked in (("1", 1), ("2", 2))
    ]
    for dimension, value in (("message", "m"), ("variation", "v")):
        rows = tenant.stats("unique_opened,unique_clicked", dimensions=dimension)["rows"]
        assert rows == [{dimension: value, "unique_opened": 1, "unique_clicked": 1}]


def test_again_it_has_the_same_links(tenant):
    first = rewrite(tenant.client, recipient="ann")
    assert rewrite(tenant.client, recipient="ann") == first
    assert rewrite(tenant.client, recipient="bob")["links"] == first["links"]
    assert tenant.client.get("/v1/links").json()["total"] == 1
    again = rewrite(tenant.client, html=first["html"], recipient="ann")
    assert (again["html"], again["links"], again["pixel"]) == (first["html"], [], "")
    assert rewrite(tenant.client, message="m2")["links"][0]["id"] != first["links"][0]["id"]


def test_a_body_for_each_recipient(tenant):
    answer = rewrite(tenant.client, recipients=["ann", "bob"])
    for body in answer["bodies"]:
        alone = rewrite(tenant.client, recipient=body["recipient"])
        assert (body["html"], body["pixel"]) == (alone["html"], alone["pixel"])
    assert answer["html"] == rewrite(tenant.client)["html"]
    assert len({body["html"] for body in answer["bodies"]} | {answer["html"]}) == 3


def test_a_body_for_a_mailer_that_merges(tenant):
    answer = rewrite(tenant.client, token="{{ token }}", message="m", recipients=["ann"])
    (link,), (made,) = answer["links"], answer["tokens"]
    for position in (1, 2):
        assert f'href="{link["tracked_url"]}.{position}.{{{{ token }}}}"' in answer["html"]
    assert answer["pixel"].endswith("/o/{{ token }}.gif")
    assert "bodies" not in answer
    for address in (f"{link['tracked_url']}.2.{made['token']}", answer["pixel"].replace("{{ token }}", made["token"])):
        httpx.get(address)
    events = tenant.client.get("/v1/events", params={"format": "ndjson"}).text.splitlines()
    assert len(events) == 2
    assert all('"recipient":"ann"' in line and '"message":"m"' in line for line in events)
    assert ['"position":2' in line for line in events if '"clicked"' in line] == [True]


def test_what_a_rewriting_may_say(tenant):
    assert rewrite(tenant.client, pixel=False)["pixel"] == ""
    excluded = rewrite(tenant.client, exclude=["x.org/?"])
    assert excluded["links"] == []
    assert excluded["left"][0] == {"url": "https://x.org/?a=1&b=2", "reason": "excluded"}
    for bad in (
        {"html": 1},
        {"campaign": ""},
        {"token": '"'},
        {"recipient": "a", "recipients": ["b"]},
        {"pixle": True},
    ):
        answer = tenant.client.post("/v1/rewrite", json={"html": HTML, "campaign": "c", **bad})
        assert answer.status_code == 400, answer.text
    many = "".join(f'<a href="https://x.org/{number}">' for number in range(1001))
    assert tenant.client.post("/v1/rewrite", json={"html": many, "campaign": "c"}).status_code == 413
    large = {"html": "a" * 900_000, "campaign": "c", "recipients": [f"r{number}" for number in range(100)]}
    assert tenant.client.post("/v1/rewrite", json=large).status_code == 413
