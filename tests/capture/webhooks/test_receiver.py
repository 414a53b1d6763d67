"""POST /hooks/{provider}/{token}: who may, what is kept of what isn't understood, and that an answer is a promise."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from dataclasses import replace

import httpx
import pytest

from turnout import errors
from turnout.capture.webhooks import postmark, receiver
from turnout.capture.webhooks.contract import Parsed, Provider, Said, Unread
from turnout.capture.webhooks.registry import PROVIDERS
from turnout.dialects.tracking import hooks
from turnout.ingest.writer import Writer


def delivery(**fields):
    return {
        "RecordType": "Delivery", "MessageID": "m", "Recipient": "ada@example.com",
        "DeliveredAt": "2026-03-17T10:00:00Z", **fields,
    }  # fmt: skip


@pytest.fixture
def hook(tenant):
    """Makes a hook of Postmark and posts to it; `hook.url` is its address."""

    def make(**fields):
        made = tenant.client.post("/v1/hooks", json={"provider": "postmark", **fields})
        assert made.status_code == 201, made.text
        return made.json()

    return make


def letters(tenant, **query):
    answer = tenant.client.get("/v1/deadletters", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["letters"]


def test_a_campaign_is_the_event_s_else_the_address_s_else_the_hook_s_else_the_provider_s(tenant, hook):
    with_campaign, without = hook(campaign="of the hook")["url"], hook()["url"]
    for url, body in (
        (with_campaign, delivery(Tag="its own", MessageID="1")),
        (f"{with_campaign}?campaign=of the address", delivery(MessageID="2")),
        (with_campaign, delivery(MessageID="3")),
        (without, delivery(MessageID="4")),
    ):
        assert httpx.post(url, json=body).json()["accepted"] == 1
    rows = tenant.stats("delivered", dimensions="campaign")["rows"]
    assert {row["campaign"] for row in rows} == {"its own", "of the address", "of the hook", "postmark"}
    httpx.post(with_campaign, json={"RecordType": "SubscriptionChange", "SuppressSending": False,
                                    "ChangedAt": "2026-03-17T10:00:00Z", "Recipient": "ada@example.com"})  # fmt: skip
    # What a recipient does of its own accord is of no campaign, unless it says so.
    assert tenant.stats("performed", dimensions="campaign")["rows"] == [{"campaign": "", "performed": 1}]


def test_few_packed_bodies_are_open_at_a_time(hook, url, monkeypatch):
    """A few bytes may become the longest of bodies: all that came at once would be in memory together."""
    under_way, most = 0, 0

    async def slow(*given):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.05)
        under_way -= 1
        return receiver.Outcome(0, 0, 0, 0)

    monkeypatch.setattr(hooks, "take", slow)
    monkeypatch.setattr(hooks, "_states", hooks.PerHouse(hooks._State))
    where, packed = hook()["url"], gzip.compress(json.dumps(delivery()).encode())

    async def post():
        async with httpx.AsyncClient(timeout=30) as client:
            asked = [client.post(where, content=packed, headers={"Content-Encoding": "gzip"}) for _ in range(8)]
            return [answer.status_code for answer in await asyncio.gather(*asked)]

    assert asyncio.run(post()) == [200] * 8
    assert most <= hooks.EXPANDED_LIMIT


def test_there_is_one_answer_to_whatever_is_wrong_with_an_address(tenant, hook, make_tenant, url):
    made, living = hook(), hook()["url"].rpartition("/")[2]
    token = made["url"].rpartition("/")[2]
    reader = make_tenant(scopes=("read",)).key
    assert tenant.client.delete(f"/v1/hooks/{made['id']}").json()["revoked_at"]
    answers = [
        httpx.post(f"{url}/hooks/{provider}/{tried}", json=delivery())
        for provider, tried in (
            ("postmark", "hk_none"), ("sendgrid", living), ("nobody", living), ("postmark", token),
            ("postmark", reader), ("postmark", "%ff%00"),
        )
    ]  # fmt: skip
    assert {(one.status_code, one.text) for one in answers} == {(404, "there is no such hook\n")}
    assert tenant.client.get("/v1/campaigns").json()["total"] == 0


def test_an_api_key_is_a_token_too(tenant, url):
    answer = httpx.post(f"{url}/hooks/postmark/{tenant.key}", json=delivery())
    assert answer.json() == {"accepted": 1, "duplicates": 0, "ignored": 0, "quarantined": 0}
    httpx.post(f"{url}/hooks/postmark/{tenant.key}", content=b"?")
    assert [one["hook"] for one in letters(tenant)] == [""]


def test_a_secret_is_asked_for_and_never_told(tenant, hook, caplog):
    made = hook(secret="Some: secret", options={"header": "X-Hook"})
    with caplog.at_level(logging.DEBUG, "turnout"):
        for headers in ({}, {"X-Hook": "Some: secrat"}, {"Authorization": "Some: secret"}):
            refused = httpx.post(made["url"], json=delivery(), headers=headers)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"].startswith("Basic")
            assert "secret" not in refused.text
    token = made["url"].rpartition("/")[2]
    assert f"hook {made['id']} was refused" in caplog.text
    assert "Some:" not in caplog.text
    assert token not in caplog.text
    assert not letters(tenant)
    assert httpx.post(made["url"], json=delivery(), headers={"X-Hook": "Some: secret"}).status_code == 200
    shown = tenant.client.get("/v1/hooks").text
    assert "Some:" not in shown
    assert token not in shown


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (gzip.compress(json.dumps(delivery()).encode()), {"Content-Encoding": "gzip"}, 200),
        (b"no gzip", {"Content-Encoding": "gzip"}, 400),
        (b"{}", {"Content-Encoding": "br"}, 415),
        (b" " * 33_554_433, {}, 413),
        # Not understood, and longer than what is kept.
        (b"?" * (receiver.LETTER_LIMIT_BYTES + 1), {}, 413),
    ],
)
def test_bodies_are_expanded_and_bounded(tenant, hook, body, headers, status):
    answer = httpx.post(hook()["url"], content=body, headers=headers, timeout=30)
    assert answer.status_code == status, answer.text
    assert not letters(tenant)


def test_what_makes_no_event_is_kept_and_the_rest_is_counted(tenant, hook):
    url = hook()["url"]
    parts = [
        delivery(MessageID="good"),
        delivery(MessageID="late", DeliveredAt="1969-01-01T00:00:00Z"),
        delivery(MessageID="nul", Recipient="a\0b"),
        delivery(MessageID="when", DeliveredAt="soon"),
        delivery(MessageID="huge", Metadata={"campaign": 2**70}, DeliveredAt=2**70),
    ]
    answer = httpx.post(f"{url}?campaign=spring", json=parts)
    assert answer.json() == {"accepted": 1, "duplicates": 0, "ignored": 0, "quarantined": 4}
    again = httpx.post(f"{url}?campaign=spring", json=parts)
    assert again.json() == {"accepted": 0, "duplicates": 1, "ignored": 0, "quarantined": 4}
    found = letters(tenant)
    assert len(found) == 4
    assert any("before 2000-01-01" in one["reason"] for one in found)
    assert any("NUL" in one["reason"] for one in found)
    whole = tenant.client.get(f"/v1/deadletters/{found[0]['id']}").json()
    assert json.loads(whole["body"]) in parts
    assert whole["query"] == {"campaign": "spring"}
    assert whole["headers"]["content-type"] == "application/json"


def test_a_letter_keeps_no_credential(tenant, hook):
    made = hook(secret="sesame", options={"header": "X-Hook"})
    query = {"campaign": "spring", "access_token": "other", "key": "sesame"}
    answer = httpx.post(made["url"], content=b"?", params=query, headers={"X-Hook": "sesame", "Cookie": "a=b"})
    assert answer.status_code == 200
    (letter,) = letters(tenant)
    whole = tenant.client.get(f"/v1/deadletters/{letter['id']}")
    assert whole.json()["query"] == {"campaign": "spring"}
    assert set(whole.json()["headers"]) <= {"user-agent", "content-type"}
    assert "sesame" not in whole.text


def test_many_bad_parts_are_one_letter(tenant, hook):
    body = [{"RecordType": f"Strange {number}"} for number in range(receiver.LETTERS_LIMIT + 1)]
    assert httpx.post(hook()["url"], json=body).json()["quarantined"] == len(body)
    (letter,) = letters(tenant)
    assert letter["reason"].startswith(f"{len(body)} parts were not understood; the first: unknown RecordType")


def test_another_workspace_s_hooks_and_letters_are_not_there(tenant, hook, make_tenant):
    made = hook()
    httpx.post(made["url"], content=b"?")
    (letter,) = letters(tenant)
    other = make_tenant()
    assert other.client.get("/v1/hooks").json() == {"hooks": []}
    assert other.client.delete(f"/v1/hooks/{made['id']}").status_code == 404
    assert letters(other) == []
    for method, path in (("GET", letter["id"]), ("DELETE", letter["id"])):
        assert other.client.request(method, f"/v1/deadletters/{path}").status_code == 404
    assert other.client.post("/v1/deadletters/replay", json={"ids": [letter["id"]]}).status_code == 404
    assert other.client.delete("/v1/deadletters", params={"all": "true"}).json() == {"dropped": 0}
    assert letters(tenant)
    assert make_tenant(scopes=("ingest", "read")).client.get("/v1/deadletters").status_code == 403


def test_letters_are_replayed_once_they_are_understood(tenant, hook, monkeypatch):
    url = hook(campaign="spring")["url"]
    body = [{**delivery(MessageID=str(number)), "RecordType": "Arrival"} for number in range(3)]
    assert httpx.post(url, json=body).json()["quarantined"] == 3
    none = tenant.client.post("/v1/deadletters/replay", json={}).json()
    assert (none["understood"], none["still"]) == (0, 3)

    def parse(told):
        return postmark.parse(replace(told, body=told.body.replace(b"Arrival", b"Delivery")))

    monkeypatch.setitem(PROVIDERS, "postmark", replace(postmark.PROVIDER, parse=parse))
    first = tenant.client.post("/v1/deadletters/replay", json={"provider": "postmark", "limit": 2}).json()
    assert (first["understood"], first["accepted"]) == (2, 2)
    assert first["next"]
    rest = tenant.client.post("/v1/deadletters/replay", json={"limit": 2, "after": first["next"]}).json()
    assert (rest["understood"], rest["accepted"], rest["next"]) == (1, 1, "")
    assert letters(tenant) == []
    assert all(one["replayed"] for one in letters(tenant, replayed="true"))
    assert tenant.stats("delivered", campaign="spring")["totals"] == {"delivered": 3}
    # What is told again now is what was counted then.
    assert httpx.post(url, json=body).json()["duplicates"] == 3


def test_a_letter_that_is_half_understood_leaves_the_other_half(tenant, hook, monkeypatch):
    httpx.post(hook()["url"], content=b"one body of two parts")

    def parse(told):
        if told.body == b"second":
            return Parsed(unread=[Unread(b"second", "still strange")])
        said = {"type": "delivered", "time": told.now.isoformat(), "id": "first"}
        return Parsed([Said(said, b"first")], [Unread(b"second", "still strange")])

    monkeypatch.setitem(PROVIDERS, "postmark", Provider("postmark", "Postmark", parse))
    done = tenant.client.post("/v1/deadletters/replay", json={}).json()
    assert (done["understood"], done["accepted"]) == (1, 1)
    (left,) = letters(tenant)
    assert left["reason"] == "still strange"
    assert tenant.client.post("/v1/deadletters/replay", json={}).json()["still"] == 1


def test_a_parser_that_fails_loses_nothing(tenant, hook, monkeypatch, caplog):
    def broken(told):
        raise KeyError("surprise")

    monkeypatch.setitem(PROVIDERS, "postmark", replace(postmark.PROVIDER, parse=broken))
    answer = httpx.post(hook()["url"], json=delivery())
    assert answer.json()["quarantined"] == 1
    (letter,) = letters(tenant)
    assert "KeyError" in letter["reason"]
    assert "surprise" in caplog.text


def test_a_full_writer_and_a_store_that_fails_are_tried_again(tenant, hook, monkeypatch, house):
    url = hook()["url"]
    with monkeypatch.context() as patch:

        async def full(self, batch):
            raise errors.Overloaded("too much is waiting", retry_after_s=7)

        patch.setattr(Writer, "accept", full)
        refused = httpx.post(url, json=[delivery(), {"RecordType": "Strange"}])
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "7")
    with monkeypatch.context() as patch:

        def lost(workspace, letters):
            raise errors.StoreError("the disk is gone")

        patch.setattr(house.services.dead_letters, "keep", lost)
        refused = httpx.post(url, json=[delivery(), {"RecordType": "Strange"}])
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert httpx.post(url, json=[delivery(), {"RecordType": "Strange"}]).json()["accepted"] == 1
    assert len(letters(tenant)) == 1


def test_what_providers_tell_is_counted_for_operators(tenant, hook, url):
    made = hook(secret="u:p")

    def counted(name):
        text = httpx.get(f"{url}/metrics").text
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))

    told = 'turnout_webhook_events_total{outcome="accepted",provider="postmark"}'
    refused = 'turnout_webhook_requests_refused_total{provider="postmark",reason="unauthenticated"}'
    before = counted(told), counted(refused)
    httpx.post(made["url"], json=delivery(), auth=("u", "p"))
    httpx.post(made["url"], json=delivery(), auth=("u", "q"))
    assert (counted(told), counted(refused)) == (before[0] + 1, before[1] + 1)


def test_guesses_end_and_known_hooks_go_on(served_with, tenant):
    url = served_with(attempts_limit_per_minute=3, proxy_hops=1)
    token = tenant.client.post("/v1/hooks", json={"provider": "postmark"}).json()["url"].rpartition("/")[2]
    headers = {"X-Forwarded-For": "192.0.2.77"}

    def post(tried):
        return httpx.post(f"{url}/hooks/postmark/{tried}", json=delivery(), headers=headers).status_code

    assert post(token) == 200
    assert [post("hk_guess") for _ in range(4)] == [404, 404, 404, 429]
    assert post(token) == 200
    assert httpx.post(f"{url}/hooks/postmark/hk_guess", headers={"X-Forwarded-For": "192.0.2.78"}).status_code == 404


def test_a_get_says_that_it_is_a_hook(hook, url):
    answer = httpx.get(hook()["url"])
    assert (answer.status_code, answer.text) == (200, "This is a hook for Postmark: it takes POST.\n")
    assert httpx.get(f"{url}/hooks/postmark/hk_none").status_code == 404


def test_a_hook_tells_what_came_to_it_but_not_what_that_said(tenant, hook):
    made = hook(secret="u:p", name="news")
    for body, auth in (
        (json.dumps(delivery()).encode(), ("u", "p")),
        (json.dumps(delivery()).encode(), ("u", "p")),
        (b"what is this, ada@example.com?", ("u", "p")),
        (json.dumps(delivery()).encode(), ("u", "wrong")),
    ):
        httpx.post(made["url"], content=body, auth=auth)
    answer = tenant.client.get("/v1/hooks")
    assert "ada@example.com" not in answer.text
    (found,) = answer.json()["hooks"]
    told = found["deliveries"]
    assert [told[name] for name in ("requests", "refused", "accepted", "duplicates", "quarantined")] == [4, 1, 1, 1, 1]
    assert [one["status"] for one in told["recent"]] == [401, 200, 200, 200]
    assert told["last_error"] == told["recent"][0]
    assert told["last_error"]["error"]
    assert told["recent"][0]["at"] >= told["recent"][-1]["at"]


def test_what_fails_here_is_noted_too(tenant, hook, monkeypatch):
    async def broken(*given):
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(hooks, "take", broken)
    assert httpx.post(hook()["url"], json=delivery()).status_code == 500
    (found,) = tenant.client.get("/v1/hooks").json()["hooks"]
    assert found["deliveries"]["last_error"]["status"] == 500
    assert "a mistake of ours" not in json.dumps(found)
