"""ClickHouse's configuration, loaded by ClickHouse's own engine as each of the nodes; Keeper's, against it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
from tests.deploy.documents import DEPLOY, compose, environment_of, hosts

#: Opened in a process of its own: the engine reads its configuration once, and keeps its directory.
_NODE = """
import json, os, sys
from chdb.state.sqlitelike import Connection
opened = Connection(f"{sys.argv[1]}?config-file={sys.argv[2]}")
def ask(sql):
    return json.loads(opened.query(sql, "JSONCompact").bytes())["data"]
shards = ask("SELECT shard_num, replica_num, host_name, port, internal_replication FROM system.clusters "
             "WHERE cluster = 'main' ORDER BY 1, 2")
print(json.dumps([shards, dict(ask("SELECT macro, substitution FROM system.macros"))]))
sys.stdout.flush()
os._exit(0)
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """What a node knows when it has read cluster.xml in the environment that compose gives it."""
    service = compose()["services"]["clickhouse-2-1"]
    environment = {**environment_of(service), "CLICKHOUSE_CLUSTER_SECRET": "s", "CLICKHOUSE_TURNOUT_PASSWORD": "p"}
    done = subprocess.run(
        [sys.executable, "-c", _NODE, str(tmp_path_factory.mktemp("node")), str(DEPLOY / "clickhouse/cluster.xml")],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    shards, macros = json.loads(done.stdout.splitlines()[-1])
    return shards, macros


def test_a_node_sees_the_cluster_that_compose_makes(node):
    shards, _ = node
    placed = {
        environment_of(one)["CLICKHOUSE_HOST"]: int(environment_of(one)["CLICKHOUSE_SHARD"])
        for one in compose()["services"].values()
        if "CLICKHOUSE_HOST" in environment_of(one)
    }
    assert {host: int(shard) for shard, _, host, _, _ in shards} == placed
    assert [(int(shard), int(replica)) for shard, replica, *_ in shards] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert {port for *_, port, _ in shards} == {9000}
    # Otherwise every replica would be written to twice.
    assert {int(internal) for *_, internal in shards} == {1}


def test_a_node_knows_itself(node):
    _, macros = node
    assert macros == {"shard": "2", "replica": "clickhouse-2-1"}


def test_the_keepers_that_nodes_ask_are_those_that_there_are():
    asked = [host for host, port in hosts("cluster.xml") if port == 9181]
    raft = dict(hosts("keeper.xml"))
    assert sorted(asked) == sorted(raft)
    keeper = ET.parse(DEPLOY / "clickhouse/keeper.xml").getroot()
    assert keeper.findtext("keeper_server/tcp_port") == "9181"
    ids = {one.findtext("hostname"): one.findtext("id") for one in keeper.iter("server")}
    for name, one in compose()["services"].items():
        if name.startswith("keeper-"):
            assert ids[f"{name}.keeper"] == environment_of(one)["KEEPER_ID"]


def test_who_asks_a_keeper_hears_what_another_one_was_told():
    keeper = ET.parse(DEPLOY / "clickhouse/keeper.xml").getroot()
    assert keeper.findtext("keeper_server/coordination_settings/quorum_reads") == "true"


def test_every_variable_that_the_configuration_takes_is_given():
    given = {
        "cluster.xml": "clickhouse-1-1",
        "users.xml": "clickhouse-1-1",
        "keeper.xml": "keeper-1",
    }
    for file, service in given.items():
        asked = {one.get("from_env") for one in ET.parse(DEPLOY / "clickhouse" / file).iter()} - {None}
        assert asked
        assert asked <= set(environment_of(compose()["services"][service])), file
    added = compose("compose.testing.yaml")["services"]["clickhouse-1-1"]
    asked = {one.get("from_env") for one in ET.parse(DEPLOY / "clickhouse/testers.xml").iter()} - {None}
    assert asked <= set(environment_of(added))


def test_no_password_is_written_down_and_every_user_has_one():
    for file in ("users.xml", "testers.xml"):
        (users,) = ET.parse(DEPLOY / "clickhouse" / file).iter("users")
        for user in users:
            if user.tag != "default":
                assert user.find("password").get("from_env")
                assert not user.findtext("password")
    (users,) = ET.parse(DEPLOY / "clickhouse/users.xml").iter("users")
    assert [ip.text for ip in users.find("default").iter("ip")] == ["127.0.0.1", "::1"]


def test_the_engine_understands_every_grant():
    queries = [one.text for one in ET.parse(DEPLOY / "clickhouse/users.xml").iter("query")]
    assert len(queries) > 5
    script = "import json, sys\nfrom chdb.state.sqlitelike import Connection\nopened = Connection(':memory:')\n"
    script += "for query in json.load(sys.stdin):\n    opened.query('EXPLAIN AST ' + query + ' TO turnout')\n"
    subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(queries),
        text=True,
        timeout=60,
        check=True,
        capture_output=True,
    )
