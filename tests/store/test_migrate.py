from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

import turnout
from turnout import sql
from turnout.errors import SchemaTooNew
from turnout.store.engine import rows
from turnout.store.fleet import TABLES, Shared
from turnout.store.migrate import migrate

SOURCE = Path(turnout.__file__).parent
QUERIES = sorted(path.stem for path in (SOURCE / "sql" / "queries").glob("*.sql"))


def schema(engine) -> list[list[str]]:
    """Every table and its definition, without what differs from database to database."""
    asked = (
        "SELECT name, replaceAll(create_table_query, currentDatabase(), '') FROM system.tables "
        "WHERE database = currentDatabase() AND name != 'schema_migrations' ORDER BY name"
    )
    return rows(engine, asked)


def test_migrations_are_numbered_without_gaps():
    known = sql.migrations()
    assert [step.number for step in known] == list(range(1, len(known) + 1))
    assert all(step.statements for step in known)
    files = sorted(path.name for path in (SOURCE / "sql" / "migrations").iterdir() if path.suffix == ".sql")
    assert files == [f"{step.number:04}_{step.name}.sql" for step in known]


def test_a_fresh_store_gets_the_whole_schema_and_a_second_time_nothing(fresh_engine):
    newest = sql.migrations()[-1].number
    assert migrate(fresh_engine) == newest
    once = schema(fresh_engine)
    assert {"events", "counts", "counts_of_events", "catalog"} <= {name for name, _ in once}
    assert migrate(fresh_engine) == newest
    assert schema(fresh_engine) == once
    applied = rows(fresh_engine, "SELECT number, name FROM schema_migrations ORDER BY number")
    assert applied == [[step.number, step.name] for step in sql.migrations()]


def test_a_crash_at_any_statement_is_made_good_by_the_next_start(fresh_engine, standin, connect, dying):
    migrate(fresh_engine)
    engine = connect(standin.new_database())
    # Each start dies one statement later than the one before. A step that was not finished is begun anew, so a start
    # makes the table of steps, does again what there was of the last step, and dies at the statement behind it.
    again = 0
    for step in sql.migrations():
        for statement in range(len(step.statements) + 1):
            with pytest.raises(Exception, match=r"CREATE|INSERT|ALTER"):
                migrate(dying(engine, 1 + again + statement))
            again = 0
        again = len(step.statements) + 1
    migrate(engine)
    assert schema(engine) == schema(fresh_engine)
    assert rows(engine, "SELECT count(), uniqExact(number) FROM schema_migrations") == [[len(sql.migrations())] * 2]


def test_a_newer_schema_is_refused_and_left_alone(fresh_engine):
    newest = migrate(fresh_engine)
    fresh_engine.execute("INSERT INTO schema_migrations VALUES (987, 'from_the_future')")
    before = schema(fresh_engine)
    with pytest.raises(SchemaTooNew) as caught:
        migrate(fresh_engine)
    assert "987" in caught.value.message
    assert str(newest) in caught.value.message
    assert "upgrade" in caught.value.hint
    assert schema(fresh_engine) == before


def test_the_refill_selects_what_the_view_selects():
    (view,) = (
        statement
        for step in sql.migrations()
        for statement in step.statements
        if statement.startswith("CREATE MATERIALIZED VIEW IF NOT EXISTS counts_of_events")
    )
    refill = "\n".join(line for line in sql.query("refill_counts").splitlines() if not line.startswith("--"))
    without_where = re.sub(r"WHERE .*?(?=GROUP BY)", "", refill, flags=re.S)
    assert view.partition(" AS\nSELECT")[2].split() == without_where.partition("INSERT INTO counts\nSELECT")[2].split()


#: These read tables that are there only while they are asked: tests/ingest/test_reclassify.py asks them.
OF_OTHER_TABLES = frozenset(f"reclassify_{name}" for name in ("differing", "extents", "found", "held", "write"))


#: What only a cluster can be asked: parsed here, asked in tests/cluster.
OF_A_CLUSTER = frozenset({"known_states", "misplaced", "replicas"})


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_is_used_and_runs(house, name):
    modules = [path for path in SOURCE.rglob("*.py") if f'sql.query("{name}")' in path.read_text()]
    assert modules, f"queries/{name}.sql is asked by nobody"
    text = sql.query(name)
    assert text.startswith("--"), "a query says what it is for"
    if name in OF_OTHER_TABLES:
        return
    # No workspace has an empty name, so this finds and changes nothing.
    nothing = {
        parameter: {"String": "", "Array(String)": [""], "Identifier": "events"}.get(
            kind, [0] if kind.startswith("Array") else 0
        )
        for parameter, kind in re.findall(r"{(\w+):([^}]+)}", text)
    }
    for statement in TABLES if "locks" in text or "members" in text or "journals" in text else ():
        house.services.engine.execute(statement)
    house.services.engine.execute(f"EXPLAIN AST {text}" if name in OF_A_CLUSTER else text, nothing)


def test_every_query_that_is_used_is_there():
    asked = {found for path in SOURCE.rglob("*.py") for found in re.findall(r'sql\.query\("(\w+)"\)', path.read_text())}
    assert asked == set(QUERIES)


def test_processes_that_start_together_take_turns(standin, connect):
    url = standin.new_database()
    fleets = []
    for number in range(3):
        one = Shared(connect(url), f"p{number}")
        one.prepare()
        fleets.append(one)

    def start(one: Shared) -> None:
        migrate(one._engine, one.migrating())

    threads = [threading.Thread(target=start, args=(one,)) for one in fleets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    engine = connect(url)
    newest = sql.migrations()[-1].number
    assert rows(engine, "SELECT number, count() FROM schema_migrations GROUP BY number ORDER BY number") == [
        [number, 1] for number in range(1, newest + 1)
    ]
    # Who finds everything done asks for no lock.
    terms = rows(engine, "SELECT max(term) FROM locks WHERE name = 'schema'")
    migrate(engine, fleets[0].migrating())
    assert rows(engine, "SELECT max(term) FROM locks WHERE name = 'schema'") == terms
