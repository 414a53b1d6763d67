"""A backup as the store makes it: whole or not there at all, from either kind of engine."""

from __future__ import annotations

import datetime as dt
import shutil
import threading
from collections import namedtuple
from pathlib import Path

import pytest
from tests.conftest import ON_SERVER

from turnout.errors import Conflict, InvalidInput, Overloaded, StoreError
from turnout.sql import migrations
from turnout.store import backup, manifest, restore
from turnout.store.engine import rows

DISK = "default"


def around(**more: object) -> backup.Surroundings:
    return backup.Surroundings(
        **{"version": "1.2.3", "now": lambda: dt.datetime(2026, 10, 5, tzinfo=dt.UTC), "exclusively": lambda act: act()}
        | more
    )


def quiet(stage: str, done: int, total: int) -> None:
    pass


def order(target: Path) -> backup.Order:
    return backup.Order(target, disk=DISK if ON_SERVER else "")


def make(engine, target: Path, **more: object) -> manifest.Manifest:
    return backup.make(engine, order(target), around(**more), quiet)


def snapshots(engine) -> list[str]:
    return [name for (name,) in rows(engine, "SHOW TABLES") if name.startswith("snapshot_of_")]


def test_it_says_what_it_holds_and_can_be_proved(house, tenant, tmp_path):
    tenant.send({"type": "sent", "time": "2026-10-05T10:00:00Z", "campaign": "spring"})
    house.services.writer.settle()
    engine = house.services.engine
    made = make(engine, tmp_path / "one", exclusively=house.services.writer.exclusively)
    assert made == manifest.read(tmp_path / "one")
    assert (made.turnout, made.taken_at.year, made.schema) == ("1.2.3", 2026, migrations()[-1].number)
    assert made.events == house.services.events.count()
    assert "credits" not in made.tables
    assert made.damaged == {}
    manifest.verify(tmp_path / "one")
    assert snapshots(engine) == []
    assert (tmp_path / "one").stat().st_mode & 0o077 == 0, "others may read what is a secret"


def test_a_backup_of_a_damaged_store_says_so(standin, connect, tmp_path):
    engine = connect(standin.new_database())
    older_store(engine, steps=4)
    ((path,),) = rows(engine, "SELECT path FROM system.parts WHERE table = 'events' AND database = currentDatabase()")
    data = Path(path) / "data.bin"
    raw = bytearray(data.read_bytes())
    raw[len(raw) // 2] ^= 1
    data.write_bytes(raw)
    made = backup.make(engine, backup.Order(tmp_path / "one", disk=DISK), around(), quiet)
    assert made.damaged == {"events": 1}
    assert manifest.read(tmp_path / "one").damaged == {"events": 1}


@pytest.mark.parametrize("moment", ["linking", "checking", "copying", "reading"])
def test_what_fails_leaves_nothing(house, tmp_path, moment):
    engine = house.services.engine

    def report(stage: str, done: int, total: int) -> None:
        if stage == moment:
            raise StoreError("it died")

    with pytest.raises(StoreError, match="it died"):
        backup.make(engine, order(tmp_path / "one"), around(), report)
    assert list(tmp_path.iterdir()) == []
    assert snapshots(engine) == []


def test_a_server_that_stops_ends_it(house, tmp_path):
    with pytest.raises(Overloaded, match="stopping"):
        make(house.services.engine, tmp_path / "one", stopping=lambda: True)
    assert list(tmp_path.iterdir()) == []


def test_what_an_earlier_death_left_is_cleared_away(house, tmp_path):
    engine = house.services.engine
    engine.execute("CREATE TABLE snapshot_of_events AS events")
    (tmp_path / ".one.partial" / "store").mkdir(parents=True)
    assert "snapshot_of_events" not in make(engine, tmp_path / "one").tables
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


@pytest.mark.embedded("what is free on a server's disk only the server knows")
def test_a_disk_without_room_is_found_before_anything_is_written(house, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 100))
    with pytest.raises(Overloaded, match="MiB free"):
        make(house.services.engine, tmp_path / "one")
    assert list(tmp_path.iterdir()) == []
    assert snapshots(house.services.engine) == []


def test_one_at_a_time(house, tmp_path):
    linking, go_on = threading.Event(), threading.Event()

    def exclusively(act) -> None:
        linking.set()
        assert go_on.wait(30)
        act()

    first = threading.Thread(
        target=make, args=(house.services.engine, tmp_path / "one"), kwargs={"exclusively": exclusively}
    )
    first.start()
    assert linking.wait(30)
    with pytest.raises(Overloaded, match="already"):
        make(house.services.engine, tmp_path / "two")
    go_on.set()
    first.join(60)
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_an_order_is_looked_at_first(tmp_path):
    with pytest.raises(InvalidInput, match="absolute"):
        backup.check(backup.Order(Path("one")), embedded=True)
    with pytest.raises(InvalidInput, match="disk of its own"):
        backup.check(backup.Order(tmp_path / "one"), embedded=False)


# ---- a ClickHouse server's stand-in, and an older schema ------------------------------------------------


def older_store(engine, steps: int) -> None:
    """A store as a Turnout made it that knew only the first steps of the schema, with an event in it."""
    engine.execute("CREATE TABLE schema_migrations (number UInt32, name String) ENGINE = MergeTree ORDER BY number")
    for step in migrations()[:steps]:
        for statement in step.statements:
            engine.execute(statement)
        engine.execute(f"INSERT INTO schema_migrations SELECT {step.number}, '{step.name}'")
    engine.execute(
        "INSERT INTO events (workspace, campaign, type, time, id) "
        "SELECT 'w', 'spring', 'sent', toDateTime64('2026-10-05 10:00:00', 3, 'UTC') + number, number FROM numbers(9)"
    )


def test_a_server_s_store_of_an_older_schema_comes_back_in_this_one(standin, connect, tmp_path):
    old, new = (connect(standin.new_database()) for _ in range(2))
    older_store(old, steps=3)
    order = backup.Order(tmp_path / "one", disk=DISK)
    backup.check(order, embedded=False)
    made = backup.make(old, order, around(), quiet)
    assert (made.schema, made.events, made.disk) == (3, 9, DISK)
    old.execute("INSERT INTO events (workspace, campaign, type, time, id) SELECT 'w', 'late', 'sent', now64(3), 99")
    # A rollup that lies is mended on the way back.
    old.execute("INSERT INTO counts (workspace, campaign, type, slot, events) SELECT 'w', 'spring', 'sent', now(), 5")
    more = backup.make(old, backup.Order(tmp_path / "two", base=tmp_path / "one", disk=DISK), around(), quiet)
    assert more.base == manifest.Base(made.id, str(tmp_path / "one"))
    with pytest.raises(StoreError):
        backup.make(old, backup.Order(tmp_path / "three", disk="nowhere"), around(), quiet)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]
    assert snapshots(old) == []

    source = restore.prove(tmp_path / "two", quiet)
    back = restore.bring_back(new, source, tmp_path / "journal.json", quiet)
    assert (back.events, back.schema, back.mended_slots) == (10, migrations()[-1].number, 1)
    # The view came along, and belongs to the new database.
    new.execute("INSERT INTO events (workspace, campaign, type, time, id) SELECT 'w', 'later', 'sent', now64(3), 100")
    assert rows(new, "SELECT sum(events) FROM counts") == [[11]]
    assert rows(old, "SELECT sum(events) FROM counts") == [[15]]
    with pytest.raises(Conflict, match="has tables"):
        restore.bring_back(new, source, tmp_path / "journal.json", quiet)
