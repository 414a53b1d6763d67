"""Whether the rows of a cluster are where they belong: events on the shard of their key, and the same on all replicas.

An engine and cells go in; what lies elsewhere comes out. On one server, and in this process, there is nothing to find.
Distinct recipients of shards are added up, so a person whose events lie on two shards would count twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from turnout import sql
from turnout.store.engine import Engine, Value, rows
from turnout.store.events import Cells

_MISPLACED = sql.query("misplaced")
_REPLICAS = sql.query("replicas")
#: Each shard answers for itself.
_PER_SHARD = "SELECT shardNum() AS shard, count() FROM events SETTINGS distributed_group_by_no_merge = 1"

#: Campaigns of one statement.
_CAMPAIGNS_AT_ONCE = 50

#: A replica that has more to fetch than this, or is further behind, is named.
_QUEUE_LIMIT = 100
_DELAY_LIMIT_S = 60


@dataclass(frozen=True)
class Misplaced:
    """So many events of a campaign are on a shard that is not theirs."""

    campaign: str
    shard: int
    events: int


@dataclass(frozen=True)
class Replica:
    """One table of one node, and what is wrong with it: `reason`."""

    node: str
    table: str
    reason: str


@dataclass(frozen=True)
class Shards:
    """How many events each shard has, and the replicas that are not well."""

    events: tuple[tuple[int, int], ...] = ()
    replicas: tuple[Replica, ...] = ()


def misplaced(engine: Engine, cells: Cells, limit: int = 1000) -> list[Misplaced]:
    """Up to `limit` campaigns of each shard per fifty campaigns; reads the key's columns of all events there."""
    placed = engine.placement
    if placed is None:
        return []
    ends = tuple(accumulate(placed.weights))
    found: list[Misplaced] = []
    for at in range(0, len(cells.campaigns), _CAMPAIGNS_AT_ONCE):
        asked: dict[str, Value] = {
            "workspace": cells.workspace,
            "campaigns": cells.campaigns[at : at + _CAMPAIGNS_AT_ONCE],
            "from_ms": cells.from_ms,
            "to_ms": cells.to_ms,
            "ends": ends,
            "weight": ends[-1],
            "limit": limit,
        }
        # The key is the house's own SQL (`cluster.py`).
        statement = _MISPLACED.replace("sharding_key", placed.key)
        found += [
            Misplaced(campaign, int(shard), int(events)) for campaign, shard, events in rows(engine, statement, asked)
        ]
    return sorted(found, key=lambda one: (one.campaign, one.shard))


def shards(engine: Engine) -> Shards:
    """The shards' events, and replicas that can't be written to, have lost their session, or lag behind."""
    placed = engine.placement
    if placed is None:
        return Shards()
    events = tuple(sorted((int(shard), int(count)) for shard, count in rows(engine, _PER_SHARD)))
    asked: dict[str, Value] = {
        "cluster": placed.cluster,
        "queue_limit": _QUEUE_LIMIT,
        "delay_limit_s": _DELAY_LIMIT_S,
    }
    return Shards(events, tuple(Replica(*row) for row in rows(engine, _REPLICAS, asked)))
