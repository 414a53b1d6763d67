"""The page of tracked links: what it lists and counts, and what its forms do."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from html import unescape
from typing import Any

import httpx
import pytest

from turnout.dashboard import link_forms, links
from turnout.errors import InvalidInput
from turnout.model import Link

PAGE = "/dashboard/links"
NOON = "2026-10-05T12:00:00Z"


def add(tenant: Any, **fields: Any) -> dict[str, Any]:
    answer = tenant.client.post("/v1/links", json={"url": "https://x.org/a", "campaign": "c", **fields})
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, Any] = answer.json()
    return found


def page(client: httpx.Client, **query: Any) -> str:
    answer = client.get(PAGE, params=query)
    assert answer.status_code == 200, answer.text
    return answer.text


def ids(text: str) -> list[str]:
    return re.findall(r'data-link="(\w+)"', text)


def numbers(text: str) -> dict[str, tuple[int, int]]:
    rows = re.findall(
        r'data-link="(\w+)".*?data-name="clicked" data-value="(\d+)".*?data-name="unique_clicked" data-value="(\d+)"',
        text,
        re.DOTALL,
    )
    return {link: (int(clicked), int(people)) for link, clicked, people in rows}


def post(client: httpx.Client, action: str, **fields: str) -> httpx.Response:
    text = page(client)
    token = re.search(r'name="form_token" value="([^"]+)"', text)
    assert token is not None
    return client.post(PAGE, data={"form_token": token[1], "action": action, **fields})


def test_clicks_are_those_of_the_statistics(tenant, visit):
    first, second, third = (add(tenant, title=title) for title in ("One", "Two", "Three"))
    moments = ("2026-10-05T22:00:00Z", "2026-10-06T10:00:00Z", "2026-10-06T23:30:00Z")
    tenant.send(
        *(
            {
                "type": "clicked", "campaign": "c", "link": link["id"], "time": time, "recipient": who,
                "traffic": traffic, "id": f"{link['id']}-{time}-{who}-{traffic}",
            }
            for link in (first, second)
            for time in moments
            for who in ("ann", "bob")[: 1 + (link is first)]
            for traffic in ("human", "scanner")
        )
    )  # fmt: skip
    client = visit(tenant)
    for asked in (
        {}, {"traffic": "all"}, {"from": "2026-10-06", "to": "2026-10-07", "timezone": "Asia/Kolkata"},
        {"sort": "clicked"}, {"traffic": "scanner", "from": "2026-10-06T23:00:00Z"},
    ):  # fmt: skip
        query = {name: value for name, value in asked.items() if name != "sort"}
        rows = tenant.stats("clicked,unique_clicked", dimensions="link", **query)["rows"]
        wanted = {row["link"]: (row["clicked"], row["unique_clicked"]) for row in rows} | {third["id"]: (0, 0)}
        assert numbers(page(client, **asked)) == wanted, asked
    assert ids(page(client, sort="clicked")) == [first["id"], second["id"], third["id"]]
    assert ids(page(client)) == [third["id"], second["id"], first["id"]]
    assert ids(page(client, sort="title")) == [first["id"], third["id"], second["id"]]
    assert "9 clicks did not count" in page(client)
    # A range that is chosen takes the place of the dates, which the form sends along.
    dated = page(client, **{"from": "2026-10-06"})
    assert '<option value="" selected>Own dates' in dated
    assert numbers(page(client, **{"from": "2026-10-06", "range": "all"})) == numbers(page(client)) != numbers(dated)


def test_links_are_found_a_page_at_a_time(tenant, visit, house):
    made = house.services.catalog.links.ensure(
        tenant.workspace.id,
        [
            link_forms.LinkFields(url=f"https://x.org/{number}", title=f"Offer {number}", campaign=f"c{number % 2}")
            for number in range(links.PAGE_ROWS * 2 + 1)
        ],
    )
    client, titles = visit(tenant), {link.id: link.title for link, _ in made}
    seen = []
    text = page(client)
    while True:
        seen += ids(text)
        following = re.search(r'rel="next" href="([^"]+)"', text)
        if following is None:
            break
        text = client.get(unescape(following[1])).text
    assert sorted(seen) == sorted(titles)
    assert len(ids(text)) == 1
    assert "101–101 of 101" in text
    assert [titles[one] for one in ids(page(client, q="OFFER 77"))] == ["Offer 77"]
    assert {titles[one] for one in ids(page(client, q="x.org/5 offer", campaign="c1"))} == {
        f"Offer {number}" for number in (5, 51, 53, 55, 57, 59)
    }
    found = tenant.client.get("/v1/links", params={"search": "Offer 99"}).json()["links"][0]
    for given in (found["id"], found["tracked_url"], f"{found['tracked_url']}.3.AToken"):
        assert [titles[one] for one in ids(page(client, q=given))] == ["Offer 99"]
    assert "No link is like that" in page(client, q="nothing of the kind")
    for wrong in ({"page": "-1"}, {"page": "x"}, {"q": "x" * 300}, {"range": "8d"}, {"traffic": "x"}):
        assert client.get(PAGE, params=wrong).status_code == 400, wrong
    assert len(ids(page(client, page="99999"))) == 1


def test_a_link_is_added_changed_and_ended(tenant, visit):
    client, code = visit(tenant), f"c{uuid.uuid4().hex[:8]}"
    typed = {
        "url": " https://x.org/shoes?a=1 ", "campaign": "spring", "title": "Shoes & <b>more</b>", "code": code,
        "message": "m", "params": "?utm_source=mail", "expires_at": "2027-01-31T09:30", "timezone": "Asia/Kolkata",
        "back": "q=boots&sort=title&traffic=all&x=1",
    }  # fmt: skip
    answer = post(client, "add", **typed)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}?traffic=all&done=added")
    text = client.get(answer.headers["location"]).text
    assert "The link is there." in text
    assert f"/r/{code}</pre>" in text
    assert "Shoes &amp; &lt;b&gt;more" in text
    link = tenant.client.get(f"/v1/links/{code}").json()
    assert (link["url"], link["campaign"], link["message"], link["params"], link["hidden"]) == (
        "https://x.org/shoes?a=1", "spring", "m", "utm_source=mail", False,
    )  # fmt: skip
    assert dt.datetime.fromisoformat(link["expires_at"]) == dt.datetime(2027, 1, 31, 4, tzinfo=dt.UTC)
    again = post(client, "add", **typed).headers["location"]
    assert again == f"{PAGE}?traffic=all&q={code}&done=known"
    assert ids(client.get(again).text) == [link["id"]]

    shown = page(client, edit=link["id"], timezone="Asia/Kolkata")
    assert 'name="expires_at" type="datetime-local" value="2027-01-31T09:30"' in shown
    kept = {"id": link["id"], "url": link["url"], "title": link["title"], "params": link["params"]}
    kept |= {"expires_at": "2027-01-31T09:30", "timezone": "Asia/Kolkata"}
    assert post(client, "change", **kept).headers["location"].endswith("done=same")
    changed = post(client, "change", **{**kept, "title": "Boots", "expires_at": "", "hidden": "yes"})
    assert changed.headers["location"].endswith("done=changed")
    after = tenant.client.get(f"/v1/links/{code}").json()
    assert (after["title"], after["expires_at"], after["hidden"]) == ("Boots", None, True)
    assert {name: after[name] for name in ("url", "campaign", "code", "params")} == {
        name: link[name] for name in ("url", "campaign", "code", "params")
    }
    assert post(client, "end", id=link["id"]).headers["location"].endswith("done=ended")
    assert tenant.client.get(f"/v1/links/{code}").status_code == 404
    assert httpx.get(client.base_url.join(f"/r/{code}")).status_code == 410
    assert "There are no tracked links yet" in page(client)


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"url": "javascript:alert(1)"}, 400, "must begin with http"),
        ({"campaign": ""}, 400, "belongs to a campaign"),
        ({"title": "x" * 2049}, 400, "title has too many characters"),
        ({"code": "a b"}, 400, "A code has 3 to 64"),
        ({"expires_at": "tomorrow"}, 400, "A link ends at a date"),
        ({"expires_at": "0001-01-01T00:00"}, 400, "A link ends at a date"),
        ({"expires_at": "2027-01-01T00:00", "timezone": "Mars/Olympus"}, 400, "Mars/Olympus"),
        ({"params": "a b"}, 400, "must be URL-encoded"),
        ({"code": "TAKEN"}, 409, "belongs to another link"),
    ],
)
def test_what_can_not_be_is_said_above_the_form(tenant, visit, fields, status, words):
    taken = f"c{uuid.uuid4().hex[:8]}"
    add(tenant, code=taken, url="https://x.org/other")
    typed = {"url": "https://x.org/", "campaign": "c", "title": 'My "title"', **fields}
    if typed.get("code") == "TAKEN":
        typed["code"] = taken
    answer = post(visit(tenant), "add", **typed)
    assert answer.status_code == status, answer.text
    assert words in unescape(answer.text)
    # What was typed in is still there.
    if "title" not in fields:
        assert 'value="My &#34;title&#34;"' in answer.text
    assert tenant.client.get("/v1/links").json()["total"] == 1


def test_a_form_that_no_page_of_ours_made_is_refused(tenant, visit):
    back = "&".join(f"x{number}=1" for number in range(21))
    assert post(visit(tenant), "add", url="https://x.org/a", campaign="c", back=back).status_code == 400


def test_who_may_not_change_sees_no_form(make_tenant, house, visit):
    owner = make_tenant()
    link = add(owner)
    _, key = house.services.catalog.add_key(owner.workspace.id, scopes=("read",))
    reader = visit(type(owner)(owner.workspace, key, owner.client))
    text = page(reader, edit=link["id"])
    assert ids(text) == [link["id"]]
    assert 'name="action"' not in text
    assert post(reader, "end", id=link["id"]).status_code == 403
    assert owner.client.get(f"/v1/links/{link['id']}").status_code == 200
    # Nor does anybody touch what is another workspace's.
    stranger = visit(make_tenant())
    assert post(stranger, "end", id=link["id"]).status_code == 404
    assert stranger.get(PAGE, params={"edit": link["id"]}).status_code == 404
    assert ids(page(stranger)) == []


def test_what_users_say_is_no_markup(tenant, visit):
    hostile = "\"><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}'"
    link = add(tenant, title=hostile, campaign=hostile[:200], message=hostile[:100], params="a=%3Cscript%3E")
    client = visit(tenant)
    for text in (
        page(client, q=hostile, campaign=hostile[:200]),
        page(client, edit=link["id"]),
        page(client, done=hostile),
    ):
        assert "<script>alert" not in text
        assert "<img" not in text
        assert " style=" not in text
    assert ids(page(client, q='"><script>')) == [link["id"]]


def test_a_time_that_nobody_touched_keeps_its_seconds():
    ends = dt.datetime(2027, 1, 31, 4, 0, 59, tzinfo=dt.UTC)
    link = Link(id="l", url="https://x.org/", expires_at=ends, created_at=ends, updated_at=ends)
    typed = link_forms.typed(link, "Asia/Kolkata") | {"timezone": "Asia/Kolkata"}
    assert link_forms.changes(typed, link) == {}
    assert link_forms.changes({**typed, "expires_at": "2027-01-31T09:31"}, link) == {
        "expires_at": dt.datetime(2027, 1, 31, 4, 1, tzinfo=dt.UTC)
    }
    assert link_forms.changes({**typed, "expires_at": ""}, link) == {"expires_at": None}
    with pytest.raises(InvalidInput, match="zone"):
        link_forms.changes({**typed, "timezone": "Mars/Olympus"}, link)
