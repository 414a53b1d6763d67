"""What came to hooks: counted in memory, bounded, and there again after a restart."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
import uuid

import pytest

from turnout.errors import StoreError
from turnout.model import Hook
from turnout.store import deliveries
from turnout.store.catalog import Catalog
from turnout.store.deliveries import Deliveries, Delivery

AT = dt.datetime(2026, 3, 17, 10, tzinfo=dt.UTC)


class Table:
    """Records that only remember what was written; `full` as a disk is."""

    def __init__(self) -> None:
        self.written = []
        self.full = False
        self.came = threading.Event()

    def changing(self):
        return contextlib.nullcontext()

    def write(self, kind, records):
        self.came.set()
        if self.full:
            raise StoreError("no space left")
        self.written += [(kind, *record) for record in records]


def hook(workspace="w", name="h"):
    return Hook(id=name, workspace=workspace, provider="postmark", digest="", created_at=AT)


def minutes(count):
    return AT + dt.timedelta(minutes=count)


def test_sums_are_of_all_and_the_last_are_kept_one_by_one():
    known = Deliveries(Table())
    for number in range(50):
        known.note(hook(), Delivery(at=minutes(number), status=200, accepted=2, duplicates=1, ignored=3, quarantined=4))
    known.note(hook(), Delivery(at=minutes(50), status=401, error="wrong signature"))
    known.note(hook(), Delivery(at=minutes(51), status=200, accepted=1))
    known.note(hook(name="other"), Delivery(at=minutes(0), status=200))
    found = known.of(hook())
    assert (found.requests, found.refused) == (52, 1)
    assert (found.accepted, found.duplicates, found.ignored, found.quarantined) == (101, 50, 150, 200)
    assert found.last_error == Delivery(at=minutes(50), status=401, error="wrong signature")
    assert [one.at for one in found.recent] == [minutes(51 - back) for back in range(deliveries.RECENT_LIMIT)]
    assert found.last.at == minutes(51)
    assert known.of(hook(name="nobody")).last is None


def test_a_restart_knows_them_and_goes_on_counting(house):
    services, workspace = house.services, f"w{uuid.uuid4().hex[:12]}"
    mine = hook(workspace, uuid.uuid4().hex[:12])
    for number in range(30):
        services.catalog.deliveries.note(mine, Delivery(at=minutes(number), status=200, accepted=1))
    services.catalog.deliveries.write()
    again = Catalog(services.engine, services.now)
    assert again.deliveries.of(mine) == services.catalog.deliveries.of(mine)
    again.deliveries.note(mine, Delivery(at=minutes(31), status=503, error="the disk is full"))
    found = again.deliveries.of(mine)
    assert (found.requests, found.refused, found.last.at, len(found.recent)) == (31, 1, minutes(31), 20)


def test_they_are_written_together_and_once():
    table = Table()
    known = Deliveries(table)
    for name in ("a", "b", "a"):
        known.note(hook(name=name), Delivery(at=AT, status=200))
    known.write()
    known.write()
    assert [(kind, workspace, name) for kind, workspace, name, _ in table.written] == [
        ("received", "w", "a"),
        ("received", "w", "b"),
    ]


def test_what_could_not_be_written_is_written_with_what_comes_next(caplog):
    table = Table()
    known = Deliveries(table)
    known.note(hook(), Delivery(at=AT, status=200))
    table.full = True
    known.write()
    assert "could not be written: no space left" in caplog.text
    table.full = False
    known.note(hook(name="next"), Delivery(at=AT, status=200))
    known.write()
    assert [name for _, _, name, _ in table.written] == ["h", "next"]


@pytest.mark.parametrize("delay_s", [0.01, 60.0])
def test_it_writes_by_itself_and_at_the_end(delay_s):
    table = Table()
    known = Deliveries(table, delay_s)
    known.start()
    known.note(hook(), Delivery(at=AT, status=200))
    if delay_s < 1:
        assert table.came.wait(10)
    known.close()
    assert [name for _, _, name, _ in table.written] == ["h"]
