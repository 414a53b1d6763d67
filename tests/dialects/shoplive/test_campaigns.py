"""One campaign, create and change: the campaign object, its states, and its numbers."""

from __future__ import annotations

import datetime as dt
import re
import threading
from typing import Any

import pytest
from tests.dialects.shoplive.conftest import META, Shop, ago, create, live, meta_of, refused, update

from turnout.store.sightings import Sighting

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
