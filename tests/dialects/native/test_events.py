"""POST /v1/events over a real socket: forms, encodings, limits, and what a refusal looks like."""

from __future__ import annotations

import gzip
import json

import pytest
import zstandard

from turnout.settings import Settings

GOOD = {"type": "sent", "time": "2026-10-05T10:00:00Z", "campaign": "spring", "recipient": "a"}


def post(tenant, content, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return tenant.client.post("/v1/events", content=content, headers=headers)


def events(count, start=0):
    return [{**GOOD, "recipient": f"r{number}"} for number in range(start, start + count)]


def test_one_object_an_array_and_ndjson(tenant):
    one = post(tenant, json.dumps(GOOD))
    assert one.json() == {"accepted": 1, "duplicates": 0, "rejected": []}
    assert post(tenant, json.dumps([GOOD, *events(2)])).json() == {"accepted": 2, "duplicates": 1, "rejected": []}
    lines = "\n".join(json.dumps(event) for event in events(5))
    answer = post(tenant, lines, Content_Type="application/x-ndjson")
    assert answer.json() == {"accepted": 3, "duplicates": 2, "rejected": []}
    assert tenant.stats("sent,unique_sent")["totals"] == {"sent": 6, "unique_sent": 6}


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.compress), ("", bytes), ("identity", bytes)]
)
def test_encodings(tenant, encoding, pack):
    packed = pack(json.dumps(events(50)).encode())
    assert post(tenant, packed, Content_Encoding=encoding).json()["accepted"] == 50


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"", {}, 400, "invalid_input"),
        (b"[1", {}, 400, "invalid_input"),
        (b"not gzip", {"Content-Encoding": "gzip"}, 400, "invalid_input"),
        (gzip.compress(b"[]")[:-3], {"Content-Encoding": "gzip"}, 400, "invalid_input"),
        (b"not zstd", {"Content-Encoding": "zstd"}, 400, "invalid_input"),
        (b"[]", {"Content-Encoding": "br"}, 415, "unsupported_format"),
        (b"<a/>", {"Content-Type": "application/xml"}, 415, "unsupported_format"),
        (b"x" * (Settings.body_limit_bytes + 1), {}, 413, "too_large"),
        (gzip.compress(b" " * (Settings.expanded_limit_bytes + 1), 1), {"Content-Encoding": "gzip"}, 413, "too_large"),
        (b"{}\n" * (Settings.request_limit_events + 1), {}, 413, "too_large"),
    ],
    ids=["empty", "cut", "gzip", "gzip-cut", "zstd", "br", "xml", "body", "expanded", "events"],
)
def test_a_body_that_cannot_be_taken_changes_nothing(tenant, content, headers, status, code):
    answer = tenant.client.post("/v1/events", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["code"] == code
    assert tenant.stats("events")["totals"] == {"events": 0}


def test_a_chunked_body_over_the_limit_is_refused(tenant):
    def parts():
        for _ in range(Settings.body_limit_bytes // (1 << 20) + 1):
            yield b" " * (1 << 20)

    answer = tenant.client.post("/v1/events", content=parts())
    assert answer.status_code == 413


def test_good_events_are_kept_beside_bad_ones(tenant):
    body = [GOOD, {**GOOD, "type": "opend"}, {**GOOD, "time": 0}, {"type": "opened", "time": 1_790_000_000}, GOOD]
    answer = post(tenant, json.dumps(body)).json()
    assert (answer["accepted"], answer["duplicates"]) == (1, 1)
    assert [(one["index"], one["field"]) for one in answer["rejected"]] == [(1, "type"), (2, "time"), (3, "campaign")]
    assert all(one["error"] for one in answer["rejected"])
    assert tenant.stats("events")["totals"] == {"events": 1}


def test_every_way_to_write_one_moment_is_one_event(tenant):
    spellings = ["2026-10-05T10:00:00Z", "2026-10-05T12:00:00+02:00", 1_791_194_400, 1_791_194_400_000, "20261005T10Z"]
    for time in spellings:
        post(tenant, json.dumps({**GOOD, "time": time}))
    assert tenant.stats("sent")["totals"] == {"sent": 1}


def test_names_of_every_kind_come_back_as_they_went_in(tenant):
    names = ["é ✿", "a,b", "a\\,b", "quote'\"", "tab\tline\nreturn\r", "%41", "שלום", "\u202e", " ", "{x:String}"]
    names.append("\U0001d4b3")
    tenant.send(*({**GOOD, "campaign": name, "recipient": name} for name in names))
    rows = tenant.stats("sent,unique_sent", dimensions="campaign")["rows"]
    assert sorted(row["campaign"] for row in rows) == sorted(names)
    for name in names:
        asked = name.replace(",", "\\,") if "\\," not in name else None
        if asked is not None:
            assert tenant.stats("sent", campaign=asked)["totals"] == {"sent": 1}, name


def test_a_campaign_first_seen_in_an_event_is_created_with_what_it_says(tenant):
    tenant.send({**GOOD, "channel": "email", "message": "m1", "variation": "a"})
    tenant.send({**GOOD, "type": "enrolled", "channel": "push", "variation": "ctl", "time": "2026-10-06T00:00:00Z"})
    campaign = tenant.client.get("/v1/campaigns/spring").json()
    assert campaign["channels"] == ["email", "push"]
    assert campaign["messages"] == [{"id": "m1", "title": "", "channel": "email"}]
    assert [(one["id"], one["control"]) for one in campaign["variations"]] == [("a", False), ("ctl", True)]
    assert campaign["first_event_at"] == "2026-10-05T10:00:00Z"
    assert campaign["last_event_at"] == "2026-10-06T00:00:00Z"
    assert len(campaign["token"]) == 32
    assert campaign["number"] == 1


def test_a_question_sees_what_was_acknowledged_before_it(tenant):
    for count in range(1, 30):
        post(tenant, json.dumps({**GOOD, "recipient": f"r{count}"}))
        assert tenant.stats("sent")["totals"] == {"sent": count}


def test_exported_events_come_back_as_duplicates(tenant):
    tenant.send(
        {**GOOD, "properties": {"a": [1, {"b": None}]}},
        {**GOOD, "type": "purchased", "amount": "19.99", "currency": "EUR", "order": "o1", "id": "x"},
        {**GOOD, "type": "clicked", "target": "button_1", "url": "https://e.x/?a=b", "params": {"utm": "é"}},
        {**GOOD, "type": "watched", "duration_s": 12.5, "anonymous": True},
        {**GOOD, "type": "sent", "opted_in": False, "recipient": "z"},
    )
    exported = tenant.client.get("/v1/events").text
    again = post(tenant, exported, Content_Type="application/x-ndjson").json()
    assert again == {"accepted": 0, "duplicates": 5, "rejected": []}
