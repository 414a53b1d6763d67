"""Whether there are servers to run the tests of this folder on."""

from __future__ import annotations

import pytest
from tests.real.conftest import SERVERS

from turnout.store.address import parse_url


@pytest.mark.skipif(not SERVERS, reason="TURNOUT_TEST_CLUSTER names no ClickHouse servers (docs/cluster.md)")
def test_the_servers_that_are_named_answer_and_know_their_cluster(store):
    address = parse_url(SERVERS)
    for node in range(len(store.nodes)):
        assert store.ask("SELECT 1", node) == [["1"]]
        if address.cluster:
            asked = f"SELECT uniqExact(shard_num), count() FROM system.clusters WHERE cluster = '{address.cluster}'"
            ((shards, _replicas),) = store.ask(asked, node)
            assert int(shards) >= 1
            macros = store.ask("SELECT macro FROM system.macros", node)
            assert {"shard", "replica"} <= {name for (name,) in macros}
