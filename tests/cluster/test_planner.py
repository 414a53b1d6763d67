"""What the engine's own planner makes of the house's kinds of SELECT: over a Distributed table of two shards they say
what they say over one table with the same rows."""

from __future__ import annotations

import json

import pytest
from tests.standin.cluster import Cluster

#: 600 events of 40 persons and of nobody, in three campaigns, over two days; the same into every table.
ROWS = """
INSERT INTO {table} (workspace, campaign, type, time, id, recipient, message, amount, quantity, traffic, received)
SELECT 'planner', ['a', 'b', 'c'][1 + h % 3], ['sent', 'opened', 'clicked', 'purchased'][1 + intDiv(h, 3) % 4],
    fromUnixTimestamp64Milli(toInt64(1791200000000 + intDiv(h, 12) % 172800000), 'UTC'), number,
    if(h % 41 = 0, '', 'p' || toString(h % 41)), ['m1', 'm2'][1 + intDiv(h, 7) % 2],
    toDecimal64(h % 1000, 6) / 100, h % 5, if(h % 11 = 0, 'bot', 'human'), now64(3)
FROM (SELECT number, cityHash64(number) AS h FROM numbers(600))
"""

KEY = "cityHash64(recipient)"

QUESTIONS = {
    "counts": "SELECT count(), sum(amount), min(time), max(time), sum(quantity) FROM {t}",
    "counts of groups": "SELECT campaign, type, count(), sum(amount) FROM {t} GROUP BY campaign, type ORDER BY 1, 2",
    "a group of no column": "SELECT 'x' AS k, 0 AS z, campaign, count() FROM {t} GROUP BY k, z, campaign ORDER BY 3",
    "conditions": "SELECT countIf(type = 'sent'), sumIf(amount, type = 'purchased' AND traffic != 'bot') FROM {t}",
    "distinct persons": "SELECT uniqExact(recipient), uniqExactIf(recipient, type = 'opened') FROM {t}",
    "distinct persons of groups": """
        SELECT toDate(time, 'Asia/Kolkata') AS day, campaign, uniqExactIf(recipient, notEmpty(recipient)) AS n
        FROM {t} WHERE type IN ('sent', 'opened') GROUP BY day, campaign HAVING n > 1 ORDER BY day, campaign""",
    "what persons did": """
        SELECT countIf(bitTest(did, 0)), countIf(bitTest(did, 1)), countIf(did = 3) FROM (
            SELECT groupBitOr(multiIf(type = 'sent', 1, type = 'opened', 2, 0)) AS did
            FROM {t} WHERE notEmpty(recipient) GROUP BY recipient)""",
    "distinct rows": "SELECT DISTINCT campaign, message FROM {t} ORDER BY campaign, message",
    "a page": "SELECT id, time FROM {t} WHERE campaign = 'a' ORDER BY time DESC, id LIMIT 5 OFFSET 7",
    "the first of each": "SELECT campaign, id FROM {t} ORDER BY campaign, time, id LIMIT 2 BY campaign",
    "no rows": "SELECT campaign, count() FROM {t} WHERE campaign = 'nowhere' GROUP BY campaign",
    "nothing counted": "SELECT count(), uniqExact(recipient) FROM {t} WHERE campaign = 'nowhere'",
    "every column": "SELECT * EXCEPT received FROM {t} ORDER BY id LIMIT 3",
    "arithmetic of sums": "SELECT sum(amount) / count() AS each, max(time) - min(time), each > 3 FROM {t}",
    "states of many kinds": """
        SELECT argMax(recipient, (time, id)), argMin(id, id), anyLast(workspace), length(groupUniqArray(recipient)),
            arraySort(groupArray(id))[3], quantileExact(0.5)(quantity), groupBitAnd(quantity + 8),
            sumMap([campaign], [toUInt64(quantity)]), countDistinct(message)
        FROM {t}""",
    "a list": "SELECT count() FROM {t} WHERE recipient IN (SELECT recipient FROM {t} WHERE type = 'sent' AND id < 99)",
    "not in a list": "SELECT count() FROM {t} WHERE type = 'sent' AND id NOT IN (SELECT id FROM {t} WHERE id > 9)",
    "a join of persons": """
        SELECT e.campaign, count(), uniqExact(t.recipient) FROM {t} AS e
        JOIN (SELECT recipient, min(time) AS first FROM {t} WHERE type = 'sent' GROUP BY recipient) AS t
        ON e.recipient = t.recipient WHERE e.type = 'purchased' AND e.time > t.first GROUP BY e.campaign ORDER BY 1""",
    "a join of rows": """
        SELECT count(), sum(l.amount) FROM {t} AS l JOIN {t} AS r ON l.recipient = r.recipient AND l.type = r.type
        WHERE l.campaign = 'a' AND r.campaign = 'b'""",
    "the latest touch": """
        SELECT e.id, t.id FROM (SELECT * FROM {t} WHERE type = 'purchased') AS e
        ASOF JOIN (SELECT * FROM {t} WHERE type = 'sent') AS t ON e.recipient = t.recipient AND e.time >= t.time
        ORDER BY e.id LIMIT 10""",
    "a window": """
        SELECT id, sum(quantity) OVER (PARTITION BY recipient ORDER BY time, id) AS running,
            lagInFrame(time) OVER (PARTITION BY recipient ORDER BY time, id
                ROWS BETWEEN 1 PRECEDING AND 1 PRECEDING) AS before, count() OVER () AS total
        FROM {t} WHERE campaign = 'b' ORDER BY id LIMIT 20""",
    "a window over groups": """
        SELECT campaign, n, sum(n) OVER (ORDER BY n, campaign) AS running, count() OVER () AS total
        FROM (SELECT campaign, count() AS n FROM {t} GROUP BY campaign) ORDER BY campaign""",
    "one subquery's row": """
        SELECT count() FROM {t} WHERE time >= (SELECT min(time) + INTERVAL 1 HOUR FROM {t})
        AND has((SELECT arraySort(groupUniqArray(campaign)) FROM {t} WHERE campaign != 'c'), campaign)""",
    "arrays": """
        SELECT part, count() FROM (SELECT arrayJoin([campaign, message]) AS part FROM {t}) GROUP BY part ORDER BY 1""",
}  # fmt: skip


@pytest.fixture(scope="module")
def planned(cluster: Cluster, database: str) -> str:
    """A database with the same rows in `events`, over both shards, and in `whole`, a plain table on the first node."""
    name = cluster.new_database()
    columns = f"AS {database}.events_local ENGINE"
    for statement in (
        f"CREATE TABLE events_local ON CLUSTER main {columns} = MergeTree ORDER BY (campaign, type, time)",
        f"CREATE TABLE events ON CLUSTER main {columns} = Distributed(main, {name}, events_local, {KEY})",
        f"CREATE TABLE whole {columns} = MergeTree ORDER BY id",
    ):
        cluster.ask(statement, database=name)
    for table in ("whole", "events"):
        cluster.ask(ROWS.format(table=table), database=name, distributed_foreground_insert=1)
    return name


def _rows(answer: str) -> tuple[object, object]:
    found = json.loads(answer)
    return found["meta"], found["data"]


@pytest.mark.parametrize("name", QUESTIONS)
def test_two_shards_say_what_one_table_says(cluster, planned, name):
    spread, whole = (
        _rows(cluster.ask(question, database=planned, distributed_product_mode="global"))
        for question in (f"{QUESTIONS[name].replace('{t}', table)} FORMAT JSONCompact" for table in ("events", "whole"))
    )
    assert spread == whole


def test_both_shards_have_some(cluster, planned):
    counts = [int(cluster.ask("SELECT count() FROM events_local", node=place, database=planned)) for place in (0, 1)]
    assert sum(counts) == 600
    assert min(counts) > 200


def test_every_node_may_be_asked(cluster, planned):
    asked = "SELECT campaign, uniqExact(recipient) FROM events GROUP BY 1 ORDER BY 1"
    assert cluster.ask(asked, node=1, database=planned) == cluster.ask(asked, node=0, database=planned) != ""


def test_each_shard_counts_its_own_persons_and_the_sum_is_exact(cluster, planned):
    """No person crosses the network; right only because all of a person is on one shard."""
    own = "SELECT campaign, uniqExact(recipient) AS n FROM events GROUP BY campaign"
    own += " SETTINGS distributed_group_by_no_merge = 1"
    exact = cluster.ask("SELECT campaign, uniqExact(recipient) FROM whole GROUP BY 1 ORDER BY 1", database=planned)
    assert len(cluster.ask(own, database=planned).splitlines()) == 6
    added = f"SELECT campaign, sum(n) FROM ({own}) GROUP BY campaign ORDER BY campaign"
    assert cluster.ask(added, database=planned) == exact


def test_without_that_key_the_sum_counts_persons_twice(cluster, planned):
    """What the sharding key is for, and what `turnout check` looks for: rows that are elsewhere than it says."""
    columns = "AS events_local ENGINE"
    for statement in (
        f"CREATE TABLE astray_local ON CLUSTER main {columns} = MergeTree ORDER BY id",
        f"CREATE TABLE astray ON CLUSTER main {columns} = Distributed(main, {planned}, astray_local, cityHash64(id))",
    ):
        cluster.ask(statement, database=planned)
    cluster.ask("INSERT INTO astray SELECT * FROM whole", database=planned, distributed_foreground_insert=1)
    own = "SELECT uniqExact(recipient) AS n FROM astray SETTINGS distributed_group_by_no_merge = 1"
    exact = int(cluster.ask("SELECT uniqExact(recipient) FROM whole", database=planned))
    assert int(cluster.ask(f"SELECT sum(n) FROM ({own})", database=planned)) > exact
    assert int(cluster.ask("SELECT uniqExact(recipient) FROM astray", database=planned)) == exact


def test_the_states_of_two_shards_are_merged_and_not_added(cluster, planned):
    """What both shards have seen is one thing in the answer."""
    kinds = "uniqExact(type), groupBitOr(quantity), quantileExact(0.9)(quantity), min(time)"
    found = [cluster.ask(f"SELECT {kinds} FROM {table}", database=planned) for table in ("events", "whole")]
    assert found[0] == found[1]
    assert found[0].startswith("4\t")


@pytest.mark.parametrize("asked", ["SELECT campaign, count() FROM events GROUP BY campaign WITH ROLLUP"])
def test_what_the_shard_s_stand_in_does_not_know_it_refuses(cluster, planned, asked):
    with pytest.raises(AssertionError, match="the stand-in can't make the state of this"):
        cluster.ask(asked, database=planned)
    # And goes on.
    assert cluster.ask("SELECT count() FROM events", database=planned) == "600\n"
