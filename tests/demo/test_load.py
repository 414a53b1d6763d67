"""What is still to be loaded of the sample."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from turnout.demo import load
from turnout.demo.sample import sample
from turnout.errors import Conflict

NOW = dt.datetime(2026, 10, 5, 13, 37, tzinfo=dt.UTC)


def known(found, *without):
    return {one["id"]: {"started_at": None, **one} for one in found.campaigns if one["id"] not in without}


def test_an_empty_workspace_gets_the_sample_of_now():
    assert load.missing({}, NOW) == sample(NOW)


def test_nothing_is_missing_once_the_last_campaign_is_there():
    found = sample(NOW)
    assert load.missing(known(found), NOW) is None
    assert load.missing(known(found), NOW + dt.timedelta(days=100)) is None
    # Campaigns of the user's own beside it change nothing.
    assert load.missing({**known(found), "mine": {"started_at": None}}, NOW) is None


@pytest.mark.parametrize("later", [dt.timedelta(hours=2), dt.timedelta(days=3), dt.timedelta(days=40, hours=-13)])
def test_an_interrupted_load_is_taken_up_with_the_sample_of_its_own_day(later):
    first = sample(NOW)
    last = load.in_order(first)[-1]["id"]
    again = load.missing(known(first, last), NOW + later)
    assert again is not None
    assert again.campaigns == first.campaigns
    assert NOW < again.now <= min(NOW + later, NOW.replace(hour=23, minute=59, second=59))


def test_the_sample_of_that_day_has_every_event_that_may_be_in():
    first = sample(NOW)
    again = load.missing(known(first, load.in_order(first)[-1]["id"]), NOW + dt.timedelta(days=3))
    assert again is not None
    assert {event["id"] for event in first.events()} <= {event["id"] for event in again.events()}


def test_the_last_campaign_is_one_that_no_event_makes():
    found = sample(NOW)
    last = load.in_order(found)[-1]["id"]
    assert last not in {event.get("campaign") for event in found.events()}
    assert len(load.in_order(found)) == len(found.campaigns)


def test_campaigns_of_another_kind_are_left_alone():
    with pytest.raises(Conflict, match="campaigns of another kind") as raised:
        load.missing({"mine": {"started_at": None}}, NOW)
    assert "--data DIR" in raised.value.hint
    own = known(sample(NOW), load.in_order(sample(NOW))[-1]["id"])
    own["spring-sale"] = {"started_at": "2020-01-01T00:00:00Z"}
    with pytest.raises(Conflict):
        load.missing(own, NOW)


def test_chunks_hold_every_event_in_order():
    found = sample(NOW)
    chunks = list(load.chunks(found))
    decoded = [msgspec.json.decode(line) for chunk in chunks for line in chunk.lines]
    assert decoded == list(found.events())
    assert chunks[-1].position == len(decoded)
