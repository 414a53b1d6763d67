"""Campaigns whose events came into the store past the writer."""

from __future__ import annotations

import datetime as dt
import uuid

import pyarrow as pa
import pytest

from turnout.ingest.discovery import Discovery
from turnout.store.fleet import Single

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


@pytest.fixture
def past_the_writer(house, tenant):
    """Puts an event into the table, as whoever else has the store may."""

    def put(campaign: str, at: dt.datetime, workspace: str = "", **said: str) -> None:
        row = {
            "workspace": workspace or tenant.workspace.id,
            "campaign": campaign,
            "type": said.pop("type", "sent"),
            **said,
        }
        moment = pa.array([int(at.timestamp() * 1000)], pa.int64()).cast(pa.timestamp("ms", "UTC"))
        house.services.engine.insert(
            "events",
            pa.table(
                {
                    **{name: [value] for name, value in row.items()},
                    "id": pa.array([uuid.uuid4().bytes], pa.binary(16)),
                    "time": moment,
                    "received": moment,
                    "traffic": ["human"],
                }
            ),
        )

    return put


@pytest.fixture
def discovery(house):
    return Discovery(house.services.engine, house.services.catalog, Single(), lambda: NOW)


def test_a_campaign_that_nobody_told_of_is_entered_as_if_its_events_had_come_by_the_writer(
    house, tenant, past_the_writer, discovery
):
    past_the_writer("old", NOW - dt.timedelta(days=300), channel="email", message="m1")
    past_the_writer("old", NOW - dt.timedelta(days=300), variation="b", type="enrolled")
    past_the_writer("", NOW)
    past_the_writer("nobody's", NOW, workspace="unheard-of")
    discovery.look()
    (found,) = house.services.catalog.campaigns(tenant.workspace.id)
    assert (found.id, found.channels, [one.id for one in found.messages]) == ("old", ("email",), ["m1"])
    assert [(one.id, one.control) for one in found.variations] == [("b", True)]
    assert found.number
    assert found.uuid


def test_a_known_campaign_shows_what_it_has_sent_of_late(house, tenant, past_the_writer, discovery):
    tenant.client.put("/v1/campaigns/spring", json={"title": "Spring"})
    past_the_writer("spring", NOW - dt.timedelta(days=30), message="long ago")
    past_the_writer("spring", NOW - dt.timedelta(hours=1), message="late")
    discovery.look()
    found = house.services.catalog.campaign(tenant.workspace.id, "spring")
    assert (found.title, [one.id for one in found.messages]) == ("Spring", ["late"])


def test_an_entry_that_somebody_deleted_stays_deleted(house, tenant, past_the_writer, discovery):
    past_the_writer("gone", NOW)
    discovery.look()
    assert tenant.client.delete("/v1/campaigns/gone").status_code == 204
    discovery.look()
    assert not house.services.catalog.has_campaign(tenant.workspace.id, "gone")
