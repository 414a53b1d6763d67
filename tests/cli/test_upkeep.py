"""`turnout check` and `turnout rebuild`: a rollup that lies is found, and mended."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def kept(command):
    command.tenant.send(
        {"type": "sent", "time": "2026-10-05T10:00:00Z", "campaign": "spring"},
        {"type": "sent", "time": "2026-10-05T10:00:00Z", "campaign": "autumn"},
        {"type": "app_opened", "time": "2026-10-05T10:00:00Z", "recipient": "a"},
    )
    return command


def spoil(house, workspace, campaign):
    """Five events that never were, in the rollup of a campaign."""
    house.services.engine.execute(
        "INSERT INTO counts (workspace, campaign, type, slot, traffic, events) "
        "SELECT {workspace:String}, {campaign:String}, 'sent', toDateTime('2026-10-05 10:00:00', 'UTC'), 'human', 5",
        {"workspace": workspace, "campaign": campaign},
    )


def test_rollups_that_are_right(kept):
    result = kept("check")
    assert result.code == 0, result.err
    assert result.out == "checked 3 campaigns with 3 events: rollups equal the raw events\n"
    whole = json.loads(kept("check", "--json").out)
    assert whole.pop("store")["sound"]
    assert whole == {
        "campaigns": 3,
        "events": 3,
        "differences": [],
        "unreadable": [],
        "duplicates": [],
        "misplaced": [],
        "overlaps": [],
        "dropped": 0,
    }


@pytest.mark.parametrize("campaign", ["spring", ""])
def test_one_that_is_wrong_is_found_and_mended(kept, house, campaign):
    spoil(house, kept.tenant.workspace.id, campaign)
    found = kept("check")
    assert found.code == 1
    assert "1 quarters of an hour differ" in found.out
    assert "2026-10-05T10:00:00Z" in found.out
    assert "turnout rebuild" in found.out
    if campaign:
        assert kept("check", "--campaign", "autumn").code == 0
        assert kept("check", "--campaign", "spring", "--to", "2026-10-05").code == 0
        assert kept("rebuild", "--campaign", "autumn").code == 0
        assert json.loads(kept("check", "--json").out)["differences"] == [
            {"campaign": "spring", "type": "sent", "slot": "2026-10-05T10:00:00Z", "raw_events": 1, "rolled_events": 6}
        ]
    mended = kept("rebuild")
    assert mended.code == 0
    assert "rebuilt 3 campaigns with 3 events: rollups equal the raw events\n" in mended.out
    assert kept("check").code == 0
    assert kept.tenant.stats("sent")["totals"] == {"sent": 2}


def test_events_outlive_the_entry_of_their_campaign(kept):
    assert kept("campaigns", "delete", "spring", "--yes").code == 0
    assert kept("check").out.startswith("checked 3 campaigns with 3 events")


def test_a_campaign_that_never_was_is_said(kept):
    result = kept("check", "--campaign", "sprign")
    assert result.code == 2
    assert "no campaign 'sprign'" in result.err


def repeat(house, workspace, *, later_s=0, campaign="campaign"):
    """Store the events of a workspace once more, as another process might have at the same instant."""
    house.services.engine.execute(
        "INSERT INTO events (workspace, campaign, type, time, id, recipient, traffic, received) "
        f"SELECT workspace, {campaign}, type, time, id, recipient, traffic, received + {later_s} FROM events "
        "WHERE workspace = {workspace:String} AND campaign = 'spring'",
        {"workspace": workspace},
    )


@pytest.mark.parametrize("later_s", [0, 1])
def test_an_event_that_is_stored_twice_is_found_and_dropped(kept, house, later_s):
    assert kept.tenant.stats("sent,unique_sent")["totals"] == {"sent": 2, "unique_sent": 0}
    repeat(house, kept.tenant.workspace.id, later_s=later_s)
    found = kept("check")
    assert found.code == 1
    assert "rollups equal the raw events" in found.out
    assert "1 event stored more than once:" in found.out
    assert "turnout rebuild drops" in found.out
    assert kept("check", "--campaign", "autumn").code == 0
    (entry,) = json.loads(kept("check", "--json").out)["duplicates"]
    assert (entry["campaign"], entry["type"], entry["copies"]) == ("spring", "sent", 2)
    exported = [json.loads(line)["id"] for line in kept.tenant.client.get("/v1/events").text.splitlines()]
    assert exported.count(entry["id"]) == 2
    assert kept("rebuild", "--campaign", "autumn").code == 0
    mended = kept("rebuild")
    assert mended.code == 0
    assert "1 row dropped, which repeated events that are stored" in mended.out
    assert kept("check").code == 0
    assert kept.tenant.stats("sent")["totals"] == {"sent": 2}


def test_one_id_in_two_campaigns_is_found_by_a_thorough_look(kept, house):
    kept.tenant.stats("sent")
    repeat(house, kept.tenant.workspace.id, later_s=1, campaign="'autumn'")
    assert kept("check").code == 0
    found = kept("check", "--thorough")
    assert found.code == 1
    assert "1 event stored more than once:" in found.out
    assert json.loads(kept("rebuild", "--thorough", "--json").out)["dropped"] == 1
    assert kept("check", "--thorough").code == 0
    assert kept.tenant.stats("sent", dimensions="campaign")["rows"] == [
        {"campaign": "autumn", "sent": 1},
        {"campaign": "spring", "sent": 1},
    ]


def test_viewing_time_that_counts_twice_is_said(kept):
    watched = {"type": "watched", "campaign": "show", "time": "2026-10-05T10:00:00Z", "recipient": "ann"}
    kept.tenant.send(
        {**watched, "duration_s": 60},
        {**watched, "duration_s": 30, "time": "2026-10-05T10:00:10Z"},
        {**watched, "duration_s": 30, "time": "2026-10-05T10:00:40Z"},
        {**watched, "duration_s": 30, "recipient": "ben"},
    )
    found = kept("check")
    assert found.code == 0
    assert "'show': viewing time counts 20 s more than once, of 1 viewer whose intervals overlap" in found.out
