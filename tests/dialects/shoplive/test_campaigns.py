"""Search, one campaign, create and change: the campaign object, its states, and what is looked for."""

from __future__ import annotations

import datetime as dt
import re
import threading
from typing import Any

import pytest
from tests.dialects.shoplive.conftest import Shop, refused

from turnout.store.catalog import Sighting

#: documented: the properties of the object's parts, in their order.
META = [
    "campaignId", "campaignKey", "accessKey", "shoplivePlayerUrl", "title", "description", "campaignStatus", "rerun",
    "userCount", "likeCount", "rehearsalPasscode", "serveReplay", "logoImageUrl", "brand", "preCampaignVideoUrl",
    "preCampaignImageUrl", "postCampaignImageUrl", "backgroundImageUrl", "ieUnsupportImageUrl", "tags",
    "scheduledStartAt", "scheduledEndAt", "campaignStartedAt", "campaignEndedAt", "createdAt", "updatedAt",
]  # fmt: skip
#: documented: these are never null.
NEVER_NULL = {
    "campaignId": str, "campaignKey": str, "accessKey": str, "shoplivePlayerUrl": str, "title": str,
    "campaignStatus": str, "rerun": bool, "rehearsalPasscode": str, "serveReplay": bool, "preCampaignImageUrl": str,
    "postCampaignImageUrl": str, "backgroundImageUrl": str, "ieUnsupportImageUrl": str, "scheduledStartAt": str,
    "createdAt": str, "updatedAt": str,
}  # fmt: skip
SECOND = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)


def ago(**span: float) -> str:
    return (NOW - dt.timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%SZ")


def live(kind: str, recipient: str, time: str, campaign: str, **more: Any) -> dict[str, Any]:
    more = {"duration_s": 10, **more} if kind == "watched" else more
    return {"type": kind, "campaign": campaign, "recipient": recipient, "time": time, **more}


def create(shop: Shop, meta: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    answer = shop.client.post(shop.path(""), json={"campaignMeta": {"title": "a show", **(meta or {})}, **more})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    check(body)
    return body


def update(shop: Shop, key: str, **meta: Any) -> dict[str, Any]:
    answer = shop.client.put(shop.path(f"/{key}"), json={"campaignMeta": meta})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    check(body)
    return body


def meta_of(shop: Shop, key: str) -> dict[str, Any]:
    answer = shop.get(f"/{key}")
    assert answer.status_code == 200, answer.text
    check(answer.json())
    found: dict[str, Any] = answer.json()["campaignMeta"]
    return found


def check(body: dict[str, Any]) -> None:
    """The object's keys in their order, and what the document says of their types."""
    assert list(body) == ["campaignMeta", "stream", "campaignProductList", "seller"]
    meta = body["campaignMeta"]
    assert list(meta) == META
    for key, kind in NEVER_NULL.items():
        assert type(meta[key]) is kind, key
    for key in ("scheduledStartAt", "scheduledEndAt", "campaignStartedAt", "campaignEndedAt", "createdAt", "updatedAt"):
        assert meta[key] is None or SECOND.fullmatch(meta[key]), key
    assert list(body["stream"]) == [
        "streamUrl", "streamKey", "videoAspectRatio", "liveUrl", "liveUrls", "previewLiveUrl",
    ]  # fmt: skip
    assert body["campaignProductList"] == []


# ---- create -----------------------------------------------------------------------------------------


def test_create_as_documented(shop: Shop) -> None:
    """documented: the example of the request's body."""
    body = create(
        shop,
        {
            "title": "New campaign name here",
            "description": "Description of the campaign here",
            "tags": "tag1,tag2",
            "rehearsalPasscode": "1234",
            "serveReplay": True,
        },
    )
    meta = body["campaignMeta"]
    assert meta["campaignId"].isdecimal()
    assert re.fullmatch("[0-9A-Za-z]{1,32}", meta["campaignKey"])
    key, access_key = meta["campaignKey"], shop.access_key
    assert meta["shoplivePlayerUrl"] == f"https://www.shoplive.show/v1/player.html?ak={access_key}&ck={key}"
    assert {name: meta[name] for name in META[4:12]} == {
        "title": "New campaign name here", "description": "Description of the campaign here",
        "campaignStatus": "READY", "rerun": False, "userCount": None, "likeCount": None, "rehearsalPasscode": "1234",
        "serveReplay": True,
    }  # fmt: skip
    assert meta["tags"] == "tag1,tag2"
    assert meta["brand"] is body["seller"] is meta["campaignStartedAt"] is meta["campaignEndedAt"] is None
    # Everybody else sees it too: our own API, the search, and the show itself.
    own = next(one for one in shop.tenant.client.get("/v1/campaigns").json()["campaigns"] if one["key"] == key)
    assert (own["id"], own["title"], own["tags"], own["channels"]) == (key, meta["title"], ["tag1", "tag2"], ["live"])
    assert meta_of(shop, key) == meta
    assert shop.search() == ([key], 1)


def test_create_with_everything(shop: Shop) -> None:
    body = create(
        shop,
        {
            "scheduledStartAt": "2026-12-01T09:00:00Z", "scheduledEndAt": "2026-12-01T19:00:00.5+09:00",
            "brand": {"brandId": 7, "more": 1}, "rehearsalPasscode": 42, "unknown": [1], "tags": " a ,, b,a",
        },
        seller={"sellerId": "12"}, other=1,
    )  # fmt: skip
    meta = body["campaignMeta"]
    assert (meta["scheduledStartAt"], meta["scheduledEndAt"]) == ("2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z")
    assert (meta["rehearsalPasscode"], meta["tags"], meta["serveReplay"]) == ("42", "a,b", False)
    assert list(meta["brand"]) == [
        "brandId", "name", "identifier", "description", "imageUrl", "imageWidth", "imageHeight",
    ]  # fmt: skip
    assert meta["brand"]["brandId"] == "7"
    assert list(body["seller"]) == ["sellerId", "name", "profileUrl", "storeUrl", "description", "schemes"]
    assert body["seller"]["sellerId"] == "12"
    own = shop.tenant.client.get(f"/v1/campaigns/{meta['campaignKey']}").json()
    assert own["scheduled_at"] == "2026-12-01T09:00:00Z"
    assert own["properties"] == {
        "campaignMeta": {"rehearsalPasscode": "42", "brand": {"brandId": 7}, "scheduledEndAt": "2026-12-01T10:00:00Z"},
        "seller": {"sellerId": 12},
    }


def test_events_name_a_created_show_by_its_key(shop: Shop) -> None:
    key = create(shop)["campaignMeta"]["campaignKey"]
    refused(shop.get(f"/{key}/stats"), 404, -710)
    shop.tenant.send(live("watched", "a", ago(minutes=1), key))
    assert shop.get(f"/{key}/stats").json()["totalViewers"] == 1
    assert meta_of(shop, key)["campaignStatus"] == "ONAIR"


def test_a_title_is_required(shop: Shop) -> None:
    for meta in ({}, {"title": None}, {"title": ""}, {"title": "  "}, {"title": "\t\n"}):
        answer = shop.client.post(shop.path(""), json={"campaignMeta": meta})
        refused(answer, 400, -837, "The title of the campaign must not be blank")
    assert shop.search() == ([], 0)


BAD_BODIES = [
    b"", b"{", b"[]", b"null", b"7", b'"x"', b"\xff", b"{}", b'{"campaignMeta":null}', b'{"campaignMeta":[]}',
    b'{"campaignMeta":{"title":7}}', b'{"campaignMeta":{"title":{}}}', b'{"campaignMeta":{"title":"a\\u0000b"}}',
    b'{"campaignMeta":{"title":"t","tags":["a"]}}', b'{"campaignMeta":{"title":"t","serveReplay":"maybe"}}',
    b'{"campaignMeta":{"title":"t","brand":{}}}', b'{"campaignMeta":{"title":"t","brand":{"brandId":"x"}}}',
    b'{"campaignMeta":{"title":"t","brand":{"brandId":99999999999999999999}}}',
    b'{"campaignMeta":{"title":"t","rehearsalPasscode":[1]}}',
    b'{"campaignMeta":{"title":"t"},"seller":{"sellerId":1e400}}', b'{"campaignMeta":{"title":"t"},"seller":7}',
    b'{"campaignMeta":{"title":"t","scheduledStartAt":"soon"}}',
    b'{"campaignMeta":{"title":"t","scheduledEndAt":""}}',
    b'{"campaignMeta":{"title":"t","scheduledStartAt":"2026-12-01"}}',
    b'{"campaignMeta":{"title":"t","tags":"1,2,3,4,5,6,7,8,9,10,11"}}',
    b'{"campaignMeta":{"title":"' + b"t" * 2049 + b'"}}',
    b'{"campaignMeta":{"title":"t","tags":"' + b"t" * 257 + b'"}}',
    b'{"campaignMeta":{"title":"t","rehearsalPasscode":"' + b"t" * 257 + b'"}}', b"[" * 5000,
    b'{"campaignMeta":{"title":"t","description":"' + b"t" * 2_000_000 + b'"}}',
]  # fmt: skip


def test_bodies_that_are_refused(shop: Shop) -> None:
    key = shop.put("c", type="live")["key"]
    before = shop.get(f"/{key}").json()
    for body in BAD_BODIES:
        for answer in (
            shop.client.post(shop.path(""), content=body),
            shop.client.put(shop.path(f"/{key}"), content=body),
        ):
            refused(answer, 400, -510)
            assert len(answer.json()["_e"]) < 500
    assert shop.get(f"/{key}").json() == before
    assert shop.search() == ([key], 1)


# ---- change -----------------------------------------------------------------------------------------


def test_what_is_left_out_of_a_change_stays(shop: Shop) -> None:
    key = create(
        shop,
        {"description": "d", "tags": "a,b", "rehearsalPasscode": "1", "serveReplay": True, "brand": {"brandId": 1}},
        seller={"sellerId": 3},
    )["campaignMeta"]["campaignKey"]  # fmt: skip
    before = meta_of(shop, key)
    unchanged = {name for name in META if name != "updatedAt"}
    after = update(shop, key)["campaignMeta"]
    assert {name: after[name] for name in unchanged} == {name: before[name] for name in unchanged}
    after = update(shop, key, title=None, tags=None, description=None, scheduledEndAt=None)["campaignMeta"]
    assert {name: after[name] for name in unchanged} == {name: before[name] for name in unchanged}
    changes = {
        "title": "New title", "description": "New description", "tags": "c", "rehearsalPasscode": "9",
        "serveReplay": False, "scheduledStartAt": "2027-01-01T00:00:00Z", "scheduledEndAt": "2027-01-01T01:00:00Z",
    }  # fmt: skip
    for name, value in changes.items():
        body = update(shop, key, **{name: value})
        before = {**before, name: value}
        assert {name: body["campaignMeta"][name] for name in unchanged} == {name: before[name] for name in unchanged}
        assert body["seller"]["sellerId"] == "3"
    assert meta_of(shop, key)["brand"]["brandId"] == "1"
    assert update(shop, key, brand={"brandId": 2})["campaignMeta"]["brand"]["brandId"] == "2"
    assert update(shop, key, tags="", description="")["campaignMeta"]["tags"] is None


def test_a_change_leaves_what_others_set_alone(shop: Shop) -> None:
    """A campaign of our own API, with all that this room has no word for."""
    before = shop.put(
        "mail", title="t", type="Email", channels=["email"], uuid="3bbc4555-8fa0-4c9b-a5c0-4505edf3e064", number=5,
        messages=[{"id": "m"}], variations=[{"id": "v"}], goals=[{"event": "purchased"}], started_at=ago(hours=1),
        properties={"mine": [1], "campaignMeta": {"own": 1}}, tags=["x"], archived=True,
    )  # fmt: skip
    update(shop, before["key"], title="changed", serveReplay=True)
    after = shop.tenant.client.get("/v1/campaigns/mail").json()
    before["properties"]["campaignMeta"]["serveReplay"] = True
    assert {**after, "updated_at": 0} == {**before, "title": "changed", "updated_at": 0}


def test_a_change_of_what_is_not_there(make_shop: Any) -> None:
    mine, theirs = make_shop(), make_shop()
    key = create(theirs)["campaignMeta"]["campaignKey"]
    for one in (key, "unknown", "%00", "stats"):
        answer = mine.client.put(mine.path(f"/{one}"), json={"campaignMeta": {"title": "mine now"}})
        refused(answer, 404, -710, "Campaign does not exist")
        if one != "stats":
            refused(mine.get(f"/{one}"), 404, -710, "Campaign does not exist")
    assert meta_of(theirs, key)["title"] == "a show"
    refused(theirs.client.put(theirs.path(f"/{key}"), json={"campaignMeta": {"title": " "}}), 400, -837)


def test_changes_at_the_same_time_are_all_kept(shop: Shop) -> None:
    key = create(shop)["campaignMeta"]["campaignKey"]
    changes = [{"title": "T"}, {"description": "D"}, {"tags": "x"}, {"rehearsalPasscode": "P"}, {"serveReplay": True}]
    threads = [threading.Thread(target=update, args=(shop, key), kwargs=change) for change in changes * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    meta = meta_of(shop, key)
    assert [meta[name] for name in ("title", "description", "tags", "rehearsalPasscode", "serveReplay")] == [
        "T", "D", "x", "P", True,
    ]  # fmt: skip


def test_what_events_add_during_a_change_stays(shop: Shop, house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    key = create(shop)["campaignMeta"]["campaignKey"]
    catalog, workspace = house.services.catalog, shop.tenant.workspace.id
    read = catalog.campaign

    def read_and_then_events_come(*names: str) -> Any:
        found = read(*names)
        catalog.observe(workspace, [Sighting(campaign=key, channel="push", message="m", variation="v")])
        return found

    monkeypatch.setattr(catalog, "campaign", read_and_then_events_come)
    update(shop, key, title="changed")
    monkeypatch.undo()
    own = shop.tenant.client.get(f"/v1/campaigns/{key}").json()
    assert (own["title"], own["channels"]) == ("changed", ["live", "push"])
    assert ([one["id"] for one in own["messages"]], [one["id"] for one in own["variations"]]) == (["m"], ["v"])


def test_a_change_is_in_the_statistics_at_once(shop: Shop) -> None:
    key = create(shop)["campaignMeta"]["campaignKey"]
    shop.tenant.send(live("liked", "a", ago(minutes=1), key))
    assert shop.get(f"/{key}/stats").json()["title"] == "a show"
    update(shop, key, title="changed", scheduledStartAt="2026-12-01T09:00:00Z")
    found = shop.get(f"/{key}/stats").json()
    assert (found["title"], found["scheduledAt"]) == ("changed", "2026-12-01T09:00:00Z")


# ---- states -----------------------------------------------------------------------------------------


STATES = {
    "nothing is said": ({}, [], "READY"),
    "it starts tomorrow": ({"started_at": ago(days=-1)}, [], "READY"),
    "it has started": ({"started_at": ago(hours=1)}, [], "ONAIR"),
    "it has started, as a draft": ({"started_at": ago(hours=1), "draft": True}, [], "REHEARSAL"),
    "it has ended": ({"started_at": ago(days=1), "ended_at": ago(hours=1)}, [ago(minutes=1)], "ENDED"),
    "it will end": ({"started_at": ago(days=30), "ended_at": ago(hours=-1)}, [], "ONAIR"),
    "something happens in it": ({}, [ago(minutes=5)], "ONAIR"),
    "nobody ended it, and it has long been quiet": ({}, [ago(hours=7)], "ENDED"),
    "nobody ended it, and nobody ever came": ({"started_at": ago(hours=7)}, [], "ENDED"),
    "nobody ended it, and something happens": ({"started_at": ago(days=3)}, [ago(days=3), ago(hours=5)], "ONAIR"),
}


def test_states(shop: Shop) -> None:
    shop.tenant.send(*(live("liked", "a", at, name) for name, (_, events, _) in STATES.items() for at in events))
    keys = {}
    for number, (name, (fields, _, _)) in enumerate(STATES.items()):
        keys[name] = shop.put(name, type="live", key=f"k{number}", **fields)["key"]
    assert {name: meta_of(shop, key)["campaignStatus"] for name, key in keys.items()} == {
        name: state for name, (_, _, state) in STATES.items()
    }
    for each in ("READY", "REHEARSAL", "ONAIR", "ENDED"):
        found, _ = shop.search(campaignStatus=each.lower(), count=20)
        assert set(found) == {keys[name] for name, (_, _, state) in STATES.items() if state == each}
    assert shop.search(campaignStatus="READY, rehearsal,OnAir,ENDED")[1] == len(STATES)


def test_times_of_a_show_that_nobody_told(shop: Shop) -> None:
    """They are those of its first live event; whatever was sent before doesn't start it."""
    shop.tenant.send(
        {"type": "sent", "campaign": "c", "recipient": "a", "time": ago(days=2)},
        live("liked", "a", "2026-10-06T12:00:00.750Z", "c"),
        live("liked", "a", "2026-10-06T13:00:00Z", "c"),
    )
    key = shop.tenant.client.get("/v1/campaigns/c").json()["key"]
    meta = meta_of(shop, key)
    assert meta["scheduledStartAt"] == meta["campaignStartedAt"] == "2026-10-06T12:00:00Z"
    assert meta["campaignEndedAt"] is None


def test_viewers_and_likes_of_an_object(shop: Shop) -> None:
    shop.put("ready", type="live", key="ready")
    shop.put("now", key="now")
    shop.put("over", key="over", started_at=ago(days=1), ended_at=ago(hours=1))
    # Just now, whatever the moment at which this runs: the clock goes on while the tests do.
    fresh = dt.datetime.now(dt.UTC).isoformat()
    shop.tenant.send(
        live("watched", "a", fresh, "now"), live("watched", "b", fresh, "now", anonymous=True),
        live("watched", "c", ago(minutes=30), "now"), live("liked", "c", ago(minutes=30), "now", quantity=4),
        *(live("watched", viewer, ago(hours=2), "over") for viewer in "abca"),
        live("liked", "a", ago(hours=2), "over", quantity=2), live("liked", "b", ago(hours=2), "over"),
    )  # fmt: skip
    answer = shop.get("").json()["results"]
    found = {one["campaignMeta"]["campaignKey"]: one["campaignMeta"] for one in answer}
    wanted = {"ready": ("READY", None, None), "now": ("ONAIR", 2, 4), "over": ("ENDED", 3, 3)}
    for key, numbers in wanted.items():
        for meta in (found[key], meta_of(shop, key)):
            assert (meta["campaignStatus"], meta["userCount"], meta["likeCount"]) == numbers


# ---- search -----------------------------------------------------------------------------------------


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
