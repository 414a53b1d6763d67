"""A whole store into another: every row, once, whatever comes in between."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable

import pyarrow as pa
import pytest

from turnout.errors import Conflict, NotFound, StoreError
from turnout.store import moving_digest as digest
from turnout.store.catalog import Catalog
from turnout.store.deadletters import DeadLetters, Letter
from turnout.store.engine import Engine, rows
from turnout.store.events import Cells, EventStore
from turnout.store.fleet import TABLES, Shared, Single
from turnout.store.migrate import migrate
from turnout.store.moving import Move, Moved, Order
from turnout.store.moving_progress import refuse_unfinished, unfinished
from turnout.store.moving_slices import LAST_ID, Size, Slice, sizes, slices
from turnout.store.moving_survey import survey

NOW = dt.datetime(2026, 11, 18, 12, tzinfo=dt.UTC)

#: What a move takes over, and what it need not: caches, and what is about processes or about one store alone.
TAKEN = {"events", "catalog", "deadletters"}
LEFT = {
    "counts": "kept by its view",
    "counts_of_events": "the view",
    "credits": "a cache",
    "uniques": "a cache",
    "leaving": "must be empty",
    "schema_migrations": "made by migrate",
    "locks": "of processes",
    "members": "of processes",
    "journals": "of processes",
}

FILL = """
INSERT INTO events (workspace, campaign, type, time, id, recipient, anonymous, message, variation, channel, send_id,
    profile, detail, goal, amount, currency, order_id, name, duration_ms, product, quantity, url, link, link_title,
    position, params, properties, ip, user_agent, country, city, network, device, os, browser, browser_version, traffic,
    reasons, rule_version, received)
SELECT {workspace:String}, {campaign:String}, ['sent', 'opened', 'clicked'][1 + number % 3],
    fromUnixTimestamp64Milli(1790000000123 + {step_ms:Int64} * number, 'UTC'),
    reinterpretAsUInt128(sipHash128Reference({campaign:String}, number)),
    concat('r''\\\\\\té', toString(number % 40), '@x.org'),
    number % 2, 'm', 'a', 'email', 's', 'p', 'link', number % 4, toDecimal64(number, 6) / 7, 'EUR', 'o', 'n',
    number, 'product', number % 5, 'https://x.org/ü?a=b', 'l', 'title', number % 9, '{}', '{"a":[1]}', '10.0.0.1',
    'agent', 'DE', 'Köln', 'as1', 'phone', 'ios', 'safari', '18', ['human', 'bot'][1 + number % 2], number % 8, 3,
    fromUnixTimestamp64Milli(1790000000999 + number, 'UTC')
FROM numbers({first:UInt64}, {count:UInt64})
"""


GROUPED = (
    "GROUP BY workspace, campaign, type, slot, traffic, channel, message, variation, profile, detail, goal, currency"
)


def fill(engine: Engine, campaign: str, count: int, *, first: int = 0, step_ms: int = 61_000, workspace: str = "w"):
    engine.execute(
        FILL, {"workspace": workspace, "campaign": campaign, "first": first, "count": count, "step_ms": step_ms}
    )


def letters(engine: Engine, *ids: str) -> None:
    kept = [
        Letter(
            id=name, received=NOW, provider="mail", hook="h", reason="odd", bytes=3, body=b"\xff\x00" + name.encode()
        )
        for name in ids
    ]
    DeadLetters(engine, lambda: NOW, limit_rows=100, limit_bytes=10_000, age_limit_days=30).keep("w", kept)


@pytest.fixture
def source(standin, connect) -> Engine:
    """A store with two workspaces, a large campaign, one of a single moment, small ones and behaviour without any."""
    engine = connect(standin.new_database())
    migrate(engine)
    catalog = Catalog(engine, lambda: NOW)
    catalog.add_workspace("w")
    catalog.add_workspace("other")
    catalog.add_key("w", secret="secret")
    fill(engine, "large", 700)
    fill(engine, "moment", 400, step_ms=0)
    for name in ("a'\\", "b", "c", ""):
        fill(engine, name, 30)
    fill(engine, "b", 20, workspace="other")
    letters(engine, "one", "two")
    return engine


@pytest.fixture
def target(standin, connect) -> Engine:
    """An empty database with the schema."""
    engine = connect(standin.new_database())
    migrate(engine)
    return engine


@pytest.fixture
def move(source, target, tmp_path) -> Callable[..., Moved]:
    """Runs a move: `move(slice_events=100, overwrite=True)`."""

    def run(to: Engine | None = None, of: Engine | None = None, **order: object) -> Moved:
        wanted = Order(**{"slice_events": 300, **order})  # type: ignore[arg-type]
        sides = (of or source, to or target)
        return Move(
            *sides, Single(), tmp_path / "journal.json", wanted, lambda *said: None, pause=lambda seconds: None
        ).run()

    return run


def content(engine: Engine) -> dict[str, list[list[object]]]:
    """All that a store says, but for what it notes of moves."""
    return {
        "events": rows(engine, "SELECT * FROM events ORDER BY workspace, campaign, type, time, id"),
        "counts": rows(
            engine,
            "SELECT workspace, campaign, type, slot, traffic, goal, sum(events), sum(quantity), sum(duration_ms),"
            " sum(amount), min(first_time), max(last_time) FROM counts GROUP BY ALL ORDER BY ALL",
        ),
        "catalog": rows(engine, "SELECT kind, workspace, id, body, deleted FROM catalog FINAL ORDER BY ALL"),
        "letters": rows(engine, "SELECT * REPLACE hex(body) AS body FROM deadletters FINAL ORDER BY ALL"),
    }


def test_all_of_a_store_is_moved(source, target, move):
    moved = move()
    assert moved.is_good
    assert (moved.events, moved.written, moved.campaigns, moved.letters) == (1240, 1240, 7, 2)
    assert content(target) == content(source)
    assert Catalog(target, lambda: NOW).key_of("secret") is not None
    assert rows(target, "SELECT countIf(recipient_domain = 'x.org') FROM events") == [[1240]]
    assert not unfinished(target)
    refuse_unfinished(target)


def test_every_table_is_known_to_be_moved_or_not(target):
    for statement in TABLES:
        target.execute(statement)
    there = {name for (name,) in rows(target, "SELECT name FROM system.tables WHERE database = currentDatabase()")}
    assert {name for name in there if not name.startswith(".inner")} == TAKEN | set(LEFT)


def test_a_second_run_moves_what_is_new_or_changed_and_nothing_else(source, target, move):
    move()
    again = move()
    assert (again.written, again.slices, again.is_good) == (0, 0, True)

    fill(source, "large", 5, first=700)
    fill(source, "new", 3)
    source.execute(
        "ALTER TABLE events UPDATE recipient = 'erased:1', ip = '' WHERE campaign = 'c' AND number_of(recipient)"
        " SETTINGS mutations_sync = 2".replace("number_of(recipient)", "recipient LIKE '%7@x.org'")
    )
    catalog = Catalog(source, lambda: NOW)
    catalog.revoke_key("w", catalog.keys("w")[0].id)
    letters(source, "three")
    grown = move()
    # Of the slice in which a row has changed all rows are written again; of the one that has grown only the new ones.
    assert (grown.written, grown.rewritten, grown.is_good) == (5 + 3 + 30, 1, True)
    assert content(target) == content(source)
    assert Catalog(target, lambda: NOW).keys("w")[0].revoked_at is not None


def test_what_came_after_a_move_comes_back_by_a_move_the_other_way(source, target, move):
    move()
    fill(target, "large", 4, first=700)
    fill(target, "new", 2)
    catalog = Catalog(target, lambda: NOW)
    catalog.revoke_key("w", catalog.key_of("secret").id)
    catalog.add_key("w", secret="later")
    back = move(source, target)
    assert (back.written, back.is_good) == (6, True)
    assert content(source) == content(target)
    assert Catalog(source, lambda: NOW).key_of("secret") is None
    # From then on both are the same, whichever way one goes.
    assert move(overwrite=True).written == 0


def test_a_copy_that_the_source_has_dropped_is_dropped(source, target, move, tmp_path):
    fill(source, "large", 1)
    assert move().written == 1241
    ((at,),) = rows(source, "SELECT toString(id) FROM events WHERE campaign = 'large' GROUP BY id HAVING count() > 1")
    source.execute("DELETE FROM events WHERE id = {id:UInt128}", {"id": int(at)})
    fill(source, "large", 1)
    EventStore(source, tmp_path / "other.json").rebuild(Cells("w", ("large",), 0, 4_000_000_000_000))
    moved = move()
    assert (moved.events, moved.rewritten, moved.is_good) == (1240, 1, True)
    assert content(target) == content(source)


def test_what_is_there_already_is_not_written_again(source, target, move):
    """As after an insert of which only a part was kept, or which was kept twice."""
    move()
    target.execute("DELETE FROM events WHERE campaign = 'large' AND cityHash64(id) % 3 = 0")
    gone = 1240 - int(rows(target, "SELECT count() FROM events")[0][0])
    fill(target, "b", 2, first=4)
    target.execute("TRUNCATE TABLE counts")
    # More than the source has: with a move under way, that is this move's own doing.
    target.execute("INSERT INTO moves (kind) SELECT 'begun'")
    moved = move()
    assert gone > 0
    assert moved.rewritten == 1
    # The slice in which two rows were twice is that of the small campaigns of its workspace.
    assert moved.written == gone + 120
    assert moved.target_rollup.mended > 0
    assert moved.is_good
    assert content(target) == content(source)


class Stopped(Exception):
    """What `Interrupted` stops with."""


class Interrupted:
    """An engine whose process dies before its write number `last`, or right after it."""

    def __init__(self, engine: Engine, last: int, *, after: bool) -> None:
        self._engine = engine
        self._left = last
        self._after = after

    def _write(self, write: Callable[..., None], *arguments: object) -> None:
        self._left -= 1
        if self._left < 0 or (self._left == 0 and not self._after):
            raise Stopped
        write(*arguments)
        if self._left == 0:
            raise Stopped

    def execute(self, *arguments: object) -> None:
        """As the engine, until then."""
        self._write(self._engine.execute, *arguments)

    def insert(self, *arguments: object) -> None:
        """As the engine, until then."""
        self._write(self._engine.insert, *arguments)

    def __getattr__(self, name: str) -> object:
        return getattr(self._engine, name)


def test_a_run_that_died_anywhere_is_gone_on_with(source, target, move):
    """Each run gets a little further than the one before, and dies before or after its last write."""
    died = 0
    for last in range(1, 200, 2):
        try:
            moved = move(Interrupted(target, last, after=bool(last % 4 == 1)), jobs=1)
        except Stopped:
            died += 1
            assert last == 1 or unfinished(target)
            if unfinished(target):
                with pytest.raises(StoreError, match="not all of it is here"):
                    refuse_unfinished(target)
        else:
            break
    assert died >= 4
    assert moved.is_good
    assert moved.skipped > 0
    assert content(target) == content(source)


@pytest.mark.parametrize("when", ["before", "after", "meanwhile"])
def test_an_insert_whose_answer_was_lost_counts_once(source, target, move, standin, when):
    standin.break_next("INSERT INTO events", when)
    assert move().is_good
    assert content(target) == content(source)


class Late:
    """An engine whose inserts of events arrive a second time, as one may that a killed run had sent."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def insert(self, table: str, batch: pa.Table, token: str = "") -> None:
        """As the engine, twice."""
        for _ in range(2 if table == "events" else 1):
            self._engine.insert(table, batch, token)

    def __getattr__(self, name: str) -> object:
        return getattr(self._engine, name)


def test_an_insert_that_arrives_twice_counts_once(source, target, move):
    moved = move(Late(target))
    assert (moved.is_good, moved.rewritten, moved.target_rollup.mended) == (True, 0, 0)
    assert content(target) == content(source)


def test_what_only_the_target_has_stays_and_ends_the_move(source, target, move):
    move()
    fill(target, "large", 1, first=5000)
    before = content(target)
    with pytest.raises(Conflict, match="1 events of 'large' that the source does not have"):
        move()
    target.execute("DELETE FROM events WHERE campaign = 'large'")
    fill(target, "large", 1, first=5000)
    with pytest.raises(Conflict, match="that the source does not have"):
        move()
    fill(target, "unheard", 2)
    with pytest.raises(Conflict, match="2 events of 'unheard'"):
        move()
    assert len(before["events"]) == 1241
    assert rows(target, "SELECT countIf(campaign = 'unheard') FROM events") == [[2]]


def test_who_was_erased_in_the_target_does_not_come_back(source, target, move):
    move()
    target.execute(
        "ALTER TABLE events UPDATE recipient = 'erased:1' WHERE campaign = 'b' AND recipient LIKE '%7@x.org'"
        " SETTINGS mutations_sync = 2"
    )
    with pytest.raises(Conflict, match="erased in the target"):
        move()
    assert rows(target, "SELECT count() > 0 FROM events WHERE recipient = 'erased:1'") == [[1]]


def test_a_registry_that_was_changed_in_the_target_is_not_overwritten_unasked(source, target, move):
    move()
    Catalog(target, lambda: NOW).add_key("w", secret="new")
    catalog = Catalog(target, lambda: NOW)
    catalog.revoke_key("w", catalog.key_of("secret").id)
    with pytest.raises(Conflict, match="were changed since the move"):
        move()
    assert move(overwrite=True).is_good
    assert Catalog(target, lambda: NOW).key_of("secret") is not None
    assert Catalog(target, lambda: NOW).key_of("new") is not None


def test_another_store_is_not_moved_into(source, target, move):
    Catalog(target, lambda: NOW).add_workspace("default")
    with pytest.raises(Conflict, match="holds another store already"):
        move()
    with pytest.raises(Conflict, match="the same store"):
        move(source)


def test_a_source_that_is_not_ready_is_refused(source, target, move, standin, connect):
    with pytest.raises(NotFound, match="no store of Turnout"):
        move(of=connect(standin.new_database()))
    source.execute("INSERT INTO leaving (kind, workspace) SELECT 'recipient', 'w'")
    with pytest.raises(Conflict, match="being erased"):
        move()
    source.execute("TRUNCATE TABLE leaving")
    source.execute("CREATE TABLE salvaged_1 AS events")
    with pytest.raises(Conflict, match="mending"):
        move()
    source.execute("DROP TABLE salvaged_1")
    source.execute("INSERT INTO schema_migrations SELECT 9999, 'later'")
    with pytest.raises(Conflict, match="schema 9999"):
        move()
    assert content(target)["catalog"] == []


def test_a_target_in_use_is_refused_and_a_move_keeps_others_from_writing(source, target, tmp_path):
    fleet, other = Shared(target, "mover"), Shared(target, "server")
    fleet.prepare()
    said: list[str] = []

    def run() -> Moved:
        order = Order(slice_events=400)
        return Move(source, target, fleet, tmp_path / "j", order, lambda stage, done, total: said.append(stage)).run()

    other.start()
    with other.writing():
        pass
    with pytest.raises(Conflict, match=r"a Turnout process \(server\) uses the target"):
        run()
    other.close()
    assert run().is_good
    assert set(said) == {"registry", "letters", "copying", "comparing", "checking"}
    fleet.close()


def test_slices_cover_all_of_time_and_every_id(source):
    pieces = list(slices(source, sizes(source), 100))
    whole = digest.Digest()
    for piece in pieces:
        found = digest.of_slice(source, piece)
        # Ids are hashes, so parts of a moment are only about equal.
        assert found.events <= 150
        whole += found
    assert whole.events == 1240
    everything = digest.Digest()
    for workspace in ("w", "other"):
        names = [one.campaign for one in sizes(source) if one.workspace == workspace]
        for one in digest.of_campaigns(source, workspace, names).values():
            everything += one
    assert whole == everything
    assert len({piece.key for piece in pieces}) == len(pieces)
    assert [piece.key for piece in slices(source, sizes(source), 100)] == [piece.key for piece in pieces]

    spans = [piece for piece in pieces if piece.campaigns == ("large",)]
    assert all(one.to_ms == following.from_ms for one, following in itertools.pairwise(spans))
    parts = [piece for piece in pieces if piece.campaigns == ("moment",) and piece.last_id - piece.first_id < LAST_ID]
    assert (parts[0].first_id, parts[-1].last_id) == (0, LAST_ID)
    assert all(one.last_id + 1 == following.first_id for one, following in itertools.pairwise(parts))


def test_a_rollup_that_lies_costs_no_event(source, target, move):
    source.execute("TRUNCATE TABLE counts")
    moved = move()
    assert (moved.written, moved.is_whole, moved.is_good) == (1240, True, False)
    assert moved.source_rollup.differences > 0
    assert content(target)["events"] == content(source)["events"]


def test_a_large_number_of_campaigns_is_grouped_within_its_workspace(source):
    found = [Size("v", f"c{number}", 1) for number in range(1200)] + [Size("w", "a", 3), Size("w", "b", 2)]
    pieces = list(slices(source, found, 1000))
    assert [len(piece.campaigns) for piece in pieces] == [500, 500, 200, 2]
    assert pieces[-1] == Slice("w", ("a", "b"), 5)


@pytest.mark.parametrize("change", ["DELETE FROM events WHERE id = {id:UInt128}", "twice", "other"])
def test_every_difference_of_a_row_shows(source, target, move, change):
    move()
    ((name,),) = rows(target, "SELECT toString(min(id)) FROM events WHERE campaign = 'b' AND workspace = 'w'")
    piece = Slice("w", ("b",), 30)
    columns = "* REPLACE (browser_version || '1' AS browser_version)" if change == "other" else "*"
    if change != "DELETE FROM events WHERE id = {id:UInt128}":
        target.execute(
            f"INSERT INTO events SELECT {columns} FROM events WHERE id = {{id:UInt128}} AND workspace = 'w'",
            {"id": int(name)},
        )
    else:
        target.execute(change, {"id": int(name)})
    assert digest.of_slice(source, piece) != digest.of_slice(target, piece)
    found = digest.compare(source, target, piece)
    if change.startswith("DELETE"):
        assert (len(found.missing), found.changed, found.foreign) == (1, 0, 0)
        assert found.missing == {int(name).to_bytes(16, "little")}
    else:
        assert (len(found.missing), found.changed, found.foreign) == (0, 1, 0)


def test_a_survey_changes_nothing(source, standin, connect):
    target = connect(standin.new_database())
    found = survey(source, target, 100)
    assert (found.events, found.campaigns, found.letters, found.target_events) == (1240, 7, 2, 0)
    assert found.slices > 10
    assert rows(target, "SELECT count() FROM system.tables WHERE database = currentDatabase()") == [[0]]
    assert survey(source, None, 100) == found
