"""The cluster's schema and statements. After a wanted change: `RENEW_GOLDEN=1 pytest tests/store/test_cluster.py`, and
read the difference.

No cluster is at hand here. The statements are compared with files that were read by people, and parsed by the engine;
the schema is made by an engine with a Keeper in its process. ON CLUSTER itself can only be parsed.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from turnout import sql
from turnout.errors import StoreError
from turnout.store import erasure, fleet, migrate
from turnout.store.address import parse_url
from turnout.store.cluster import SHARDED, Cluster, OneServer, layout_of
from turnout.store.engine import Parameters

GOLDEN = Path(__file__).parent / "cluster"
SOURCE = Path(sql.__file__).parents[1]
REPLICATED = Path(__file__).parents[1] / "standin" / "replicated_schema.py"

BY_RECIPIENT = Cluster("main", "turnout")
BY_WORKSPACE = Cluster("main", "turnout", "workspace", "2")

_VERBS = "CREATE|ALTER|DELETE|TRUNCATE|DROP|KILL|INSERT|SYSTEM|OPTIMIZE|BACKUP|RESTORE|ATTACH|DETACH|RENAME|EXCHANGE"
_VERBS += "|UPDATE|UNDROP|SET|USE|GRANT"
STATEMENT = re.compile(rf"\s*(?:--[^\n]*\n\s*)*(?:{_VERBS})\s+[A-Z]*\s*[A-Za-z{{`]")
PLACEHOLDER = re.compile(r"\{(\w+):(\w+(?:\(\w+\))?)\}")

#: Modules whose statements no cluster gets: the engine in the process, what makes the cluster's statements, and what
#: is measured without the house.
ELSEWHERE = {"store/embedded.py", "store/cluster.py", "bench/bare.py", "bench/prototype.py"}

#: What a cluster's own servers do for themselves: backups, and parts that can't be read.
REFUSED = {"store/backup.py", "store/restore.py", "store/mending.py"}


class Text(NamedTuple):
    """A statement as it is written; `is_whole` unless parts of it are only known when it runs (here `x`)."""

    where: str
    text: str
    is_whole: bool = True


def texts(path: Path) -> Iterator[Text]:
    """Every text in a module, if any of them could be a statement."""
    name, module = path.relative_to(SOURCE).as_posix(), path.read_text(encoding="utf-8")
    # Most modules have none, and needn't be taken apart.
    if not re.search(rf"[\"'\n]\s*(?:{_VERBS})\s", module):
        return
    nodes = list(ast.walk(ast.parse(module)))
    pieces = {id(value) for node in nodes if isinstance(node, ast.JoinedStr) for value in node.values}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            parts = (str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
            yield Text(name, "".join(parts), is_whole=False)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in pieces:
            yield Text(name, node.value)


@functools.cache
def written() -> list[Text]:
    """Every statement of the house."""
    modules = [path for path in sorted(SOURCE.rglob("*.py")) if path.relative_to(SOURCE).as_posix() not in ELSEWHERE]
    found = [text for path in modules for text in texts(path)]
    queries = sorted((SOURCE / "sql" / "queries").glob("*.sql"))
    found += [Text(f"sql/queries/{path.name}", sql.query(path.stem)) for path in queries]
    return [one for one in found if STATEMENT.match(one.text)]


def values(text: str) -> dict[str, object]:
    """A value for every parameter of a statement."""
    kinds: dict[str, object] = {"Identifier": "reclassify_1", "String": "x", "Bool": True}
    return {name: kinds.get(kind, [] if kind.startswith("Array") else 1) for name, kind in PLACEHOLDER.findall(text)}


def schema(cluster: Cluster) -> list[str]:
    """The whole schema, in the order in which an empty cluster gets it."""
    house = [*fleet.TABLES, migrate._CREATE, *(one for step in sql.migrations() for one in step.statements)]
    return [text for statement in house for text in cluster.statements(statement)]


def run_time() -> list[tuple[str, str]]:
    """What the house runs beside its migrations, as the cluster gets it, and where it is written."""
    made = [erasure._shared("url"), erasure._unname(True), erasure._unmention()]
    found = [one for one in written() if one.is_whole and one.where not in REFUSED]
    found += [Text("store/erasure.py", text) for text in made]
    return [
        (one.where, statement)
        for one in found
        if one.text not in {*fleet.TABLES, migrate._CREATE}
        for statement in BY_RECIPIENT.statements(one.text, values(one.text))
    ]


def hold(name: str, statements: list[str]) -> None:
    """Compare with the golden file."""
    path = GOLDEN / name
    text = ";\n\n".join(statement.strip() for statement in statements) + ";\n"
    if os.environ.get("RENEW_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("cluster", [BY_RECIPIENT, BY_WORKSPACE], ids=lambda cluster: cluster.shard_by)
def test_the_schema_of_a_cluster(cluster):
    hold(f"schema_by_{cluster.shard_by}.sql", schema(cluster))


def test_the_statements_of_a_cluster():
    found = sorted({f"-- {name}\n{statement.strip()}" for name, statement in run_time()})
    hold("statements.sql", found)


def test_every_statement_of_the_house_has_a_rule():
    found = written()
    assert len(found) > 50
    for one in found:
        with contextlib.suppress(StoreError) if one.where in REFUSED else contextlib.nullcontext():
            assert BY_RECIPIENT.statements(one.text, values(one.text)) != (one.text,) or may_stay(one.text)


def may_stay(text: str) -> bool:
    """Whether a statement is the same on a cluster: it is about rows of a table that is everywhere, or that only one
    node has, or it is an INSERT, which the Distributed table takes."""
    table = re.search(r"(?:INTO|FROM|TABLE) ([`{:\w]+)", text)
    return table is not None and (text.lstrip().startswith("INSERT") or table[1] not in SHARDED)


def test_the_engine_can_read_every_statement(house):
    engine = house.services.engine
    for text in [*schema(BY_RECIPIENT), *schema(BY_WORKSPACE), *(statement for _, statement in run_time())]:
        engine.query(f"EXPLAIN AST {text}", values(text), "Null")


@pytest.mark.parametrize(("shard", "replica"), [("1", "node-a"), ("2", "node-b")])
def test_an_engine_with_replicated_tables_makes_the_schema(tmp_path, shard, replica):
    """All that a Keeper in the process can do: tables are made, under their paths; then they are read-only."""
    schema_file = tmp_path / "schema.sql"
    schema_file.write_text("\0".join(schema(BY_RECIPIENT)), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(REPLICATED), str(tmp_path), shard, replica], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [tuple(line.split("\t")) for line in done.stdout.splitlines()]
    replicas = {name: path for kind, name, path in lines if kind == f"replica {replica}"}
    assert {f"{name}_local" for name in SHARDED} == {name for name, path in replicas.items() if f"/{shard}/" in path}
    for name, path in replicas.items():
        plain = name.removesuffix("_local")
        assert path == f"/turnout/turnout/{shard if plain in SHARDED else 'everywhere'}/{plain}"
    assert set(replicas) >= {"catalog", "deadletters", "uniques", "leaving", "schema_migrations", "locks", "members"}
    assert {name: engine for kind, name, engine in lines if kind == "distributed"}.keys() == set(SHARDED)
    assert ("view", "counts_of_events", "turnout.events_local turnout.counts_local") in lines
    # Nothing but what a table without a Keeper can't do was refused.
    assert {error for kind, error, _ in lines if kind == "refused"} <= {"242", "344", "236"}


@pytest.mark.parametrize(
    "text",
    [
        "OPTIMIZE TABLE events FINAL",
        "CREATE TABLE t AS events",
        "CREATE TABLE t (a UInt8) ENGINE = ReplicatedMergeTree ORDER BY a",
        "CREATE TABLE t (a UInt8)",
        "CREATE VIEW v AS SELECT 1",
        "CREATE MATERIALIZED VIEW v TO counts AS SELECT 1 FROM catalog",
        "CREATE MATERIALIZED VIEW v TO uniques AS SELECT 1 FROM events",
        "CREATE MATERIALIZED VIEW v TO counts AS SELECT 1 FROM events AS e INNER JOIN catalog USING (campaign)",
        "ALTER TABLE events DETACH PART 'all_1_1_0'",
        "ALTER TABLE events DROP PART 'all_1_1_0'",
        "ALTER TABLE catalog DROP PART 'all_1_1_0'",
        "ALTER TABLE events FREEZE",
        "ALTER TABLE credits MOVE PARTITION 1 TO TABLE events",
        "DROP TABLE events",
        "DROP TABLE IF EXISTS events SYNC",
        "DROP DATABASE turnout",
        "RENAME TABLE events TO old",
        "KILL QUERY WHERE query_id IN (SELECT query_id FROM system.backups) ASYNC",
        "SYSTEM STOP MERGES events",
        "BACKUP TABLE events TO Disk('d', 'x')",
        "SELECT 1",
        "",
    ],
)
def test_a_statement_without_a_rule_is_refused(text):
    with pytest.raises(StoreError, match="can't be done"):
        BY_RECIPIENT.statements(text)


@pytest.mark.parametrize("name", ["events; DROP TABLE x", "a b", "", "x" * 201, "évents"])
def test_a_table_s_name_is_one(name):
    with pytest.raises(StoreError):
        BY_RECIPIENT.statements("TRUNCATE TABLE {table:Identifier}", {"table": name})


@pytest.mark.parametrize(
    ("text", "parameters", "expected"),
    [
        # Tables of one node: whatever keeps its rows in memory.
        (
            "CREATE TABLE {t:Identifier} (a Int8) ENGINE = Join(ANY, LEFT, a)",
            {"t": "x"},
            ["CREATE TABLE {t:Identifier} (a Int8) ENGINE = Join(ANY, LEFT, a)"],
        ),
        (
            "DROP TABLE IF EXISTS {t:Identifier} SYNC",
            {"t": "x"},
            ["DROP TABLE IF EXISTS `turnout`.x ON CLUSTER 'main' SYNC"],
        ),
        # A sharded table, named by a parameter.
        (
            "TRUNCATE TABLE {t:Identifier}",
            {"t": "credits"},
            ["TRUNCATE TABLE `turnout`.credits_local ON CLUSTER 'main'"],
        ),
        ("DELETE FROM `events` WHERE 1", {}, ["DELETE FROM `turnout`.events_local ON CLUSTER 'main' WHERE 1"]),
        # One that is everywhere: any node tells the others, but for settings, which each has of its own.
        ("ALTER TABLE catalog DELETE WHERE 1", {}, ["ALTER TABLE catalog DELETE WHERE 1"]),
        (
            "ALTER TABLE catalog MODIFY SETTING a = 1",
            {},
            ["ALTER TABLE `turnout`.catalog ON CLUSTER 'main' MODIFY SETTING a = 1"],
        ),
        ("SYSTEM SYNC REPLICA leaving", {}, ["SYSTEM SYNC REPLICA ON CLUSTER 'main' `turnout`.leaving"]),
        # A column comes first to where the rows are, then to what reads them; only the former stores it.
        (
            "-- why\nALTER TABLE events ADD COLUMN b Int8 CODEC(Delta(1), ZSTD) AFTER a",
            {},
            [
                "ALTER TABLE `turnout`.events_local ON CLUSTER 'main' ADD COLUMN b Int8 CODEC(Delta(1), ZSTD) AFTER a",
                "ALTER TABLE `turnout`.events ON CLUSTER 'main' ADD COLUMN b Int8 AFTER a",
            ],
        ),
        # A rollup is filled shard by shard.
        (
            "INSERT INTO counts SELECT 1 SETTINGS a = 1",
            {},
            ["INSERT INTO counts SELECT 1 SETTINGS a = 1, parallel_distributed_insert_select = 2"],
        ),
        ("INSERT INTO events SELECT 1", {}, ["INSERT INTO events SELECT 1"]),
        (
            "KILL MUTATION WHERE database = currentDatabase() AND table = 'events' SYNC",
            {},
            [
                "KILL MUTATION ON CLUSTER 'main' WHERE database = 'turnout' "
                "AND table IN ('events', concat('events', '_local')) SYNC"
            ],
        ),
        (
            "KILL QUERY WHERE query_id = {id:String} SYNC",
            {"id": "q"},
            ["KILL QUERY ON CLUSTER 'main' WHERE initial_query_id = {id:String} SYNC"],
        ),
    ],
)  # fmt: skip
def test_what_becomes_of_a_statement(text: str, parameters: Parameters, expected: list[str]):
    assert list(BY_RECIPIENT.statements(text, parameters)) == expected


def test_mutations_are_looked_for_on_all_nodes():
    asked = BY_RECIPIENT.question("SELECT 1 FROM system.mutations WHERE table = 'events'")
    assert asked == (
        "SELECT 1 FROM (SELECT * REPLACE (replaceRegexpOne(table, '_local$', '') AS table) "
        "FROM clusterAllReplicas('main', system.mutations)) WHERE table = 'events'\n"
        "SETTINGS skip_unavailable_shards = 1"
    )
    assert BY_RECIPIENT.question("SELECT 1 FROM events") == "SELECT 1 FROM events"


def test_a_cluster_s_writes_are_kept_by_a_quorum_and_its_reads_see_them():
    assert BY_RECIPIENT.write_settings["insert_quorum"] == "auto"
    assert BY_WORKSPACE.write_settings["insert_quorum"] == "2"
    for cluster in (BY_RECIPIENT, BY_WORKSPACE):
        assert cluster.write_settings["insert_quorum_parallel"] == 0
        assert cluster.write_settings["distributed_foreground_insert"] == 1
        for settings in (cluster.write_settings, cluster.read_settings):
            assert settings["select_sequential_consistency"] == 1
            assert settings["distributed_product_mode"] == "global"
    # Only where a whole workspace lies on one shard, the others need not be asked.
    assert "optimize_skip_unused_shards" not in BY_RECIPIENT.read_settings
    assert BY_WORKSPACE.read_settings["optimize_skip_unused_shards"] == 1


def test_an_insert_is_repeated_only_where_it_can_t_count_twice():
    assert BY_RECIPIENT.may_repeat("events", "token")
    assert BY_RECIPIENT.may_repeat("catalog", "")
    assert not BY_RECIPIENT.may_repeat("events", "")
    assert not OneServer().may_repeat("events", "token")


def test_a_single_server_gets_the_house_s_statements_and_remembers_tokens():
    server = layout_of(parse_url("clickhouse://h/d"))
    assert server == OneServer()
    window = "replicated_deduplication_window"
    for step in sql.migrations():
        for text in step.statements:
            (found,) = server.statements(text)
            assert (found == text) == (window not in text)
    (found,) = server.statements(f"ALTER TABLE t MODIFY SETTING\n {window} = 7, {window}_seconds = 9")
    assert found == f"ALTER TABLE t MODIFY SETTING\n non_{window} = 7"
    assert server.statements("SYSTEM SYNC REPLICA leaving") == ()
    assert not server.write_settings
    assert not server.read_settings


def test_the_layout_is_that_of_the_address():
    found = layout_of(parse_url("clickhouse://h/turnout?cluster=main&shard_by=workspace&quorum=2"))
    assert found == BY_WORKSPACE
    assert BY_WORKSPACE.key == "cityHash64(workspace)"
    assert "recipient" in BY_RECIPIENT.key
