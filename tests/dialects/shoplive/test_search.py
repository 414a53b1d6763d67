"""The search: which campaigns are shows, what is looked for, pages, and what a search may not say."""

from __future__ import annotations

from typing import Any

import pytest
from tests.dialects.shoplive.conftest import Shop, ago, create, live, meta_of, refused, update


def test_which_campaigns_are_shows(shop: Shop) -> None:
    shop.put("mail", channels=["email"], key="mail", number=901)
    shop.put("plain", key="plain")
    shop.put("typed", type="Live Show", key="typed")
    shop.put("channeled", channels=["email", "live"], key="channeled")
    shop.put("gone", type="live", archived=True, key="gone")
    shop.put("watched", channels=["email"], key="watched")
    shop.tenant.send(
        live("chatted", "a", ago(hours=1), "watched"), {"type": "sent", "campaign": "mail", "time": ago(hours=1)}
    )
    made = create(shop)["campaignMeta"]["campaignKey"]
    found, total = shop.search()
    assert (sorted(found), total) == (sorted(["typed", "channeled", "watched", made]), 4)
    # Who names one gets it, whatever it is.
    assert shop.search(campaignKeys="mail,plain,gone,nothing")[1] == 3
    assert shop.search(campaignIds="901") == (["mail"], 1)
    assert shop.get("/mail").status_code == 200


@pytest.fixture
def schedule(shop: Shop) -> Shop:
    """Five shows, a day apart."""
    rows = [("Spring sale", "flowers", "a,b"), ("Summer SALE", "", "b"), ("Autumn", "the sale of leaves", "c"),
            ("Winter", "", ""), ("Straße", "", "a,c")]  # fmt: skip
    for day, (title, description, tags) in enumerate(rows, start=1):
        shop.put(
            f"s{day}", key=f"s{day}", number=100 + day, type="live", title=title, description=description,
            tags=[tag for tag in tags.split(",") if tag], scheduled_at=f"2026-10-{day:02}T09:00:00.600Z",
            properties={"seller": {"sellerId": day % 2}},
        )  # fmt: skip
    return shop


SEARCHES: list[tuple[dict[str, str], str]] = [
    ({}, "s5 s4 s3 s2 s1"),
    ({"sortAscending": "true"}, "s1 s2 s3 s4 s5"),
    ({"sortAscending": "FALSE"}, "s5 s4 s3 s2 s1"),
    ({"from": "2026-10-03T09:00:00Z"}, "s5 s4 s3"),
    ({"from": "2026-10-03T09:00:01Z"}, "s5 s4"),
    ({"to": "2026-10-03T09:00:00Z"}, "s3 s2 s1"),
    ({"to": "2026-10-03T08:59:59Z"}, "s2 s1"),
    ({"from": "2026-10-02T18:00:00+09:00", "to": "2026-10-04T18:00:00 09:00"}, "s4 s3 s2"),
    ({"from": "2020-01-01T00:00:00Z", "to": "2030-01-01T00:00:00Z"}, "s5 s4 s3 s2 s1"),  # no week here
    ({"from": "2026-10-09T00:00:00Z", "to": "2026-10-01T00:00:00Z"}, ""),
    ({"keyword": "sale"}, "s3 s2 s1"),
    ({"keyword": " STRASSE "}, "s5"),
    ({"keyword": "nothing"}, ""),
    ({"tags": "a"}, "s5 s1"),
    ({"tags": "a,b"}, "s5 s2 s1"),
    ({"tags": "a,b", "tagSearchOperator": "OR"}, "s5 s2 s1"),
    ({"tags": "a, b", "tagSearchOperator": "and"}, "s1"),
    ({"tags": "a,nothing", "tagSearchOperator": "AND"}, ""),
    ({"sellerId": "1"}, "s5 s3 s1"),
    ({"sellerId": "-2147483648"}, ""),
    ({"campaignIds": "101,103, 999,x,-5,9999999999999999999999"}, "s3 s1"),
    ({"campaignIds": "x"}, ""),
    ({"campaignKeys": "s1,s4,S5"}, "s4 s1"),
    ({"campaignKeys": "s1,s4", "campaignIds": "104"}, "s4"),
    ({"campaignStatus": "ready", "sellerId": "0"}, "s4 s2"),
    ({"campaignStatus": "ENDED"}, ""),
    ({"keyword": "", "tags": "", "sellerId": "", "page": "", "count": "", "campaignStatus": "", "from": "",
      "sortAscending": "", "tagSearchOperator": "", "to": ""}, "s5 s4 s3 s2 s1"),
    ({"whatever": "x", "keyword": "\0"}, ""),
]  # fmt: skip


def test_what_is_found(schedule: Shop) -> None:
    for query, keys in SEARCHES:
        assert schedule.search(**query) == (keys.split(), len(keys.split())), query


def test_pages(schedule: Shop) -> None:
    assert schedule.search(count=2) == (["s5", "s4"], 5)
    assert schedule.search(count=2, page=2) == (["s3", "s2"], 5)
    assert schedule.search(count=2, page=3) == (["s1"], 5)
    assert schedule.search(count=2, page=4) == ([], 5)
    assert schedule.search(page=2**31 - 1, count=20) == ([], 5)
    for number in range(8):
        schedule.put(f"more{number}", type="live", scheduled_at="2020-01-01T00:00:00Z", number=200 + number)
    assert len(schedule.search()[0]) == 10
    assert len(schedule.search(page=2)[0]) == 3
    assert len(schedule.search(count=20)[0]) == 13


BAD_SEARCHES = [
    ("page", "0"), ("page", "-1"), ("page", "x"), ("page", "1.5"), ("page", "2147483648"), ("page", "9" * 400),
    ("page", "\u0661"), ("count", "0"), ("count", "21"), ("count", "ten"), ("sellerId", "x"),
    ("sellerId", "2147483648"),
    ("campaignStatus", "LIVE"), ("campaignStatus", "READY,x"), ("tagSearchOperator", "XOR"),
    ("sortAscending", "yes please"), ("from", "2026-10-01"), ("to", "now"),
    ("campaignKeys", ",".join(map(str, range(1001)))), ("tags", ",".join(map(str, range(1001)))),
]  # fmt: skip


def test_what_can_not_be_looked_for(shop: Shop) -> None:
    for name, bad in BAD_SEARCHES:
        answer = shop.client.get(shop.path(""), params={name: bad})
        refused(answer, 400, -510)
        assert name in answer.json()["_e"]


def test_two_workspaces_find_their_own(make_shop: Any) -> None:
    mine, theirs = make_shop(), make_shop()
    key = create(theirs)["campaignMeta"]["campaignKey"]
    assert mine.search() == mine.search(campaignKeys=key) == ([], 0)
    assert theirs.search() == ([key], 1)


def test_properties_that_are_not_of_this_rooms_form(shop: Shop) -> None:
    """Our own API keeps any properties; here they are as if they were not."""
    for number, properties in enumerate(
        ({"campaignMeta": 7}, {"campaignMeta": {"brand": "x"}}, {"seller": []}, {"campaignMeta": {"serveReplay": "x"}})
    ):
        shop.put(f"c{number}", key=f"k{number}", type="live", properties=properties)
        meta_of(shop, f"k{number}")
        assert update(shop, f"k{number}", rehearsalPasscode="1")["campaignMeta"]["title"] == f"c{number}"
    shop.put("images", key="images", type="live", properties={"campaignMeta": {"logoImageUrl": "https://e.org/l.png"}})
    assert meta_of(shop, "images")["logoImageUrl"] == "https://e.org/l.png"
    assert shop.search(sellerId=1) == ([], 0)


def test_options_of_one_campaign(shop: Shop) -> None:
    shop.put("c", key="k")
    assert shop.get("/k", includeAuctionDetail="true", resolutionLevel=4).status_code == 200
    refused(shop.get("/k", includeAuctionDetail="perhaps"), 400, -510)
    refused(shop.get("/k", resolutionLevel=5), 400, -510)
