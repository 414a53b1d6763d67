"""The steps one by one: times, required fields, money, identity."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec
import pytest

from turnout.ingest.steps import Batch, prepare
from turnout.model import Event

NOW = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)


def batch_of(*events: dict[str, object], workspace: str = "w") -> Batch:
    decoded = [msgspec.json.decode(msgspec.json.encode(event), type=Event) for event in events]
    return prepare(workspace, enumerate(decoded), NOW)


def sent(**fields: object) -> dict[str, object]:
    return {"type": "sent", "time": "2026-10-05T10:00:00Z", "campaign": "c", "recipient": "r", **fields}


@pytest.mark.parametrize(
    "time",
    [
        "2026-10-05T10:00:00Z",
        "2026-10-05T10:00:00.000000Z",
        "2026-10-05T15:30:00+05:30",
        "2026-10-05 10:00:00",
        1_791_194_400,
        1_791_194_400.0,
        1_791_194_400_000,
    ],
)
def test_one_instant_has_many_spellings(time):
    batch = batch_of(sent(time=time), sent())
    assert batch.events[0].time == 1_791_194_400_000_000
    assert batch.digests[0] == batch.digests[1]


@pytest.mark.parametrize(
    "time", ["1999-12-31T23:59:59Z", "2027-11-03T00:00:00Z", "9999-12-31T23:59:59Z", 0, -1, 1e14, 1e300, 2**63]
)
def test_a_time_out_of_range_is_refused(time):
    batch = batch_of(sent(time=time))
    assert [(refused.field, refused.reason) for refused in batch.rejected] == [("time", "bad_time")]
    assert not batch.events


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"type": "opened", "time": 1_790_000_000}, "campaign"),
        ({"type": "watched", "time": 1_790_000_000, "campaign": "c"}, "duration_s"),
        ({"type": "performed", "time": 1_790_000_000}, "name"),
        ({"type": "purchased", "time": 1_790_000_000}, "amount"),
    ],
)
def test_what_a_type_cannot_do_without(event, field):
    (refused,) = batch_of(event).rejected
    assert (refused.field, refused.reason) == (field, "missing_field")


def test_behaviours_need_no_campaign():
    batch = batch_of(
        {"type": "app_opened", "time": 1_790_000_000, "recipient": "r"},
        {"type": "performed", "time": 1_790_000_000, "name": "signup"},
        {"type": "purchased", "time": 1_790_000_000, "amount": "1"},
    )
    assert len(batch.events) == 3


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "1e12", "-1000000000000", "0.0000001", 1e300])
def test_money_that_cannot_be_kept_exactly_is_refused(amount):
    (refused,) = batch_of(sent(type="purchased", amount=amount)).rejected
    assert refused.field == "amount"


@pytest.mark.parametrize(("amount", "kept"), [("19.990", "19.99"), (0.1, "0.1"), ("-3", "-3"), ("1e3", "1000")])
def test_money_is_decimal_and_has_a_currency(amount, kept):
    (event,) = batch_of(sent(type="purchased", amount=amount)).events
    assert event.amount == Decimal(kept)
    assert event.currency == "USD"


def test_what_is_understood_is_said():
    batch = batch_of(
        sent(type="opened"), sent(type="clicked"), sent(type="liked"), sent(type="liked", quantity=0), sent()
    )
    opened, clicked, liked, nothing, plain = batch.events
    assert opened.open == "direct"
    assert clicked.target == "link"
    assert (liked.quantity, nothing.quantity, plain.quantity) == (1, 0, None)
    assert plain.traffic == "human"


def test_identity_is_the_senders_id_within_a_workspace():
    first = batch_of(sent(id="1"), sent(id="1", campaign="other", time=1_790_000_000), sent(id="2"))
    assert first.digests[0] == first.digests[1] != first.digests[2]
    assert batch_of(sent(id="1"), workspace="v").digests[0] != first.digests[0]


@pytest.mark.parametrize(
    "change",
    [
        {"recipient": "s"},
        {"time": "2026-10-05T10:00:00.000001Z"},
        {"message": "m"},
        {"variation": "a"},
        {"properties": {"a": 1}},
        {"type": "delivered"},
        {"send_id": "x"},
        {"position": 1},
    ],
)
def test_without_an_id_every_part_of_the_meaning_counts(change):
    batch = batch_of(sent(), sent(**change))
    assert batch.digests[0] != batch.digests[1]


def test_without_an_id_the_order_of_keys_and_unsaid_defaults_do_not_count():
    batch = batch_of(
        sent(type="opened", properties={"a": 1, "b": 2}),
        sent(type="opened", properties={"b": 2, "a": 1}, open="direct", traffic="human"),
    )
    assert batch.digests[0] == batch.digests[1]


def test_nothing_said_is_nothing_meant():
    batch = batch_of(sent(properties={}, params={}, currency="EUR", position=0), sent())
    assert batch.digests[0] == batch.digests[1]


def test_an_event_stays_the_same_whatever_fields_come_to_be():
    (digest,) = batch_of(sent(type="clicked", url="https://x.org/", params={"a": 1})).digests
    # Of an earlier version: what it counted must be a duplicate for ever.
    assert digest.hex() == "5499d67af99fa484255ed2a664bce6c1"


def test_an_exported_id_is_the_identity_itself():
    (digest,) = batch_of(sent(id="x")).digests
    assert batch_of(sent(id=f"turnout:{digest.hex()}")).digests == [digest]


def test_large_mappings_are_refused():
    (refused,) = batch_of(sent(properties={"x": "y" * 70_000})).rejected
    assert (refused.field, refused.reason) == ("properties", "too_large")


def test_each_refusal_has_its_index_and_the_others_pass():
    batch = batch_of(sent(time=0), sent(), sent(campaign=""))
    assert [refused.index for refused in batch.rejected] == [0, 2]
    assert len(batch.events) == len(batch.digests) == 1


def nested(depth: int) -> dict[str, object]:
    value: dict[str, object] = {"end": 1}
    for _ in range(depth):
        value = {"in": [value]}
    return value


@pytest.mark.parametrize("name", ["params", "properties"])
def test_what_the_spool_could_not_give_back_is_refused(name):
    kept = batch_of(sent(**{name: nested(20)}), sent(**{name: {"n": 2**64 - 1, "m": -(2**63)}}))
    assert kept.rejected == []
    refused = batch_of(*(sent(**{name: bad}) for bad in (nested(40), {"n": 2**64}, {"n": [{"m": -(2**63) - 1}]})))
    assert [(one.field, one.reason) for one in refused.rejected] == [(name, "too_large")] * 3
