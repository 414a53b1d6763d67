"""GET /campaign/stats and /campaign/{key}/stats over real events: the documented body, and every number in it."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from tests.dialects.shoplive.conftest import Shop, refused

FROM, TO = "2026-10-05T00:00:00Z", "2026-10-12T00:00:00Z"
REACTIONS = ("liked", "chatted", "product_clicked", "banner_clicked")
NOON = "2026-10-06T12:00:00Z"

#: documented: the one example of the vendor's page, as text, so that 1 and 1.0 stay apart.
DOCUMENTED = """{"campaignId":"1234","campaignKey":"1234fef8e8e3","accessKey":"a1b2c3d4","title":"test campaign",\
"scheduledAt":"2022-07-08T06:30:00Z","startedAt":"2022-07-08T06:21:06Z","endedAt":"2022-07-11T12:38:59Z",\
"totalViewers":123456,"totalLoginViewers":100000,"peakConcurrentViewers":12345,"newLoginViewers":123455,\
"averageViewingTime":15,"totalViewingTime":1851840,"likes":123456,"likeViewers":123456,"averageLikes":1,\
"chats":123456,"chatViewers":123456,"averageChats":1.0,"productClicks":123456,"productClickViewers":123456,\
"averageProductClicks":1.0,"bannerClicks":123456}"""


def event(kind: str, recipient: str, time: str = NOON, campaign: str = "c", **more: Any) -> dict[str, Any]:
    more = {"duration_s": 10, **more} if kind == "watched" else more
    return {"type": kind, "campaign": campaign, "recipient": recipient, "time": time, **more}


def one(shop: Shop, from_: str = FROM, to: str = TO, **query: object) -> dict[str, Any]:
    (found,) = shop.stats(from_, to, **query)
    return found


# ---- the documented body ----------------------------------------------------------------------------


def test_the_documented_example_from_events(shop: Shop) -> None:
    """Its keys, their order, its texts and the kinds of its numbers; with twelve viewers in the place of 123456."""
    wanted, events = json.loads(DOCUMENTED), []
    shop.put(
        "c", title=wanted["title"], key=wanted["campaignKey"], number=int(wanted["campaignId"]),
        scheduled_at=wanted["scheduledAt"], started_at=wanted["startedAt"], ended_at=wanted["endedAt"],
    )  # fmt: skip
    day = "2022-07-08T07:{:02}:15Z"
    for viewer in range(12):
        person = {"recipient": f"v{viewer}", "anonymous": viewer >= 10, "campaign": "c"}
        # Four at a time watch a quarter of a minute, three times.
        events.append({"type": "watched", "time": day.format(viewer // 4), "duration_s": 15, **person})
        events += [{"type": kind, "time": day.format(30), **person} for kind in REACTIONS]
    shop.tenant.send(*events)
    scaled = DOCUMENTED.replace("a1b2c3d4", shop.access_key)
    for was, now in {
        '"totalLoginViewers":100000': '"totalLoginViewers":10', '"newLoginViewers":123455': '"newLoginViewers":10',
        '"peakConcurrentViewers":12345,': '"peakConcurrentViewers":4,', "1851840": "180", "123456": "12",
    }.items():  # fmt: skip
        assert was in scaled
        scaled = scaled.replace(was, now)
    answer = shop.get("/stats", from_="2022-07-08T00:00:00Z", to="2022-07-15T00:00:00Z")
    assert answer.text == f'{{"results":[{scaled}]}}'
    assert shop.get("/1234fef8e8e3/stats").text == scaled


def test_types_of_an_element(shop: Shop) -> None:
    shop.tenant.send(event("watched", "a"))
    wanted = json.loads(DOCUMENTED)
    found = one(shop)
    assert list(found) == list(wanted)
    assert len(found) == 23
    kinds = {key: type(value) for key, value in wanted.items()}
    assert {key: type(value) for key, value in found.items()} == {
        **kinds, "scheduledAt": type(None), "endedAt": type(None),
    }  # fmt: skip


# ---- numbers ----------------------------------------------------------------------------------------


def test_every_figure_against_the_events(shop: Shop) -> None:
    """The events, and the numbers counted from them by hand."""
    shop.tenant.send(
        event("watched", "a", "2026-10-06T10:00:00Z", duration_s=60),
        event("watched", "a", "2026-10-06T10:00:30Z", duration_s=60),  # overlaps: one viewer at any instant
        event("watched", "b", "2026-10-06T10:00:20Z", duration_s=10.5),
        event("watched", "g", "2026-10-06T10:00:15Z", duration_s=30, anonymous=True),
        event("watched", "h", "2026-10-06T11:00:00Z", duration_s=0, anonymous=True),
        event("liked", "a", quantity=3),
        event("liked", "a", "2026-10-06T12:00:01Z"),
        event("liked", "g", anonymous=True),
        event("liked", "z", quantity=2),  # never watched
        event("chatted", "a"),
        event("chatted", "b", quantity=4),
        event("product_clicked", "a", product="p1"),
        event("product_clicked", "a", product="p2", quantity=2),
        event("product_clicked", "b", product="p1", quantity=0),
        event("product_clicked", "g", product="p1"),
        event("banner_clicked", "a"),
        event("banner_clicked", "b", quantity=6),
        event("sent", "a"),
        event("clicked", "a"),
        event("watched", "bot", "2026-10-06T10:00:10Z", duration_s=500, traffic="bot"),
        event("liked", "bot", traffic="bot"),
    )
    found = one(shop)
    assert dict(list(found.items())[7:]) == {
        "totalViewers": 4,
        "totalLoginViewers": 2,
        "peakConcurrentViewers": 3,  # a, b and g from 10:00:09.5 to 10:00:15
        "newLoginViewers": 2,
        "averageViewingTime": 40,  # 160.5 / 4 = 40.125
        "totalViewingTime": 161,  # 60 + 60 + 10.5 + 30, to the nearest
        "likes": 7,
        "likeViewers": 3,
        "averageLikes": 2,  # 7 / 3
        "chats": 5,
        "chatViewers": 2,
        "averageChats": 2.5,
        "productClicks": 4,
        "productClickViewers": 3,
        "averageProductClicks": 4 / 3,
        "bannerClicks": 7,
    }


def test_whole_averages_are_rounded_to_the_nearest(shop: Shop) -> None:
    cases = {(1, 2): 2, (1, 1, 2): 1, (1, 2, 2): 2, (0,): 0, (5,): 5}
    for likes in cases:
        shop.tenant.send(
            *(event("liked", f"v{viewer}", campaign=str(likes), quantity=many) for viewer, many in enumerate(likes))
        )
    assert {each["title"]: each["averageLikes"] for each in shop.stats(FROM, TO)} == {
        str(likes): wanted for likes, wanted in cases.items()
    }


def test_doubles_have_a_point_and_nothing_is_divided_by_nothing(shop: Shop) -> None:
    shop.tenant.send(event("watched", "a"))
    text = shop.get("/stats", from_=FROM, to=TO).text
    assert '"averageLikes":0,' in text
    assert '"averageChats":0.0,' in text
    assert '"averageProductClicks":0.0,' in text
    shop.tenant.send(*(event("chatted", f"v{number}", quantity=2) for number in range(3)))
    assert '"averageChats":2.0,' in shop.get("/stats", from_=FROM, to=TO).text


def test_a_show_that_only_has_reactions_is_there(shop: Shop) -> None:
    shop.tenant.send(*(event(kind, "a", campaign=kind) for kind in ("watched", *REACTIONS)))
    found = shop.stats(FROM, TO)
    assert sorted(each["title"] for each in found) == [
        "banner_clicked", "chatted", "liked", "product_clicked", "watched",
    ]  # fmt: skip
    assert {each["title"]: each["totalViewers"] for each in found}["liked"] == 0


def test_a_viewer_is_new_in_the_first_show_only(shop: Shop) -> None:
    shop.tenant.send(
        event("watched", "a", "2026-10-05T12:00:00Z", "first"),
        event("watched", "a", "2026-10-06T12:00:00Z", "second"),
        event("watched", "b", "2026-10-06T12:00:00Z", "second"),
        event("watched", "g", "2026-10-06T12:00:00Z", "second", anonymous=True),
    )
    assert {each["title"]: each["newLoginViewers"] for each in shop.stats(FROM, TO)} == {"first": 1, "second": 1}
    # In a later range, who came before it isn't new.
    (later,) = shop.stats("2026-10-06T00:00:00Z", TO)
    assert (later["title"], later["totalLoginViewers"], later["newLoginViewers"]) == ("second", 2, 1)


# ---- the range --------------------------------------------------------------------------------------


def test_both_ends_of_the_range_are_in_it(shop: Shop) -> None:
    shop.tenant.send(
        *(
            event("liked", "a", f"2026-10-06T{time}Z")
            for time in ("09:59:59.999", "10:00:00", "10:30:00", "11:00:00", "11:00:00.001")
        )
    )
    assert one(shop, "2026-10-06T10:00:00Z", "2026-10-06T11:00:00Z")["likes"] == 3
    assert one(shop, "2026-10-06T10:00:00Z", "2026-10-06T10:00:00Z")["likes"] == 1
    assert one(shop, "2026-10-06T09:59:59.999Z", "2026-10-06T11:00:00.001Z")["likes"] == 5
    assert one(shop, "2026-10-06T09:59:59.9995Z", "2026-10-06T11:00:00.0005Z")["likes"] == 3
    assert shop.stats("2026-10-06T12:00:00Z", "2026-10-06T13:00:00Z") == []


def test_an_interval_over_the_edge(shop: Shop) -> None:
    """It is in the peak for its part inside; everything else counts it where it ends."""
    shop.tenant.send(event("watched", "a", "2026-10-06T12:00:10Z", duration_s=20))
    shop.tenant.send(event("liked", "b", "2026-10-06T11:30:00Z"))
    before = one(shop, "2026-10-06T11:00:00Z", "2026-10-06T12:00:00Z")
    assert (before["peakConcurrentViewers"], before["totalViewers"], before["totalViewingTime"]) == (1, 0, 0)
    assert before["averageViewingTime"] == 0
    after = one(shop, "2026-10-06T12:00:00Z", "2026-10-06T13:00:00Z")
    assert (after["peakConcurrentViewers"], after["totalViewers"], after["totalViewingTime"]) == (1, 1, 20)


def test_an_interval_that_only_reaches_into_the_range_brings_no_show_into_it(shop: Shop) -> None:
    shop.tenant.send(event("watched", "a", "2026-10-06T12:00:10Z", duration_s=20))
    assert shop.stats("2026-10-06T11:00:00Z", "2026-10-06T12:00:00Z") == []
    (found,) = shop.stats("2026-10-06T11:00:00Z", "2026-10-06T12:00:10Z")
    assert (found["peakConcurrentViewers"], found["totalViewers"]) == (1, 1)


def test_exactly_a_week_and_no_more(shop: Shop) -> None:
    shop.tenant.send(event("liked", "a", FROM), event("liked", "a", TO))
    assert one(shop)["likes"] == 2
    for from_, to in (
        ("2026-10-05T00:00:00Z", "2026-10-12T00:00:01Z"),
        ("2026-10-05T00:00:00Z", "2026-10-12T00:00:00.000001Z"),
        ("2026-10-05T00:00:00+01:00", "2026-10-12T00:00:00Z"),
        ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
    ):
        refused(shop.get("/stats", from_=from_, to=to), 400, -510, "The maximum period is one week")
    # A clock that is an hour off at both ends is the same week.
    assert one(shop, "2026-10-05T01:00:00+01:00", "2026-10-12T01:00:00+01:00")["likes"] == 2


TIMES = [
    "2026-10-06T12:00:00Z", "2026-10-06t12:00:00z", "2026-10-06T12:00Z", "2026-10-06T12:00:00.000Z",
    "2026-10-06T12:00:00,000000000Z", "2026-10-06T21:00:00+09:00", "2026-10-06T21:00:00+0900",
    "2026-10-06T21:00:00+09", "2026-10-06T21:00:00 09:00", "2026-10-06T06:30:00-05:30", " 2026-10-06T12:00:00Z ",
]  # fmt: skip


def test_forms_of_a_time(shop: Shop) -> None:
    shop.tenant.send(event("liked", "a", NOON), event("liked", "a", "2026-10-06T12:00:00.001Z"))
    for to in TIMES:
        assert one(shop, to=to)["likes"] == 1, to


def test_a_plus_sign_that_arrives_as_a_space(shop: Shop) -> None:
    shop.tenant.send(event("liked", "a", NOON))
    path = shop.path("/stats?from=2026-10-06T21:00:00+09:00&to=2026-10-06T21:00:00+09:00")
    assert shop.client.get(path).json()["results"][0]["likes"] == 1


NO_TIMES = [
    "", " ", "yesterday", "2026-10-06", "2026-10-06T12:00:00", "2026-13-06T12:00:00Z", "2026-02-30T12:00:00Z",
    "2026-10-06T25:00:00Z", "2026-10-06T12:60:00Z", "1791288000", "2026-10-06T12:00:00Zjunk", "2026-10-06T12Z",
    "2026-10-06T12:00:00+99:00", "2026-10-06T12:00:00+9", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+09:00",
    "9999-12-31T23:59:59-09:00", "2026-10-06T12:00:00.1234567890Z", "2026-10-06T12:00:00Z\0",
    "٢٠٢٦-10-06T12:00:00Z", "9" * 5000,
]  # fmt: skip


def test_what_is_no_time(shop: Shop) -> None:
    for bad in NO_TIMES:
        for name in ("from", "to"):
            answer = shop.client.get(shop.path("/stats"), params={"from": NOON, "to": NOON, name: bad})
            refused(answer, 400, -510)
            assert name in answer.json()["_e"]


def test_a_range_needs_both_ends_in_order(shop: Shop) -> None:
    refused(shop.get("/stats"), 400, -510, "from is required")
    refused(shop.get("/stats", from_=FROM), 400, -510, "to is required")
    refused(shop.get("/stats", to=TO), 400, -510, "from is required")
    refused(shop.get("/stats", from_=TO, to=FROM), 400, -510, "from must not be later than to")


def test_times_before_and_after_every_event(shop: Shop) -> None:
    shop.tenant.send(event("liked", "a"))
    assert shop.stats("0001-01-01T00:00:00Z", "0001-01-02T00:00:00Z") == []
    assert shop.stats("9999-12-30T00:00:00Z", "9999-12-31T23:59:59.999999Z") == []


# ---- which campaigns, and their order ---------------------------------------------------------------


def test_campaigns_by_their_keys(shop: Shop) -> None:
    keys = {name: shop.put(name, title=name)["key"] for name in "abc"}
    shop.tenant.send(*(event("liked", "v", campaign=name) for name in "abc"))

    def titles(text: str) -> list[str]:
        return sorted(each["title"] for each in shop.stats(FROM, TO, campaignKeys=text))

    assert titles("") == titles(",") == ["a", "b", "c"]
    assert titles(keys["a"]) == ["a"]
    assert titles(f"{keys['a']}, {keys['c']},unknown,,{keys['a']}") == ["a", "c"]
    assert titles("unknown") == titles("a") == titles("\0") == titles("x" * 3000) == []
    both = shop.client.get(shop.path(f"/stats?from={FROM}&to={TO}&campaignKeys={keys['a']}&campaignKeys={keys['b']}"))
    assert len(both.json()["results"]) == 2
    assert len(shop.stats(FROM, TO, campaignKeys=",".join(map(str, range(1000))))) == 0
    refused(shop.get("/stats", from_=FROM, to=TO, campaignKeys=",".join(map(str, range(1001)))), 400, -510)
    # What the vendor doesn't have is not looked at.
    assert len(shop.stats(FROM, TO, page=3, foo="bar")) == 3


def test_a_campaign_that_is_no_show_is_not_there(shop: Shop) -> None:
    key = shop.put("mail", channels=["email"])["key"]
    shop.put("planned", type="live")
    shop.tenant.send(event("sent", "a", campaign="mail"), event("opened", "a", campaign="mail"))
    shop.tenant.send(event("liked", "robot", campaign="machine", traffic="bot"))
    assert shop.stats(FROM, TO) == shop.stats(FROM, TO, campaignKeys=key) == []


def test_the_latest_start_comes_first(shop: Shop) -> None:
    shop.put("early", number=11, started_at="2026-10-05T08:00:00Z", scheduled_at="2026-10-09T00:00:00Z")
    shop.put("late", number=12, started_at="2026-10-07T08:00:00Z")
    shop.put("tie_b", number=14, started_at="2026-10-06T08:00:00.900Z")
    shop.put("tie_a", number=13, started_at="2026-10-06T08:00:00.100Z")
    # Nobody says when this one started: when something first happened in it.
    shop.put("unsaid", number=15, scheduled_at="2026-10-01T00:00:00Z")
    for name in ("early", "late", "tie_b", "tie_a", "unsaid"):
        shop.tenant.send(event("liked", "a", "2026-10-08T00:00:00Z", name), event("sent", "a", FROM, name))
    found = shop.stats(FROM, TO)
    assert [each["title"] for each in found] == ["unsaid", "late", "tie_a", "tie_b", "early"]
    assert [each["startedAt"] for each in found] == [
        "2026-10-08T00:00:00Z", "2026-10-07T08:00:00Z", "2026-10-06T08:00:00Z", "2026-10-06T08:00:00Z",
        "2026-10-05T08:00:00Z",
    ]  # fmt: skip
    assert [each["scheduledAt"] for each in found] == [
        "2026-10-01T00:00:00Z", None, None, None, "2026-10-09T00:00:00Z",
    ]  # fmt: skip


def test_times_are_whole_seconds_of_utc(shop: Shop) -> None:
    shop.put("c", started_at="2026-10-06T21:00:00.999+09:00", ended_at="0001-01-01T00:00:00+09:00")
    shop.tenant.send(event("liked", "a"))
    found = one(shop)
    assert (found["startedAt"], found["endedAt"]) == ("2026-10-06T12:00:00Z", "0001-01-01T00:00:00Z")


def test_an_entry_that_was_deleted_is_left_out(shop: Shop) -> None:
    shop.tenant.send(event("liked", "a"), event("liked", "a", campaign="d"))
    shop.tenant.client.delete("/v1/campaigns/c").raise_for_status()
    assert [each["title"] for each in shop.stats(FROM, TO)] == ["d"]


# ---- one campaign -----------------------------------------------------------------------------------


def test_one_campaign_is_an_element_of_its_whole_life(shop: Shop) -> None:
    key = shop.put("c")["key"]
    refused(shop.get(f"/{key}/stats"), 404, -710, "The campaign has no viewers yet")
    shop.tenant.send(event("sent", "a"))
    refused(shop.get(f"/{key}/stats"), 404, -710)
    shop.tenant.send(event("watched", "a", "2024-01-01T00:00:00Z"))
    # Not kept: the next answer is of the events that came meanwhile.
    assert shop.get(f"/{key}/stats").json()["totalViewers"] == 1
    shop.tenant.send(event("watched", "b", "2026-10-06T00:00:00Z"), event("liked", "b"))
    answer = shop.get(f"/{key}/stats", from_="junk", to="junk")
    found = answer.json()
    assert (found["totalViewers"], found["likes"], found["campaignKey"]) == (2, 1, key)
    assert list(found) == list(json.loads(DOCUMENTED))
    refused(shop.get("/unknown/stats"), 404, -710, "Campaign does not exist")


def test_the_literal_path_wins(shop: Shop) -> None:
    shop.put("c", key="stats")
    shop.tenant.send(event("liked", "a"))
    refused(shop.get("/stats"), 400, -510, "from is required")
    assert one(shop)["campaignKey"] == "stats"
    assert shop.get("/stats/stats").json()["likes"] == 1


# ---- kept answers -----------------------------------------------------------------------------------


def test_an_answer_is_made_anew_when_anything_changes(shop: Shop) -> None:
    shop.tenant.send(event("liked", "a"))
    for _ in range(2):
        assert one(shop)["likes"] == 1
    shop.tenant.send(event("liked", "b"))
    assert one(shop)["likes"] == 2
    shop.put("c", title="renamed", ended_at="2026-10-07T00:00:00Z")
    assert (one(shop)["title"], one(shop)["endedAt"]) == ("renamed", "2026-10-07T00:00:00Z")


def test_a_kept_answer_asks_the_engine_nothing(shop: Shop, house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.tenant.send(event("liked", "a"))
    first = shop.get("/stats", from_=FROM, to=TO)

    def fail(*_: object) -> None:
        raise AssertionError("asked again")

    monkeypatch.setattr(house.services.statistics, "ask", fail)
    assert shop.get("/stats", from_=FROM, to=TO).content == first.content
    assert shop.get("/stats", from_=FROM, to=NOON).status_code == 500


def test_two_workspaces_with_the_same_campaign(make_shop: Any) -> None:
    mine, theirs = make_shop(), make_shop()
    for number, shop in enumerate((mine, theirs)):
        shop.put("c", key="1234fef8e8e3", number=7)
        shop.tenant.send(*(event("liked", f"v{viewer}") for viewer in range(number + 1)))
    for number, shop in enumerate((mine, theirs)):
        assert one(shop)["likes"] == number + 1
        assert one(shop)["accessKey"] == shop.access_key
        assert shop.get("/1234fef8e8e3/stats").json()["likes"] == number + 1
    only = theirs.put("only")["key"]
    theirs.tenant.send(event("liked", "a", campaign="only"))
    refused(mine.get(f"/{only}/stats"), 404, -710, "Campaign does not exist")
    assert mine.stats(FROM, TO, campaignKeys=only) == []


def test_a_week_of_windows_adds_up(shop: Shop) -> None:
    """Windows that end a second before the next begins, as generic clients cut them: each event in one of them."""
    start = dt.datetime(2026, 10, 5, tzinfo=dt.UTC)
    shop.tenant.send(
        *(event("liked", f"v{hour}", (start + dt.timedelta(hours=hour)).isoformat()) for hour in range(72))
    )
    total = 0
    for day in range(3):
        first = start + dt.timedelta(days=day)
        last = first + dt.timedelta(days=1, seconds=-1)
        total += one(shop, f"{first:%Y-%m-%dT%H:%M:%SZ}", f"{last:%Y-%m-%dT%H:%M:%SZ}")["likes"]
    assert total == 72
