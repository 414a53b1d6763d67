"""The views behind a topic, on two shards: an event lies where its person's others are, and counts once.

The statements are those that docs/kafka.md makes for a cluster, run on one node as its reader does; what stands for the
topic is a table that keeps nothing. The settings of an insert are those of the page's profile.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from tests.standin.cluster import Cluster
from tests.store.test_kafka import PAGE, TOPIC, on_cluster

WORKSPACE = "kafka-on-two"
START = 1_791_200_000
PERSONS = 40

EVENTS = [
    {"type": kind, "time": START + person, "campaign": "spring", "id": f"{kind}{person}", "recipient": f"r{person}"}
    for person in range(PERSONS)
    for kind in ("sent", "opened", "clicked")
]

Deliver = Callable[..., None]
Node = Callable[..., list[list[str]]]


def profile() -> dict[str, str]:
    """What the page puts into the servers' default profile."""
    (text,) = re.findall(r"<default>(.*?)</default>", PAGE.read_text(encoding="utf-8"), re.S)
    found = dict(re.findall(r"<(\w+)>(\w+)</\1>", text))
    # The miniature has one replica a shard, and no Keeper that could take turns.
    return {name: value for name, value in found.items() if not name.startswith("insert_quorum")}


@pytest.fixture(scope="module")
def deliver(cluster: Cluster, database: str, tmp_path_factory: pytest.TempPathFactory) -> Deliver:
    """Hands a block of messages to a node, as its consumer would."""
    for name, statement in on_cluster(tmp_path_factory.mktemp("kafka")).items():
        text = statement
        if name == "5_messages.sql":
            text = TOPIC.replace("kafka_messages\n", "kafka_messages ON CLUSTER 'main'\n")
        cluster.ask(text, database=database, param_workspace=WORKSPACE, param_keep_addresses="1")

    def hand_over(*messages: dict[str, object], node: int = 0) -> None:
        lines = "\n".join(json.dumps(one) for one in messages)
        text = f"INSERT INTO kafka_messages (raw) FORMAT JSONAsString\n{lines}"
        cluster.ask(text, node=node, database=database, **profile())

    return hand_over


def test_events_lie_with_their_persons_and_count_once(deliver: Deliver, node: Node):
    deliver(*EVENTS, EVENTS[0])
    deliver(*EVENTS[:50], node=1)
    deliver(*EVENTS, {**EVENTS[0], "id": "new"}, node=1)
    ours = f"WHERE workspace = '{WORKSPACE}'"
    persons = [{name for (name,) in node(n, f"SELECT DISTINCT recipient FROM events_local {ours}")} for n in (0, 1)]
    assert len(persons[0]) + len(persons[1]) == len(persons[0] | persons[1]) == PERSONS
    assert min(len(persons[0]), len(persons[1])) > 0
    stored = [int(node(n, f"SELECT count() FROM events_local {ours}")[0][0]) for n in (0, 1)]
    assert sum(stored) == len(EVENTS) + 1
    # Each shard's rollup counts its own events.
    counted = [int(node(n, f"SELECT sum(events) FROM counts_local {ours}")[0][0]) for n in (0, 1)]
    assert counted == stored
