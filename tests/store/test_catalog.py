"""What events say of campaigns is kept, also where the first try to write it down fails."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest

from turnout.errors import StoreError
from turnout.store.catalog import Catalog
from turnout.store.sightings import Sighting


@pytest.fixture
def catalog(house):
    return Catalog(house.services.engine, lambda: dt.datetime.now(dt.UTC))


@pytest.mark.parametrize("known", [False, True])
def test_a_sighting_that_could_not_be_written_is_written_the_next_time(house, catalog, monkeypatch, known):
    workspace = f"w{uuid.uuid4().hex[:12]}"
    if known:
        catalog.observe(workspace, [Sighting("spring", "email")])
    before = catalog.campaigns(workspace)

    def fail(*arguments, **options):
        raise StoreError("on purpose")

    with monkeypatch.context() as broken:
        broken.setattr(catalog._records, "write", fail)
        with pytest.raises(StoreError):
            catalog.observe(workspace, [Sighting("spring", "sms", "m")])
    assert catalog.campaigns(workspace) == before
    catalog.observe(workspace, [Sighting("spring", "sms", "m")])
    (campaign,) = catalog.campaigns(workspace)
    assert campaign.channels[-1] == "sms"
    assert catalog.find(workspace, "uuid", campaign.uuid) == campaign
    again = Catalog(house.services.engine, lambda: dt.datetime.now(dt.UTC))
    assert again.campaigns(workspace) == [campaign]
