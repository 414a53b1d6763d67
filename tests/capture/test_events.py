"""POST /v1/events with bodies of many events: in bulk or one by one, nobody can tell by what comes of it."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from turnout.capture.events import batch_of
from turnout.errors import InvalidInput, TooLarge

NOW = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
COUNT = 800


def event(number: int) -> dict[str, object]:
    kind = ("sent", "delivered", "opened", "clicked")[number % 4]
    said = {"device": "Pixel 9", "link": f"l{number % 3}"} if number % 4 == 3 else {}
    time = f"2026-10-{1 + number % 28:02}T10:00:{number % 60:02}Z"
    return {
        "id": f"i{number}",
        "type": kind,
        "time": time,
        "campaign": "c",
        "recipient": f"r{number}@a.example",
        **said,
    }


def ndjson(*events: object) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


CLEAN = [event(number) for number in range(COUNT)]


def test_a_large_clean_body_is_columns_at_once():
    batch = batch_of("w", ndjson(*CLEAN), COUNT, NOW)
    assert batch.packed is not None
    assert not batch.events
    assert not batch.rejected
    assert batch.count == len(batch.digests) == sum(records.num_rows for records in batch.packed.records) == COUNT


@pytest.mark.parametrize("bad", [{"type": "opend"}, {"time": 0}, {"campaign": ""}, {"recipient": 7}])
def test_one_bad_event_in_a_large_body_is_named_and_the_others_stay(bad):
    batch = batch_of("w", ndjson(*CLEAN, {**CLEAN[0], **bad}, event(COUNT)), 2 * COUNT, NOW)
    assert [(refused.index, refused.field) for refused in batch.rejected] == [(COUNT, *bad)]
    assert batch.count == COUNT + 1
    assert batch.digests[:COUNT] == batch_of("w", ndjson(*CLEAN), COUNT, NOW).digests


def test_limits_and_forms_are_those_of_small_bodies():
    with pytest.raises(TooLarge):
        batch_of("w", ndjson(*CLEAN), COUNT - 1, NOW)
    with pytest.raises(InvalidInput):
        batch_of("w", b"[" + ndjson(*CLEAN), COUNT, NOW)


@pytest.mark.parametrize("spoil", [{}, {"properties": {"a": 1}}, {"type": "opend"}])
def test_what_is_sent_in_large_bodies_is_counted_once(tenant, spoil):
    first = ndjson(*CLEAN, {**CLEAN[1], **spoil, "id": "last"})
    again = ndjson(CLEAN[0], *CLEAN, *CLEAN[:5])
    refused = int("type" in spoil)
    for body, accepted in ((first, COUNT + 1 - refused), (again, 0)):
        answer = tenant.client.post("/v1/events", content=body, headers={"content-type": "application/x-ndjson"})
        assert answer.status_code == 200, answer.text
        assert answer.json()["accepted"] == accepted
    assert answer.json()["duplicates"] == COUNT + 6
    totals = tenant.stats("sent,delivered,opened_direct,clicked_link,unique_clicked")["totals"]
    quarter = COUNT // 4
    expected = {"sent": quarter, "delivered": quarter + 1 - refused, "opened_direct": quarter, "clicked_link": quarter}
    assert totals == {**expected, "unique_clicked": quarter}
    links = tenant.stats("clicked", dimensions="link,device")["rows"]
    assert sum(row["clicked"] for row in links) == quarter
    assert {(row["link"], row["device"]) for row in links} == {(f"l{number}", "Pixel 9") for number in range(3)}
