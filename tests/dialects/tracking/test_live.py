"""POST /v1/live/{campaign} over a real socket: who may send what, and what is counted of it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from turnout.capture.viewers import VIEWERS_LIMIT, Viewers
from turnout.dialects.tracking import live

METRICS = "viewers,login_viewers,viewing_time_s,liked,liked_quantity,product_clicked"


def signed(secret: str, **claims: Any) -> str:
    """A viewer's token, put together by hand."""
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    text = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


@dataclass
class Page:
    """A page that shows `show`, and the workspace behind it."""

    tenant: Any
    client: httpx.Client

    def post(self, said: object, campaign: str = "show", **query: str) -> httpx.Response:
        content = said if isinstance(said, (bytes, str)) else json.dumps(said)
        query = query or {"key": self.tenant.workspace.access_key}
        return self.client.post(
            f"/v1/live/{campaign}", content=content, params=query, headers={"Content-Type": "text/plain;charset=UTF-8"}
        )

    def say(self, said: object) -> tuple[int, int, list[dict[str, Any]]]:
        """Accepted, duplicates, rejected."""
        answer = self.post(said)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        return body["accepted"], body["duplicates"], body["rejected"]

    def totals(self) -> dict[str, Any]:
        found: dict[str, Any] = self.tenant.stats(METRICS, campaign="show", traffic="all")["totals"]
        return found


@pytest.fixture
def page(tenant, url):
    tenant.client.put("/v1/campaigns/show", json={"key": "1234fef8e8e3"}).raise_for_status()
    with httpx.Client(base_url=url, timeout=60) as client:
        yield Page(tenant, client)


def beat(*slots: tuple[int, int, int, int], clock_ms: int | None = None, **more: Any) -> dict[str, Any]:
    """A heartbeat. The page's clock stands still at 100 s, as a test takes no time."""
    clock_ms = 100_000 if clock_ms is None else clock_ms
    who = {"viewer": "guest-1", "guest": True} | more
    return {"session": "session-1", "clock_ms": clock_ms, "slots": slots, **who}


def ago(seconds: float) -> float:
    return time.time() - seconds


# ---- counting -------------------------------------------------------------------------------------


def test_heartbeats_that_repeat_count_once(page):
    first = (1, 0, 10_000, 10_000)
    assert page.say(beat(first)) == (1, 0, [])
    assert page.say(beat(first)) == (0, 1, [])
    assert page.say(beat(first, (1, 1, 20_000, 10_000))) == (1, 1, [])
    assert page.totals()["viewing_time_s"] == 20
    assert page.totals()["viewers"] == 1
    assert page.totals()["login_viewers"] == 0


def test_a_lost_heartbeat_comes_later_with_its_own_time(page):
    page.say(beat((1, 0, 10_000, 10_000)))
    assert page.say(beat((1, 2, 30_000, 10_000))) == (1, 0, [])
    assert page.say(beat((1, 1, 20_000, 10_000), (1, 2, 30_000, 10_000))) == (1, 1, [])
    assert page.totals()["viewing_time_s"] == 30


def test_two_tabs_of_one_viewer_are_one_viewer_watching(page):
    page.say(beat((1, 0, 50_000, 10_000), session="first-tab"))
    page.say(beat((1, 0, 54_000, 10_000), session="other-tab"))
    assert 14 <= page.totals()["viewing_time_s"] < 15
    assert page.totals()["viewers"] == 1


def test_cumulative_intervals_count_once_each_second(page):
    """A client that always says all it has watched so far."""
    end = ago(60)
    for index in range(4):
        page.say({"type": "watched", "recipient": "a", "time": end + 10 * index, "duration_s": 10 * (index + 1)})
    # From ten seconds before the first end until thirty seconds after it.
    assert page.totals()["viewing_time_s"] == 40


def test_an_interval_around_a_known_one_leaves_both_sides(page):
    end = round(ago(60), 3)
    assert page.say({"type": "watched", "recipient": "a", "time": end, "duration_s": 4})[:2] == (1, 0)
    around = {"type": "watched", "recipient": "a", "time": end + 3, "duration_s": 10, "id": "x"}
    assert page.say(around)[:2] == (1, 0)
    assert page.say(around)[:2] == (0, 1)
    assert page.totals()["viewing_time_s"] == 10
    exported = page.tenant.client.get("/v1/events", params={"campaign": "show"}).text.splitlines()
    assert len(exported) == 3


def test_a_server_that_forgot_everything_asks_its_store(page, monkeypatch):
    """After a restart the same beacon, and one that overlaps, find what was written before."""
    said = {"type": "watched", "recipient": "a", "time": ago(20), "duration_s": 10}
    slots = beat((1, 0, 10_000, 10_000), (1, 1, 20_000, 10_000))
    page.say([said])
    page.say(slots)
    before = page.totals()["viewing_time_s"]
    forgetful = live.PerHouse(live._State)
    monkeypatch.setattr(live, "_states", forgetful)
    assert page.say([said]) == (0, 1, [])
    assert page.say({**said, "duration_s": 12}) == (1, 0, [])
    accepted, duplicates, _ = page.say(slots)
    assert accepted + duplicates == 2
    accepted, duplicates, _ = page.say(slots)
    assert (accepted, duplicates) == (0, 2)
    assert before + 2 <= page.totals()["viewing_time_s"] <= before + 2.001


def test_viewers_that_are_too_many_are_found_again(page, monkeypatch):
    """With room for one viewer, the store is asked of the other."""
    few = live._State(viewers=Viewers(limit=1))
    monkeypatch.setattr(live._states, "of", lambda services: few)
    assert VIEWERS_LIMIT > 1
    end = ago(30)
    said = [{"type": "watched", "recipient": name, "time": end, "duration_s": 10, "id": name} for name in "abc"]
    assert page.say(said)[0] == 3
    longer = [{**one, "duration_s": 11, "id": one["id"] + "+"} for one in said]
    assert page.say(longer)[0] == 3
    assert page.totals()["viewing_time_s"] == 33


def test_reactions_are_counted_once_and_likes_by_quantity(page):
    acts = [[0, "liked", 900, 7, ""], [1, "product_clicked", 950, 1, "sku-1"]]
    said = {"session": "session-1", "clock_ms": 1000, "viewer": "anna", "acts": acts}
    assert page.say(said) == (2, 0, [])
    assert page.say(said | {"clock_ms": 5000}) == (0, 2, [])
    assert page.totals() | {"liked_quantity": 7, "product_clicked": 1} == page.totals()


def test_nobody_watches_longer_than_the_clock_ran(page):
    """Many pages of one viewer that all claim the same minute get that minute."""
    for number in range(5):
        page.say(beat((1, 0, 100_000, 60_000), session=f"session-{number}"))
    assert 60 <= page.totals()["viewing_time_s"] < 62


# ---- who ------------------------------------------------------------------------------------------


def test_a_token_says_who_watches(page):
    token = signed(page.tenant.workspace.signing_secret, sub="anna", exp=time.time() + 60)
    said = {"session": "session-1", "clock_ms": 10_000, "slots": [[1, 0, 10_000, 10_000]], "token": token}
    assert page.say(said)[0] == 1
    assert page.totals() | {"viewers": 1, "login_viewers": 1} == page.totals()
    other = {"token": token, "events": [{"type": "liked", "recipient": "bert"}, {"type": "liked"}]}
    accepted, _, rejected = page.say(other)
    assert (accepted, [(one["index"], one["field"]) for one in rejected]) == (1, [(0, "recipient")])


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"sub": "anna", "exp": 1_000_000_000}, "expired"),
        ({"exp": 9_000_000_000}, "'sub'"),
        ({"sub": "anna", "nbf": 9_000_000_000}, "not valid yet"),
    ],
)
def test_a_token_that_does_not_hold_is_refused(page, claims, words):
    answer = page.post({"token": signed(page.tenant.workspace.signing_secret, **claims)})
    assert answer.status_code == 401
    assert words in answer.json()["error"]["message"]
    assert answer.headers["access-control-allow-origin"] == "*"


def test_another_workspace_s_token_is_refused(page, make_tenant):
    answer = page.post({"token": signed(make_tenant().workspace.signing_secret, sub="anna")})
    assert answer.status_code == 401


def test_where_tokens_are_required_only_guests_come_without(page):
    page.tenant.client.patch("/v1/workspaces", json={"live_tokens": "required"}).raise_for_status()
    assert page.post(beat((1, 0, 9_000, 9_000), viewer="anna", guest=False)).status_code == 401
    assert page.post(beat((1, 0, 9_000, 9_000), viewer="anna")).status_code == 400
    assert page.say(beat((1, 0, 9_000, 9_000)))[0] == 1
    said = [{"type": "liked", "recipient": "anna"}, {"type": "liked", "recipient": "guest-2", "anonymous": True}]
    accepted, _, rejected = page.say(said)
    assert (accepted, [one["field"] for one in rejected]) == (1, ["token"])


def test_a_page_needs_the_access_key(page):
    assert page.post({"type": "liked", "recipient": "a"}, other="x").status_code == 401
    assert page.post({"type": "liked", "recipient": "a"}, key="unknown").status_code == 401
    key = page.tenant.workspace.access_key
    assert page.post({"key": key, "events": [{"type": "liked", "recipient": "a"}]}, other="x").status_code == 200
    assert page.post({"type": "liked", "recipient": "b"}, access_key=key).status_code == 200


def test_pages_make_no_campaigns_but_servers_do(page):
    assert page.post({"type": "liked", "recipient": "a"}, campaign="new").status_code == 404
    answer = page.tenant.client.post("/v1/live/new", json={"type": "liked", "recipient": "a"})
    assert answer.json() == {"accepted": 1, "duplicates": 0, "rejected": []}
    assert page.tenant.client.get("/v1/campaigns/new").status_code == 200


def test_a_show_has_its_key_too(page):
    assert page.post({"type": "liked", "recipient": "a"}, campaign="1234fef8e8e3").status_code == 200
    assert page.totals()["liked"] == 1


def test_another_workspace_s_show_is_not_there(page, make_tenant):
    other = make_tenant()
    answer = page.post({"type": "liked", "recipient": "a"}, key=other.workspace.access_key)
    assert answer.status_code == 404


def test_a_key_without_the_scope_sends_nothing(page, make_tenant):
    reader = make_tenant(scopes=("read",))
    assert reader.client.post("/v1/live/show", json={"type": "liked", "recipient": "a"}).status_code == 403
    answer = reader.client.post("/v1/live/show", json={}, headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401


# ---- what -----------------------------------------------------------------------------------------


def test_guesses_of_others_at_its_address_keep_no_server_out(page, make_tenant, served_with):
    """As with every other room: what was good from there before goes on, and all else waits."""
    with httpx.Client(base_url=served_with(attempts_limit_per_minute=3, proxy_hops=1), timeout=60) as client:

        def send(key: str) -> int:
            headers = {"Authorization": f"Bearer {key}", "X-Forwarded-For": "192.0.2.77"}
            return client.post(
                "/v1/live/show", content='{"type":"liked","recipient":"anna"}', headers=headers
            ).status_code

        assert send(page.tenant.key) == 200
        assert [send("wrong") for _ in range(4)] == [401, 401, 401, 429]
        assert send(page.tenant.key) == 200
        assert send(make_tenant().key) == 429


def test_each_event_is_good_or_refused_on_its_own(page):
    lines = [
        {"type": "liked", "recipient": "a", "quantity": 3},
        {"type": "opened", "recipient": "a"},
        {"type": "liked", "recipient": "a", "quantity": 1001},
        {"type": "liked", "recipient": "a", "traffic": "human"},
        {"type": "liked"},
        {"type": "watched", "recipient": "a"},
        {"type": "watched", "recipient": "a", "duration_s": 1, "time": ago(7 * 3600)},
        {"type": "liked", "recipient": "a", "time": ago(-600)},
        {"type": "liked", "recipient": "a", "colour": "red"},
        {"type": "liked", "recipient": "a\0"},
    ]
    accepted, _, rejected = page.say("\n".join([*map(json.dumps, lines), "{broken"]))
    assert accepted == 1
    fields = {one["index"]: one["field"] for one in rejected}
    assert list(fields) == list(range(1, 11))
    assert [fields[index] for index in range(1, 10)] == [
        "type", "quantity", "traffic", "recipient", "duration_s", "time", "time", "colour", "recipient",
    ]  # fmt: skip


def test_a_time_in_no_year_spoils_no_other_event(page):
    said = [{"type": "liked", "recipient": "anna", "time": time} for time in ("0001-01-01T00:00:00+14:00", ago(1))]
    said.append(said[0] | {"time": "9999-12-31T23:59:59-14:00"})
    accepted, _, rejected = page.say(said)
    assert (accepted, [(one["index"], one["field"]) for one in rejected]) == (1, [(0, "time"), (2, "time")])


def test_a_server_says_what_a_page_may_not(page):
    said = {"type": "watched", "recipient": "a", "time": ago(90_000), "duration_s": 60, "country": "DE", "id": "1"}
    answer = page.tenant.client.post("/v1/live/show", json=said)
    assert answer.json() == {"accepted": 1, "duplicates": 0, "rejected": []}
    rows = page.tenant.stats("viewers", campaign="show", dimensions="country")["rows"]
    assert rows == [{"country": "DE", "viewers": 1}]
    # The same event at the other door is the same event.
    assert page.tenant.send({**said, "campaign": "show"})["duplicates"] == 1


def test_what_a_page_calls_its_event_can_t_hide_another(page):
    """A stranger who guesses the id of an event to come does not make it a duplicate."""
    assert page.say({"type": "liked", "recipient": "a", "id": "order-1"})[0] == 1
    assert page.say({"type": "liked", "recipient": "b", "id": "order-1"})[0] == 1
    assert page.tenant.send({"type": "sent", "campaign": "c", "time": 1_750_000_000, "id": "order-1"})["accepted"] == 1


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"{",
        b"[1",
        b'{"session": "../..", "slots": []}',
        beat((1, 0, 9_000, 10_000)),
        beat((1, 0, 99_000, 66_000)),
        beat((1, 0, 10_000, 10_000), clock_ms=5_000),
        beat((1, 0, 10_000, 10_000), viewer=""),
        beat((1, 0, 10_000, 10_000), session=""),
        beat((1, 0, 10_000, 10_000), viewer="a\0"),
        beat((1, 0, 10_000, 10_000), colour="red"),
        {"session": "session-1", "viewer": "a", "acts": [[0, "sent", 0, 1, ""]]},
        b"\xff\xfe",
    ],
)
def test_what_is_not_understood_is_told(page, said):
    answer = page.post(said)
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 200:
        assert answer.json()["accepted"] == 0
    else:
        assert answer.json()["error"]["code"] == "invalid_input"
    assert page.totals()["viewers"] == 0


def test_bodies_and_rates_are_bounded(page, served_with):
    assert page.post(b" " * 65_537).status_code == 413
    assert page.post([{"type": "liked", "recipient": "a"}] * 501).status_code == 413
    assert page.post([{"type": "liked", "recipient": f"r{number}"} for number in range(11)]).status_code == 413
    with httpx.Client(base_url=served_with(live_limit_requests_per_s=1, proxy_hops=1)) as client:
        asked = {
            "url": "/v1/live/show",
            "params": {"key": page.tenant.workspace.access_key},
            "content": b"{}",
        }
        answers = [client.post(**asked, headers={"X-Forwarded-For": "203.0.113.9"}) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429]
        assert answers[-1].headers["access-control-allow-origin"] == "*"
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert client.post(**asked, headers={"X-Forwarded-For": "203.0.113.10"}).status_code == 200


def test_a_beacon_s_address_and_program_are_seen(page):
    page.client.headers["User-Agent"] = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    page.say(beat((1, 0, 5_000, 5_000)))
    event = json.loads(page.tenant.client.get("/v1/events", params={"campaign": "show"}).text)
    assert event["user_agent"] == page.client.headers["User-Agent"]
    assert event["ip"] == "127.0.0.1"


# ---- pages of other origins -----------------------------------------------------------------------


def test_a_preflight_lets_any_page_send_without_credentials(page):
    answer = page.client.options(
        "/v1/live/show", headers={"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    )
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in answer.headers


def test_the_script_is_small_and_kept_until_it_changes(url):
    answer = httpx.get(f"{url}/turnout.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert len(answer.content) < 6 * 1024
    assert "eval" not in answer.text
    assert "cookie" not in answer.text.replace("cookies", "")
    again = httpx.get(f"{url}/turnout.js", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
