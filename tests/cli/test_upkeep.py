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
    assert whole == {"campaigns": 3, "events": 3, "differences": [], "unreadable": []}


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
