"""Mending, step by step, on a whole store that parts are taken from. tests/faults damages real files."""

from __future__ import annotations

import pytest
from tests.store.test_events import EVERYTHING, rolled_up, some_events

from turnout.errors import Overloaded, StoreDamaged
from turnout.store import integrity
from turnout.store.engine import rows, translate
from turnout.store.events import EventStore
from turnout.store.integrity import SALVAGED, Damage, Findings, Lost
from turnout.store.mending import _together, mend
from turnout.store.migrate import migrate

FLIPPED = "Code: 40. DB::Exception: Checksum doesn't match: corrupted data. (CHECKSUM_DOESNT_MATCH)"
MISSING = (
    "Code: 107. DB::Exception: Cannot open file {}/data.bin: , errno: 2, strerror: No such file or directory"
    " (FILE_DOESNT_EXIST)"
)
PART = "/var/lib/turnout/store/store/6a5/6a583c2c-21a8-4716-941e-338588e0846d/all_1_4_1_7"


@pytest.fixture
def store(fresh_engine, tmp_path):
    """Three parts of ninety events."""
    migrate(fresh_engine)
    found = EventStore(fresh_engine, tmp_path / "journal.json")
    for number in range(3):
        batch, touched = some_events(90, at_ms=1_791_200_000_000 + number * 86_400_000)
        found.append([batch], touched)
    return found


def parts(engine):
    return sorted(integrity.part_rows(engine, "events"))


def found_by(engine):
    return integrity.findings(engine, integrity.read_through(engine))


def set_aside(engine, part):
    engine.execute("ALTER TABLE events DETACH PART {part:String}", {"part": part})


def save_beside(engine, part):
    """What a mending has done by the time that it has read a part."""
    engine.execute("CREATE TABLE {table:Identifier} AS events", {"table": SALVAGED + part})
    engine.execute(
        "INSERT INTO {table:Identifier} SELECT * FROM events WHERE _part = {part:String}",
        {"table": SALVAGED + part, "part": part},
    )


def test_a_whole_store_is_sound(store, fresh_engine):
    assert integrity.sound(fresh_engine)
    assert found_by(fresh_engine) == Findings((), (), (), (), False)


def test_a_part_that_is_gone_is_missed_and_then_no_longer_counted(store, fresh_engine):
    set_aside(fresh_engine, parts(fresh_engine)[0])
    assert not integrity.sound(fresh_engine)
    found = found_by(fresh_engine)
    assert not found.sound
    assert sum(one.events for one in found.lost) == 90
    assert {one.workspace for one in found.lost} == {"w"}
    assert [(one.table, one.rows) for one in found.aside] == [("events", 90)]

    before = store.repairs
    mended = mend(fresh_engine, store, found)
    assert mended.lost == found.lost
    assert {name for _, name in mended.changed} == {one.campaign for one in found.lost}
    assert (store.count(), rolled_up(fresh_engine)) == (180, 180)
    assert store.differences(EVERYTHING) == []
    assert integrity.sound(fresh_engine)
    assert store.trusted
    assert store.repairs % 2 == 0
    assert store.repairs != before, "who read the rollup meanwhile has to look again"


def test_a_part_that_can_be_read_after_all_loses_nothing(store, fresh_engine):
    """As where only its index is damaged: every row is saved."""
    part = parts(fresh_engine)[1]
    damage = Damage("events", part, 90, "on purpose")
    mended = mend(fresh_engine, store, Findings((damage,), (), (), (), False))
    assert (mended.set_aside, mended.saved, mended.unread, mended.lost) == ((part,), 90, 0, ())
    assert part not in parts(fresh_engine)
    assert store.count() == 270
    ((ids,),) = rows(fresh_engine, "SELECT uniqExact(id) FROM events")
    assert int(ids) == 270
    assert integrity.unfinished_salvage(fresh_engine) == ()


def test_a_part_of_the_rollup_is_made_anew(store, fresh_engine):
    part = sorted(integrity.part_rows(fresh_engine, "counts"))[0]
    mended = mend(fresh_engine, store, Findings((Damage("counts", part, 9, "on purpose"),), (), (), (), False))
    assert mended.dropped == (f"counts/{part}",)
    assert mended.lost == ()
    assert rolled_up(fresh_engine) == 270
    assert store.differences(EVERYTHING) == []


def test_workspaces_are_held_against_raw_few_at_a_time():
    many = [[f"w{number}", ["", f"c{number}"]] for number in range(60)]
    large = ["large", [f"c{number}" for number in range(120)]]
    taken = list(_together([*many[:30], large, *many[30:]]))
    assert max(len(campaigns) for _, campaigns in taken) <= 50
    assert len(taken) <= 3 + 120 // 25
    for workspace, names in [*many, large]:
        together = [campaigns for workspaces, campaigns in taken if workspace in workspaces]
        assert set(names) <= {name for campaigns in together for name in campaigns}


def test_what_only_a_backup_has_is_left_alone(store, fresh_engine):
    fresh_engine.execute("INSERT INTO catalog VALUES ('workspace', '', 'w', '{}', 1, 0)")
    (part,) = integrity.part_rows(fresh_engine, "catalog")
    damage = Damage("catalog", part, 1, "on purpose")
    assert mend(fresh_engine, store, Findings((damage,), (), (), (), False)).left == (damage,)
    assert list(integrity.part_rows(fresh_engine, "catalog")) == [part]
    integrity.refuse_lost_catalog(fresh_engine)
    fresh_engine.execute("ALTER TABLE catalog DETACH PART {part:String}", {"part": part})
    with pytest.raises(StoreDamaged, match="catalog"):
        integrity.refuse_lost_catalog(fresh_engine)


@pytest.mark.parametrize("when", ["before the part was set aside", "after", "half of it was back"])
def test_a_mending_that_broke_off_is_ended(store, fresh_engine, when):
    part = parts(fresh_engine)[0]
    save_beside(fresh_engine, part)
    if when != "before the part was set aside":
        set_aside(fresh_engine, part)
    if when == "half of it was back":
        fresh_engine.execute("INSERT INTO events SELECT * FROM {table:Identifier} LIMIT 40", {"table": SALVAGED + part})
    assert not integrity.sound(fresh_engine)
    found = found_by(fresh_engine)
    assert found.unfinished == (SALVAGED + part,)
    mend(fresh_engine, store, found)
    ((count, ids),) = rows(fresh_engine, "SELECT count(), uniqExact(id) FROM events")
    assert (int(count), int(ids), rolled_up(fresh_engine)) == (270, 270, 270)
    assert integrity.unfinished_salvage(fresh_engine) == ()
    assert integrity.sound(fresh_engine)


@pytest.mark.parametrize("said", [FLIPPED, MISSING.format(PART)])
def test_what_the_engine_says_of_damage_is_told_from_other_trouble(said):
    error = translate(RuntimeError(said))
    assert isinstance(error, StoreDamaged)
    assert "turnout check" in error.hint
    assert "/var" not in error.message + error.hint


def test_a_missing_file_that_is_no_part_is_no_damage():
    assert not isinstance(translate(RuntimeError(MISSING.format("/tmp/x.arrow"))), StoreDamaged)


def test_ids_that_can_not_be_read_are_neither_new_nor_known(store, monkeypatch):
    def broken(*_):
        raise StoreDamaged

    monkeypatch.setattr(store._engine, "query", broken)
    for ask in (lambda: store.known_anywhere("w", [1]), lambda: store.known_near(EVERYTHING, [1])):
        with pytest.raises(Overloaded) as refused:
            ask()
        assert refused.value.retry_after_s > 0


def test_after_a_crash_beside_damage_the_store_opens_and_raw_answers(store, fresh_engine, tmp_path, monkeypatch):
    batch, touched = some_events(10)
    store.append([batch], touched)
    opened = EventStore(fresh_engine, tmp_path / "journal.json")

    def broken(*_):
        raise StoreDamaged

    monkeypatch.setattr(opened, "differences", broken)
    assert opened.recover() == 0
    assert not opened.trusted
    assert opened.repairs % 2 == 1


def test_lost_events_are_told_by_campaign(store, fresh_engine):
    fresh_engine.execute("DELETE FROM events WHERE campaign = 'spring'")
    assert integrity.lost_events(fresh_engine) == (Lost("w", "spring", 90),)
